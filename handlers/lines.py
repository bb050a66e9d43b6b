"""A message a line, a reply a line: the conversation that every service here shares."""

import contextlib
import errno
import logging
import math
import os
import socket
import socketserver
import threading
import time

from handlers.screen import excerpt, printable

log = logging.getLogger(__name__)

#: Bytes asked of the socket at a time; also how many bytes of replies are gathered for one send.
CHUNK = 65536

#: Seconds, at most, that input which nobody will use is still read so that the last reply
#: survives (nginx's lingering_timeout has the same default).
LINGER = 5.0

#: Seconds that one wait for a message may last before it looks whether the server is stopping.
#: Elsewhere than on Windows the stop wakes those who wait: `BoundedThreadingTCPServer.stop`.
LONGEST_WAIT = 0.5 if os.name == "nt" else math.inf

#: The flag that has one call on a blocking socket not wait; Windows has none.
DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)

#: Bytes of replies that are out before a client can have sent more: no need to look.
SHORT = 1024

#: For a server that knows no graceful stop: an event that never happens.
NEVER = threading.Event()

TIMED_OUT = "ERR no complete message within {seconds:g} s: send one line, ended by a line feed"
TOO_LONG = "ERR message too long: at most {limit} bytes before the line feed"
NO_LINE_END = "ERR the last message had no line feed at its end and was dropped"
NOT_UTF_8 = "the message is not valid UTF-8 (byte {position}): send text in UTF-8"
NOT_A_LINE = "reply() returned {reply!r}: expected a str without line feeds"
FAILED = "ERR the service failed on this message: its log says why"


class BadMessage(ValueError):
    """A message that the service cannot take: its text, after ``ERR``, is the reply."""


class MessageTooLong(Exception):
    """A message went past ``max_line`` before its line feed came."""


