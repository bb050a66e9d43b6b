"""The wire: connections to the server, many at a time in one thread, each of which knows how it ended."""

import contextlib
import errno
import os
import selectors
import socket
import struct
import time

from talk.connecting import reaches_itself
from talk.examiner.ours import blame_us, codes

#: How a connection ended: by the server's orderly end, broken off, never begun.
CLOSED, RESET, REFUSED, ABSENT = "closed", "reset", "refused", "absent"

#: What a system says while it connects.
BEGUN = codes("EINPROGRESS", "EWOULDBLOCK", "EALREADY")

#: Bytes from one connection after which a server is taken to send without end.
ENOUGH = 2 ** 20

#: ``struct linger``: with it, and 0 seconds, a socket is closed by a reset (SO_LINGER).
LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)

#: Seconds that one wait may last, so that what this machine took for others shows.
LOOK = 0.05

#: Linux's ``select`` takes no descriptor above 1023; Windows has no ``poll``.
Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Connection:
    """A connection over a socket of its *own* that never blocks: `step` moves it on.

    ``connected`` is the seconds that connecting took, None until then; ``came`` the bytes that came,
    of which so many were ``taken`` for an earlier reply; ``sent`` is how many were to be sent; ``ended``
    how it ended, None until then.
    """

    def __init__(self, own):
        self.began = time.monotonic()
        self.connected = self.ended = None
        self.came, self.unsent, self.taken, self.sent = bytearray(), b"", 0, 0
        self.socket = own
        own.setblocking(False)
        # Each piece goes out at once, as a packet of its own (Nagle's algorithm, RFC 9293, 3.7.4).
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def begin(self, address):
        """Begin to connect to *address*. Raises `OwnProblem` when this system cannot."""
        code = self.socket.connect_ex(address)
        if code not in BEGUN:
            self.has_connected(code)

    def fileno(self):
        return self.socket.fileno()

    def age(self):
        """Return the seconds since it was begun."""
        return time.monotonic() - self.began

    def has_connected(self, code=0):
        """Take note that connecting came to this error number, 0 for none."""
        if code == 0 and reaches_itself(self.socket):
            code = errno.ECONNREFUSED  # nobody listens: the system gave it the port it asked for
        if code == 0:
            self.connected = self.age()
            return
        try:
            blame_us(OSError(code, os.strerror(code)))
        finally:
            self.close(REFUSED if code in codes("ECONNREFUSED", "ECONNRESET") else ABSENT)

    def send(self, data):
        """Have *data* sent, as `step` finds room for it."""
        self.unsent += data
        self.sent += len(data)
        if self.connected is not None and not self.ended:
            self._send()

    def _send(self):
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent):]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.unsent = b""  # it takes no more; what it said before may still be read

    def receive(self):
        """Take what is there."""
        try:
            data = self.socket.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.ended = self.ended or RESET
            return
        self.came += data
        if not data or len(self.came) > ENOUGH:
            self.ended = CLOSED

    def wants(self):
        """Return the events that it waits for, as a selector has them."""
        if self.connected is None:
            return selectors.EVENT_WRITE
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self.unsent else 0)

    def happens(self, events):
        """Move on after these *events*."""
        if self.connected is None:
            self.has_connected(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            if self.connected is not None and self.unsent:
                self._send()
            return
        if events & selectors.EVENT_WRITE:
            self._send()
        if events & selectors.EVENT_READ:
            self.receive()

    def end_input(self):
        """Tell the server that nothing more will come, and go on listening to it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def leave(self):
        """Close it in good order: input that nobody has read would make it a reset."""
        if not self.ended and self.connected is not None:
            self.receive()
        self.close()

    def break_off(self):
        """Close it with a reset, as a cable that is pulled and put back does."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        self.close()

    def close(self, ended=CLOSED):
        self.ended = self.ended or ended
        self.socket.close()


def new_socket(family):
    """Return a socket. Raises `OwnProblem` when this system has none left."""
    try:
        return socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        blame_us(error)
        raise


def step(connections, seconds):
    """Wait at most *seconds*, and no longer than a `LOOK`, for something to happen on one of the
    *connections*, and let it happen.

    Returns the seconds that this took and that count. What it took beyond what was asked for, this
    machine was busy with others: it may have kept the server from running as well.
    """
    asked, began = max(0.0, min(seconds, LOOK)), time.monotonic()
    waiting = [connection for connection in connections if not connection.ended]
    with Selector() as selector:
        for connection in waiting:
            selector.register(connection, connection.wants())
        for key, events in selector.select(asked) if waiting else ():
            key.fileobj.happens(events)
    if not waiting:
        time.sleep(asked)
    return min(time.monotonic() - began, asked)
