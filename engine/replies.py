"""Replies: one that was sent arrives, however slowly the client reads and whatever it sends."""

import contextlib
import logging
import math
import select
import socket
import threading
import time

from engine.language import reason
from engine.support import ClientState, Word, support_of

log = logging.getLogger(__name__)

#: Bytes asked of the socket at a time.
CHUNK = 32768

#: Seconds for which replies are gathered, to be sent together, while the next one is made. The clock
#: costs as much as a reply: it is read once for LOOK_EVERY characters of them.
GATHER = 0.001
LOOK_EVERY = 64

#: Seconds, at most, that input which nobody will use is still read so that the last reply
#: survives (nginx's lingering_timeout has the same default), and those while the server stops.
LINGER = 5.0
LINGER_AT_STOP = 0.5

#: Bytes of a reply that surely arrives once it was sent: any system has room for them.
SURELY_THERE = 1024

#: The flag that has one call on a blocking socket not wait. Windows has none: there the sockets do
#: not block, as the time-out that they have at rest says.
DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
AT_REST = None if DONT_WAIT else 0.0


class Replies(ClientState):
    """What one client is sent by its *handler*, a `socketserver.StreamRequestHandler`; it makes way
    before it waits.

    The attributes belong to the thread that answers the client, which other threads may only read.
    """

    unsent = b""
    lost = False  # whether the client did not take a reply
    last_size = 0  # bytes of the replies that were sent last
    drops_input = False  # whether what its client still sends is read and dropped

    def __init__(self, handler):
        self.connection, self.address = handler.request, handler.client_address
        self.timeout = handler.timeout
        self.support = support = support_of(handler.server)
        self.stopping, self.leading = support.stopping, support.leads()
        self.thread = threading.get_ident()
        self.ready = []  # lines to be sent
        self.verbose = log.isEnabledFor(logging.DEBUG)  # whether each message is logged
        if not DONT_WAIT:
            self.connection.settimeout(AT_REST)
        support.introduce(self.connection, self)

    def doing(self):
        if self.unsent:
            return Word.NOT_READING, None, 0
        return Word.LEAVING if self.drops_input else Word.IN_WORK, None, 0

    def mistake(self, reply):
        """Return *reply*, an ``ERR`` for the client, after having the server note it."""
        self.support.mistake(self.address, reply)
        return reply

    def make_way(self):
        """To be called before a wait: sends what is ready, and lets another thread lead."""
        self.flush()
        if self.leading:
            self.leading = False
            self.support.make_way()

    def send_at_once(self):
        """Have replies that follow one another not wait for the client's acknowledgements."""
        with contextlib.suppress(OSError):  # not TCP; macOS: or the client is gone, recv() will tell
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def send(self, lines):
        """Send *lines*, texts without line feeds, as they are made: those that are there at the
        same time together. None is kept back while the next one waits for something, if it makes
        way first.
        """
        ready, clock = self.ready, time.perf_counter
        size, look, due = 0, LOOK_EVERY, clock() + GATHER
        for line in lines:
            ready.append(line)
            size += len(line) + 1
            if size >= look:
                if size > CHUNK or clock() > due:
                    self.flush()
                    size, due = 0, clock() + GATHER
                look = size + LOOK_EVERY
        self.flush()

    def flush(self):
        """Send the lines that are ready, if there are any."""
        if not self.ready:
            return
        data = ("\n".join(self.ready) + "\n").encode()
        self.ready.clear()
        self.last_size = len(data)
        try:
            try:
                sent = self.connection.send(data, DONT_WAIT)
            except BlockingIOError:
                sent = 0
            if sent < len(data):
                self.unsent = memoryview(data)[sent:]
                self.send_rest()
        except OSError:
            self.lost = True
            raise

    def send_rest(self):
        """Wait until the client has taken what is ``unsent``, ``timeout`` seconds at most."""
        self.make_way()
        deadline = time.monotonic() + self.timeout
        while self.unsent:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise socket.timeout("it did not take its reply in time")
            if can_be_written(self.connection, remaining):
                with contextlib.suppress(BlockingIOError):
                    self.unsent = self.unsent[self.connection.send(self.unsent, DONT_WAIT):]
        self.unsent = b""

    def refuse(self, error):
        """Answer what came instead of a message, as *error*, an `Unusable`, says; it was the last."""
        self.answered += 1
        self.ready.append(error.before + self.mistake(error.reply))
        self.flush()
        self.discard_input()

    def send_last_words(self, text):
        """Send one more line, an ``ERR``, to a client that may not be there to read it."""
        self.answered += 1  # what came of its message is answered
        self.mistake(text)
        try:
            self.connection.setblocking(False)
            self.connection.send(text.encode() + b"\n")
        except OSError as error:
            log.debug("Could not say '%s': %s.", text, reason(error))

    def discard_input(self):
        """Read what else the client sends, and drop it, until it closes: at most a few seconds."""
        self.make_way()
        self.drops_input = True
        drain(self.connection, min(self.timeout, LINGER), self.stopping)


def drain(connection, seconds, stopping):
    """Send no more; read what else comes, and drop it, until the client closes: at most for
    *seconds*, and hardly at all when the event *stopping* is set.

    To close a socket with unread input resets the connection (RFC 9293, 3.10.4; RFC 2525, 2.17),
    and the reset can overtake the last reply.
    """
    began = time.monotonic()
    try:
        connection.shutdown(socket.SHUT_WR)
        while True:
            if stopping.is_set():
                seconds = min(seconds, LINGER_AT_STOP)
            remaining = began + seconds - time.monotonic()
            if remaining <= 0:
                break
            if can_be_read(connection, min(remaining, LINGER_AT_STOP)) and not connection.recv(CHUNK):
                break
    except OSError as error:
        log.debug("The client did not wait for its last reply: %s.", reason(error))


def has_closed(connection):
    """Tell whether the other end has closed its side, and all that it sent was read."""
    try:
        return not connection.recv(1, socket.MSG_PEEK | DONT_WAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def can_be_read(connection, seconds):
    """Wait until there is something to read, or the end; return False after *seconds*."""
    try:
        return bool(select.select([connection], [], [], seconds)[0])
    except ValueError:  # a descriptor beyond 1023, which takes a poll() and twice the time; or closed
        if not hasattr(select, "poll"):
            raise
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(math.ceil(seconds * 1000)))


def can_be_written(connection, seconds):
    """Wait until there is room for something to be sent; return False after *seconds*."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(connection, select.POLLOUT)
        return bool(poll.poll(math.ceil(seconds * 1000)))
    return bool(select.select([], [connection], [], seconds)[1])