class LineHandler(socketserver.StreamRequestHandler):
    """Talk with one client: bytes -> messages -> replies -> bytes.

    A service overrides

    - ``reply(message)``: called for each message, returns its reply; raises `BadMessage` with
      what is wrong and what was expected;

    and, only where it keeps something between clients,

    - ``running()``: a context manager around the whole service, entered before the first
      client and left after the last.

    Class attributes that may be overridden:

    - ``timeout``: seconds for each message to arrive whole, and for its reply to be taken;
    - ``max_line``: bytes a message may have, its line feed not counted;
    - ``keep_open``: whether to go on after the first reply, until the client closes;
    - ``work``: seconds to take over every message, in imitation of an expensive operation.

    How the conversation ended reaches the server as socketserver provides: `handle` returns
    when the client was answered, lets ``socket.timeout`` out when a deadline passed, and
    ``ConnectionError`` when the client went away; each goes to ``server.handle_error``.
    Any ``socketserver`` server will do; one with an event called ``stopping`` can also end
    conversations gracefully by setting it and shutting down the reading side of the sockets.
    """

    timeout = 60.0
    max_line = 65536
    keep_open = False
    work = 0.0

    @classmethod
    def running(cls):
        """Return the context manager that the service runs in; this one does nothing."""
        return contextlib.nullcontext()

    def reply(self, message):
        """Return the reply, a str without line feeds, to *message*, a str without its line end."""
        raise NotImplementedError("a service overrides reply()")

    # StreamRequestHandler would wrap the socket in two file objects here. For one short line
    # they cost as much as all the rest of the handler, and readline() cannot keep a deadline.

    def setup(self):
        self.connection = self.request
        # Most clients have sent their message before it is their turn: try without waiting
        # first, since with a time-out Python asks poll() before every recv().
        if not DONT_WAIT:
            self.connection.settimeout(self.timeout)
        self.stopping = getattr(self.server, "stopping", NEVER)
        self.partial = bytearray()
        self.answered = 0
        if self.keep_open:
            # Replies that follow one another must not wait for the client's acknowledgement.
            with contextlib.suppress(OSError):  # macOS: the client is gone; recv() will tell
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def finish(self):
        """Close the connection: it was all sent, and nothing else holds on to the socket."""
        self.connection.close()

    def handle(self):
        """Answer the client's messages until it, a limit or the server's stop ends it."""
        try:
            while True:
                lines = self.receive()
                if not lines:
                    break
                sent = self.answer(lines if self.keep_open else lines[:1])
                if not self.keep_open or self.stopping.is_set():
                    if len(lines) > 1 or self.partial or (
                            (self.work or sent > SHORT) and self.more_came()):
                        self.discard_input()
                    break
        except MessageTooLong:
            self.send(TOO_LONG.format(limit=self.max_line).encode() + b"\n")
            self.answered += 1
            self.discard_input()
        if not self.answered:
            raise ConnectionAbortedError("no message came")

    def receive(self):
        """Return the complete messages that have come, at least one: bytes, line ends cut off.

        Waits for the first of them, however many pieces it comes in. An empty list: the client
        has closed its side, or the server is stopping. Raises `MessageTooLong`;
        ``socket.timeout`` when no message was complete within ``timeout`` seconds (the client is
        told); ``ConnectionError`` when the client is gone, or closed its side in the middle of a
        message.
        """
        deadline = time.monotonic() + self.timeout
        connection = self.connection
        while True:
            try:
                chunk = connection.recv(CHUNK, 0 if connection.gettimeout() else DONT_WAIT)
                if b"\n" in chunk:
                    break
                if not chunk:
                    return self.end_of_input()
                self.partial += chunk
                if len(self.partial) - self.partial.endswith(b"\r") > self.max_line:
                    raise MessageTooLong
            except (BlockingIOError, socket.timeout) as error:
                if error.errno == errno.ETIMEDOUT:  # the network's word, not our own limit
                    raise ConnectionAbortedError(error.strerror) from None
                if self.stopping.is_set():
                    return self.end_of_input()
            # The deadline is the message's: more bytes do not buy more time.
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                self.send_last_words(TIMED_OUT.format(seconds=self.timeout))
                raise socket.timeout("no complete message in time")
            connection.settimeout(min(remaining, LONGEST_WAIT))
        lines = (self.partial + chunk).split(b"\n")
        self.partial = lines.pop()
        return lines

    def end_of_input(self):
        """The client sends no more: what it left unfinished is dropped."""
        if self.partial:
            self.send_last_words(NO_LINE_END)
            raise ConnectionAbortedError("it closed in the middle of a message")
        return []

    def answer(self, lines):
        """Answer each of *lines*, sending the replies together unless they take their time.

        Returns how many bytes were sent last.
        """
        replies = bytearray()
        for line in lines:
            if line.endswith(b"\r"):
                line = line[:-1]
            if len(line) > self.max_line:
                self.send(replies)
                raise MessageTooLong
            replies += self.answer_to(line)
            self.answered += 1
            if self.work or len(replies) >= CHUNK:
                self.send(replies)
                replies = bytearray()
        self.send(replies)
        return len(replies)

    def answer_to(self, line):
        """Return the line to send back for the *line* received, both as bytes."""
        if self.work:
            self.stopping.wait(self.work)
        try:
            message = line.decode()
            reply = self.reply(message)
            if type(reply) is not str or "\n" in reply:
                raise TypeError(NOT_A_LINE.format(reply=reply))
            if log.isEnabledFor(logging.DEBUG):
                log.debug("Message '%s', reply '%s'.", excerpt(message), excerpt(reply))
            return reply.encode() + b"\n"
        except UnicodeDecodeError as error:
            problem = NOT_UTF_8.format(position=error.start + 1)
        except BadMessage as error:
            problem = str(error)
        except (Exception, SystemExit):
            # A mistake in the service, not in the message: the log is for whoever wrote it.
            log.exception("%s failed on the message %r.", type(self).__name__, bytes(line[:200]))
            return FAILED.encode() + b"\n"
        log.debug("A bad message: %s.", excerpt(problem))
        return "ERR {}\n".format(printable(problem)).encode()

    def send(self, data):
        """Send all of *data*, within ``timeout`` seconds however slowly the client reads."""
        if not data:
            return
        if not self.connection.gettimeout():
            try:
                sent = self.connection.send(data, DONT_WAIT)
            except BlockingIOError:
                sent = 0
            if sent == len(data):
                return
            data = memoryview(data)[sent:]
        if self.connection.gettimeout() != self.timeout:
            self.connection.settimeout(self.timeout)
        self.connection.sendall(data)

    def send_last_words(self, text):
        """Send one more line to a client that may not be there to read it."""
        try:
            self.connection.setblocking(False)
            self.connection.send(text.encode() + b"\n")
        except OSError as error:
            log.debug("Could not say '%s': %s.", text, error)

    def more_came(self):
        """Tell whether the client has sent more than was read (and read some of it)."""
        self.connection.setblocking(False)
        try:
            return bool(self.connection.recv(CHUNK))
        except OSError:
            return False  # no more, or it is gone

    def discard_input(self):
        """Read what else the client sends, and drop it, until it closes: at most a few seconds.

        To close a socket with unread input resets the connection (RFC 9293, 3.10.4; RFC 2525,
        2.17), and the reset can overtake the last reply.
        """
        deadline = time.monotonic() + min(self.timeout, LINGER)
        try:
            self.connection.shutdown(socket.SHUT_WR)
            while not self.stopping.is_set():
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    break
                self.connection.settimeout(min(remaining, LONGEST_WAIT))
                with contextlib.suppress(socket.timeout):
                    if not self.connection.recv(CHUNK):
                        break
        except OSError as error:
            log.debug("The client did not wait for its last reply: %s.", error)

