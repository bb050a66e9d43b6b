"""Lines in and out: each message has its deadline, and a reply that was sent arrives."""

import contextlib
import logging
import math
import os
import select
import socket
import socketserver
import struct
import threading
import time

log = logging.getLogger(__name__)

#: Bytes asked of the socket at a time.
CHUNK = 32768

#: Seconds, at most, that input which nobody will use is still read so that the last reply
#: survives (nginx's lingering_timeout has the same default), and those while the server stops.
LINGER = 5.0
LINGER_AT_STOP = 0.5

#: Seconds for which a thread that leads waits for a message before it makes way: most clients have
#: sent theirs by then.
AS_LEADER = 0.001

#: Seconds that one wait for a message may last before it looks whether the server is stopping.
#: Elsewhere than on Windows the stop wakes those who wait: `GracefulStop.stop`.
LONGEST_WAIT = 0.5 if os.name == "nt" else math.inf

#: The flag that has one call on a blocking socket not wait. Windows has none: there the sockets do
#: not block, as the time-out that they have at rest says.
DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
AT_REST = None if DONT_WAIT else 0.0

#: For a server that knows no graceful stop: an event that never happens.
NEVER = threading.Event()

TIMED_OUT = "ERR no complete message within {seconds:g} s: send one line, ended by a line feed"
NO_LINE_END = "ERR the last message had no line feed at its end and was dropped"
STOPPED = "ERR the server stops, and your last message was not complete: send it again later"


class MessageTooLong(Exception):
    """A message went past ``max_line`` before its line feed came."""


class LineConnection(socketserver.StreamRequestHandler):
    """A handler that reads lines and writes lines, and makes way before it waits.

    Class attributes that may be overridden:

    - ``timeout``: seconds for each message to arrive whole, and for its reply to be taken;
    - ``max_line``: bytes a message may have, its line feed not counted.

    Any ``socketserver`` server will do. One with an event called ``stopping`` can also end
    conversations gracefully, by setting it and shutting down the reading side of the sockets; of
    one with `LeadingThreads` the lead is kept for as long as there is nothing to wait for.
    """

    timeout = 60.0
    max_line = 65536

    # StreamRequestHandler would wrap the socket in two file objects here. For one short line
    # they cost as much as all the rest of the handler, and readline() cannot keep a deadline.

    def setup(self):
        self.connection = self.request
        self.stopping = getattr(self.server, "stopping", NEVER)
        self.leading = hasattr(self.server, "leads") and self.server.leads()
        self.partial = bytearray()  # of a message whose line feed has not come
        self.ready = []  # lines to be sent
        self.unsent = b""
        self.time_limit = None  # what the system has been told to allow a recv()
        self.left_at_stop = None  # bytes that may still be read once the server is stopping
        if not DONT_WAIT:
            self.connection.settimeout(AT_REST)

    def finish(self):
        """Close the connection: it was all sent, and nothing else holds on to the socket."""
        self.connection.close()

    def make_way(self):
        """To be called before a wait: sends what is ready, and lets another thread lead."""
        self.flush()
        if self.leading:
            self.leading = False
            self.server.make_way()

    def send_at_once(self):
        """Have replies that follow one another not wait for the client's acknowledgements."""
        with contextlib.suppress(OSError):  # not TCP; macOS: or the client is gone, recv() will tell
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    # In

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
            with contextlib.suppress(BlockingIOError):
                return self.connection.recv(CHUNK, DONT_WAIT)
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

    # Out

    def flush(self):
        """Send the lines that are ready, if there are any."""
        if not self.ready:
            return
        data = ("\n".join(self.ready) + "\n").encode()
        self.ready.clear()
        try:
            sent = self.connection.send(data, DONT_WAIT)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self.unsent = memoryview(data)[sent:]
            self.send_rest()

    def send_rest(self):
        """Wait until the client has taken what is ``unsent``, ``timeout`` seconds at most."""
        self.make_way()
        self.connection.settimeout(self.timeout)
        self.connection.sendall(self.unsent)
        self.connection.settimeout(AT_REST)
        self.unsent = b""

    def send_last_words(self, text):
        """Send one more line to a client that may not be there to read it."""
        try:
            self.connection.setblocking(False)
            self.connection.send(text.encode() + b"\n")
        except OSError as error:
            log.debug("Could not say '%s': %s.", text, error)

    def discard_input(self):
        """Read what else the client sends, and drop it, until it closes: at most a few seconds.

        To close a socket with unread input resets the connection (RFC 9293, 3.10.4; RFC 2525,
        2.17), and the reset can overtake the last reply.
        """
        self.make_way()
        began = time.monotonic()
        limit = min(self.timeout, LINGER)
        try:
            self.connection.shutdown(socket.SHUT_WR)
            while True:
                if self.stopping.is_set():
                    limit = min(limit, LINGER_AT_STOP)
                remaining = began + limit - time.monotonic()
                if remaining <= 0:
                    break
                if (can_be_read(self.connection, min(remaining, LINGER_AT_STOP))
                        and not self.connection.recv(CHUNK)):
                    break
        except OSError as error:
            log.debug("The client did not wait for its last reply: %s.", error)

    def more_came(self):
        """Tell whether the client has sent more than was read (and read some of it)."""
        try:
            return bool(self.connection.recv(CHUNK, DONT_WAIT))
        except OSError:
            return False  # no more, or it is gone


def can_be_read(connection, seconds):
    """Wait until there is something to read, or the end; return False after so many *seconds*."""
    if hasattr(select, "poll"):  # select() cannot watch descriptors beyond 1023
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(math.ceil(seconds * 1000)))
    return bool(select.select([connection], [], [], seconds)[0])
