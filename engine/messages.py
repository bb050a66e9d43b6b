"""Messages: lines that come in pieces or together, each whole before its deadline or not at all."""

import contextlib
import math
import select
import socket
import struct
import time

from engine.errors import Unusable
from engine.escapes import came
from engine.foreign import check_protocol
from engine.language import _
from engine.replies import CHUNK, DONT_WAIT, SURELY_THERE, ReplyingHandler, can_be_read

#: Seconds for which a thread that leads waits for a message before it makes way: most clients have
#: sent theirs by then.
AS_LEADER = 0.001

#: Seconds that one wait for a message may last before it looks whether the server is stopping, where
#: no stop wakes it: on Windows, in a server without `GracefulStop`.
LONGEST_WAIT = 0.5

#: Seconds without another byte after which the log tells of a message without a line feed.
LINE_FEED_AFTER = 3.0

#: Bytes of an unfinished message in which other protocols than HTTP show.
FIRST_BYTES = 64

TOO_LONG = "ERR message too long: at most {limit} bytes before the line feed"
TIMED_OUT = "ERR no complete message within {seconds:g} s: send one line, ended by a line feed"
CAME = " ({count} bytes came: '{text}')"
NO_LINE_END = "ERR the last message had no line feed at its end and was dropped"
STOPPED = "ERR the server stops, and your last message was not complete: send it again later"


class MessageHandler(ReplyingHandler):
    """A handler that receives lines: the lesson's ``recvall``, for many at a time and with limits.

    ``timeout`` is how many seconds a message has to arrive whole, ``max_line`` how many bytes it
    may have, its line feed not counted. A server that stops sets its event ``stopping``, and shuts
    down the reading side of the sockets or rings its ``bell``: that wakes whoever waits here.
    """

    max_line = 65536
    time_limit = None  # what the system has been told to allow a recv()
    may_still_read = None  # bytes that may still be read once the server is stopping
    waiting = False  # whether it waits for the client to send
    before_first = True  # whether nothing whole has come yet
    partial = b""  # what has come of a message whose line feed has not come

    def receive(self, deadline=None):
        """Return the complete messages that have come, at least one: bytes, without the last
        line feed.

        Waits for the first of them, however many pieces it comes in, until the *deadline*
        (``time.monotonic()``; without one for ``timeout`` seconds). None: the client has closed
        its side, or the server is stopping. Raises `Unusable`; ``socket.timeout`` when no
        message was complete at the ``deadline`` (the client is told); ``ConnectionError``
        when the client is gone, or closed its side in the middle of a message.
        """
        self.deadline = deadline or time.monotonic() + self.timeout
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
            self.partial = self.partial or bytearray()
            self.partial += chunk
        if self.partial:
            chunk = self.partial + chunk
        if self.before_first:
            check_protocol(chunk)
            self.before_first = False
        block, _, rest = chunk.rpartition(b"\n")
        if rest or self.partial:
            self.partial = bytearray(rest)
        return block

    def read(self):
        """Return the bytes that come next, none when the client, or the server, has ended."""
        if self.stopping.is_set():
            return self.read_what_came_before_the_stop()
        if self.leading:
            try:
                return self.connection.recv(CHUNK, DONT_WAIT)
            except BlockingIOError:
                pass  # it has not come yet
            if can_be_read(self.connection, AS_LEADER):
                return self.connection.recv(CHUNK)
            self.make_way()
        self.waiting = True
        chunk = self.wait_and_read()
        self.waiting = False
        return chunk

    def doing(self):
        """As in `ReplyingHandler`; here the client may also be silent, or in mid-message."""
        if not self.waiting:
            return super().doing()
        count = len(self.partial)
        return ("half a message" if count else "silent"), self.deadline - self.timeout, count

    def wait_and_read(self):
        """As `read`, but it waits until the deadline."""
        began, silence = time.monotonic(), LINE_FEED_AFTER if self.partial else math.inf
        while not self.stopping.is_set():
            # The deadline is the message's: more bytes do not buy more time.
            remaining = self.deadline - time.monotonic()
            if remaining <= 0:
                self.say_it_is_late()
                raise socket.timeout("no complete message in time")
            with contextlib.suppress(BlockingIOError):
                if DONT_WAIT:
                    self.let_the_system_wait(min(remaining, silence))
                return self.connection.recv(CHUNK)
            if not DONT_WAIT:
                limit = min(remaining, silence, math.inf if self.bell else LONGEST_WAIT)
                select.select([self.connection, self.bell or self.connection], [], [], limit)
            if silence < remaining and time.monotonic() >= began + silence:
                silence = math.inf
                if hasattr(self.server, "no_line_feed"):
                    self.server.no_line_feed(self.client_address, self.partial)
        return self.read_what_came_before_the_stop()

    def say_it_is_late(self):
        """Tell the client that its message has not come in time, and what has come of it."""
        text = _(TIMED_OUT).format(seconds=self.timeout)
        if self.partial:
            text += _(CAME).format(count=len(self.partial), text=came(self.partial))
        self.send_last_words(text)

    def let_the_system_wait(self, seconds):
        """Have recv() wait at most *seconds*, rounded to 10 ms: so it seldom has to be set again.

        With settimeout() Python would ask poll() before every recv().
        """
        limit = math.ceil(seconds * 100)
        if limit != self.time_limit:
            packed = struct.pack("ll", limit // 100, limit % 100 * 10000)
            with contextlib.suppress(OSError):  # macOS: the client is gone; recv() will tell
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, packed)
            self.time_limit = limit

    def read_what_came_before_the_stop(self):
        """As `read`, without waiting, and no more than the system can have held at the stop."""
        if self.may_still_read is None:
            self.may_still_read = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        if self.may_still_read <= 0 or not can_be_read(self.connection, 0):
            return b""
        chunk = self.connection.recv(CHUNK)
        self.may_still_read -= len(chunk)
        return chunk

    def reply_is_at_risk(self, more):
        """Tell whether *more* that came, which is noted, or may come would cut off the reply."""
        more = more or self.partial or can_be_read(self.connection, 0) and self.more_came()
        if more:
            self.note_more()
        return more or self.last_size > SURELY_THERE

    def end_of_input(self):
        """The client sends no more: what it left unfinished is dropped."""
        if self.partial:
            if self.stopping.is_set():
                self.send_last_words(_(STOPPED))
                raise ConnectionAbortedError("the server stopped in the middle of a message")
            self.send_last_words(_(NO_LINE_END))
            raise ConnectionAbortedError("it closed in the middle of a message")

    def too_long(self):
        """Return the exception that says how long a message may be."""
        return Unusable("", _(TOO_LONG).format(limit=self.max_line))

    def fits(self, line):
        """Tell whether the *line*, maybe with a carriage return, is as long as one may be."""
        return len(line) - line.endswith(b"\r") <= self.max_line
