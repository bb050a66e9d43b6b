"""Messages: lines that come in pieces or together, each whole before its deadline or not at all."""

import contextlib
import math
import os
import socket
import struct
import time

from engine.replies import CHUNK, DONT_WAIT, ReplyingHandler, can_be_read

#: Seconds for which a thread that leads waits for a message before it makes way: most clients have
#: sent theirs by then.
AS_LEADER = 0.001

#: Seconds that one wait for a message may last before it looks whether the server is stopping.
#: Elsewhere than on Windows the stop wakes those who wait: `GracefulStop.stop`.
LONGEST_WAIT = 0.5 if os.name == "nt" else math.inf

TIMED_OUT = "ERR no complete message within {seconds:g} s: send one line, ended by a line feed"
NO_LINE_END = "ERR the last message had no line feed at its end and was dropped"
STOPPED = "ERR the server stops, and your last message was not complete: send it again later"


class MessageTooLong(Exception):
    """A message went past ``max_line`` before its line feed came."""


class MessageHandler(ReplyingHandler):
    """A handler that receives lines: the lesson's ``recvall``, for many at a time and with limits.

    ``timeout`` is how many seconds a message has to arrive whole, ``max_line`` how many bytes it
    may have, its line feed not counted. A server that stops sets its event ``stopping`` and shuts
    down the reading side of the sockets: that wakes whoever waits here.
    """

    max_line = 65536
    time_limit = None  # what the system has been told to allow a recv()
    left_at_stop = None  # bytes that may still be read once the server is stopping

    def setup(self):
        super().setup()
        self.partial = bytearray()  # of a message whose line feed has not come

    def receive(self):
        """Return the complete messages that have come, at least one: bytes, without the last
        line feed.

        Waits for the first of them, however many pieces it comes in. None: the client has closed
        its side, or the server is stopping. Raises `MessageTooLong`; ``socket.timeout`` when no
        message was complete at the ``deadline`` (the client is told); ``ConnectionError``
        when the client is gone, or closed its side in the middle of a message.
        """
        self.deadline = time.monotonic() + self.timeout
        return self.receive_by_deadline()

    def receive_by_deadline(self):
        """As `receive`, with the deadline as it is."""
        while True:
            if len(self.partial) > self.max_line and not self.fits(self.partial):
                raise MessageTooLong
            chunk = self.read()
            if not chunk:
                return self.end_of_input()
            if b"\n" in chunk:
                break
            self.partial += chunk
        if self.partial:
            chunk = self.partial + chunk
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
        return self.wait_and_read()

    def wait_and_read(self):
        """As `read`, but it waits until the deadline."""
        while not self.stopping.is_set():
            # The deadline is the message's: more bytes do not buy more time.
            remaining = self.deadline - time.monotonic()
            if remaining <= 0:
                self.send_last_words(TIMED_OUT.format(seconds=self.timeout))
                raise socket.timeout("no complete message in time")
            with contextlib.suppress(BlockingIOError):
                if DONT_WAIT:
                    self.let_the_system_wait(remaining)
                    return self.connection.recv(CHUNK)
                if can_be_read(self.connection, min(remaining, LONGEST_WAIT)):
                    return self.connection.recv(CHUNK)
        return self.read_what_came_before_the_stop()

    def let_the_system_wait(self, seconds):
        """Have recv() wait so long, in steps of 10 ms: it then mostly is so long as the last time.

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
        if self.left_at_stop is None:
            self.left_at_stop = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        if self.left_at_stop <= 0 or not can_be_read(self.connection, 0):
            return b""
        chunk = self.connection.recv(CHUNK)
        self.left_at_stop -= len(chunk)
        return chunk

    def end_of_input(self):
        """The client sends no more: what it left unfinished is dropped."""
        if self.partial:
            if self.stopping.is_set():
                self.send_last_words(STOPPED)
                raise ConnectionAbortedError("the server stopped in the middle of a message")
            self.send_last_words(NO_LINE_END)
            raise ConnectionAbortedError("it closed in the middle of a message")

    def fits(self, line):
        """Tell whether the *line*, maybe with a carriage return, is as long as one may be."""
        return len(line) - line.endswith(b"\r") <= self.max_line
