"""Messages: lines that come in pieces or together, each whole before its deadline or not at all."""

import itertools
import socket
import time

from engine.errors import Unusable
from engine.foreign import check_protocol
from engine.incoming import Incoming
from engine.language import _
from engine.meant import with_hint
from engine.replies import CHUNK, DONT_WAIT, SURELY_THERE, can_be_read, has_closed

#: What C sends behind a line feed that sends the end of its string, too. It is dropped there.
NUL = b"\0"

#: Bytes of an unfinished message in which other protocols than HTTP show.
FIRST_BYTES = 64

TOO_LONG = "ERR message too long: at most {limit} bytes before the line feed"
NO_LINE_END = "ERR the last message had no line feed at its end and was dropped"
STOPPED = "ERR the server stops, and your last message was not complete: send it again later"
CLOSED_BEFORE = "it had closed before its reply came"
CLOSED_HALFWAY = "it closed in the middle of a message"
STOPPED_HALFWAY = "the server stopped in the middle of a message"


class Client(Incoming):
    """The client of a *handler*: messages come from it, and replies go to it.

    This is the lesson's ``recvall``, for many messages at a time and with limits. The handler's
    ``timeout`` is how many seconds a message has to arrive whole, ``max_line`` how many bytes it
    may have, its line feed not counted; ``keep_open`` says whether there may be more than one.
    """

    hint = None  # what to add where the first message is refused

    def __init__(self, handler):
        self.max_line, self.keep_open = handler.max_line, handler.keep_open
        super().__init__(handler)

    def receive_one(self):
        """Return the first message, None when there is none: as `receive`."""
        messages = self.receive()
        if messages is None:
            return None
        message, line_feed, rest = messages.partition(b"\n")
        if line_feed:
            self.partial = rest + b"\n" + self.partial
        return message

    def receive(self):
        """Return the complete messages that have come, at least one: bytes, with line feeds between
        them.

        Waits for the first of them, however many pieces it comes in, for ``timeout`` seconds. None:
        the client has closed its side, the server is stopping, or the client has had its replies and was
        silent for that long. Raises `Unusable`; ``socket.timeout`` when no message was complete in time
        (the client is told);
        ``ConnectionError`` when the client is gone, or closed its side in the middle of a message.
        """
        self.deadline = time.monotonic() + self.timeout
        return self.receive_until_deadline()

    def receive_until_deadline(self):
        """As `receive`, until the ``deadline`` by ``time.monotonic()``."""
        while True:
            if len(self.partial) > self.max_line and not self.fits(self.partial):
                raise self.too_long()
            chunk = self.read()
            if not chunk:
                return self.end_of_input()
            if b"\n" in chunk:
                break
            if self.before_first and len(self.partial) < FIRST_BYTES:
                check_protocol((self.partial + chunk)[:FIRST_BYTES])
            if not (self.partial or self.before_first):
                chunk = chunk.lstrip(NUL)
            self.partial = self.partial or bytearray()
            self.partial += chunk
        if self.partial:
            chunk = self.partial + chunk
        if self.before_first:
            self.hint = check_protocol(chunk)
            self.before_first = False
        messages, line_feed, rest = chunk.rpartition(b"\n")
        if rest or self.partial:
            self.partial = bytearray(rest.lstrip(NUL))
        return messages if len(messages) <= self.max_line else self.those_that_fit(messages)

    def end_of_input(self):
        """The client sends no more, or the server stops: what is unfinished is dropped."""
        self.ended = True
        stops = self.stopping.is_set()
        if self.partial:
            self.send_last_words(_(STOPPED) if stops else with_hint(_(NO_LINE_END), self.partial))
            raise ConnectionAbortedError(STOPPED_HALFWAY if stops else CLOSED_HALFWAY)
        if stops:
            self.discard_input()

    def mistake(self, reply):
        """As in `Replies`; with the first one goes what its bytes look like."""
        return super().mistake("{}; {}".format(reply, self.hint) if self.hint and not self.answered else reply)

    def let_reply_arrive(self):
        """See to it that what else came, or comes, does not cut off the last reply.

        Raises ConnectionError when it is known that the client had closed before its reply came.
        """
        if self.last_size <= SURELY_THERE:
            if self.partial:
                self.support.sent_more(self.address)
            try:
                self.connection.shutdown(socket.SHUT_WR)
            except OSError:  # the reply has come back as an error: on the same machine at once
                raise ConnectionAbortedError(CLOSED_BEFORE) from None
            self.lingers = True
            return
        if self.partial or can_be_read(self.connection, 0) and self.more_came():
            self.support.sent_more(self.address)
        self.discard_input()

    def more_came(self):
        """Tell whether what can be read now is more from the client (and read some), not its end.

        Raises ConnectionError when it had closed its connection, both ways, before its reply came.
        """
        chunk = self.connection.recv(CHUNK, DONT_WAIT)
        # It has closed its side, which it may. Only if it has closed the other one too, the
        # reply has come back as an error: on the same machine at once, else maybe too late.
        if not chunk and self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise ConnectionAbortedError(CLOSED_BEFORE)
        return bool(chunk)

    def hang_up(self):
        """Close the connection; if it is to live on for a moment, its server does that."""
        if self.lingers:
            self.support.linger(self.connection, self.address)
        else:
            self.connection.close()

    def those_that_fit(self, messages):
        """Return those of *messages* before the first that is too long, which stays in ``partial``: the next
        `receive` refuses it.

        Raises `Unusable` when there is none before it.
        """
        lines = messages.split(b"\n")
        fitting = list(itertools.takewhile(self.fits, lines))
        if len(fitting) < len(lines):
            self.partial = lines[len(fitting)]
            if not fitting:
                raise self.too_long()
        return b"\n".join(fitting)

    def fits(self, line):
        """Tell whether the *line*, maybe with a carriage return, is as long as one may be."""
        return len(line) - line.endswith(b"\r") <= self.max_line

    def too_long(self):
        """Return the exception that says how long a message may be."""
        return Unusable("", _(TOO_LONG).format(limit=self.max_line))

    # For other threads

    def is_leaving(self):
        if self.last_size and not (self.keep_open or self.unsent or self.drops_input):
            return True  # it has had its only reply; while its input is dropped it may linger
        if self.ended:
            return not self.drops_input
        return bool(self.last_size or self.waiting) and has_closed(self.connection)
