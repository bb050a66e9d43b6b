"""The load: many clients in one thread, each asking again as soon as it has its answer."""

import collections
import selectors
import socket
import statistics
import time

#: Seconds without any answer after which a run is given up.
PATIENCE = 30

#: Bytes of a message for which there is always room in a connection's buffers. Longer ones get room
#: before they are sent: this one thread sends to all before it reads from any.
SHORT = 1000


def one_message_a_connection(port, clients, total, message=b"hello, world\n", reply=None):
    """Make *total* connections, *clients* at a time, one message on each.

    Returns the seconds that each took, from connecting to the reply. Half of the clients are
    waited for at a time, the one that came last first, which has its reply last: so the load
    sleeps once and not for every reply, for to wake it is work that the server's processor time
    would have in it. A reply may then have waited a little for those after it. Of long messages the
    first is waited for: a server may keep its slot until a long reply is taken.
    """
    reply = reply or message.upper()
    address = ("127.0.0.1", port)
    waiting = collections.deque()
    waits = []

    def start():
        connection = socket.socket()
        if len(message) > SHORT:
            for option in socket.SO_SNDBUF, socket.SO_RCVBUF:
                connection.setsockopt(socket.SOL_SOCKET, option, 3 * len(message))
        began = time.perf_counter()
        connection.connect(address)
        connection.send(message)
        waiting.append((connection, began))

    started = 0
    while len(waits) < total:
        while len(waiting) < clients and started < total:
            start()
            started += 1
        many = (len(waiting) + 1) // 2 if len(message) <= SHORT else 1
        for connection, began in reversed([waiting.popleft() for _ in range(many)]):
            if connection.recv(len(reply), socket.MSG_WAITALL) != reply:
                raise ValueError("wrong answer")
            waits.append(time.perf_counter() - began)
            connection.close()
    return waits


def one_message_at_a_time(port, clients, total, message=b"hello, world\n", reply=None):
    """Send *total* messages over *clients* connections, each the next when it has its answer."""
    reply = reply or message.upper()
    selector = selectors.DefaultSelector()
    connections = [socket.create_connection(("127.0.0.1", port), PATIENCE)
                   for _ in range(clients)]
    waits = []
    for connection in connections:
        selector.register(connection, selectors.EVENT_READ, time.perf_counter())
        connection.sendall(message)
    while len(waits) < total:
        ready = selector.select(PATIENCE)
        if not ready:
            raise TimeoutError("no answer for %d s" % PATIENCE)
        for key, _ in ready:
            if key.fileobj.recv(1000) != reply:
                raise ValueError("wrong answer")
            now = time.perf_counter()
            waits.append(now - key.data)
            if len(waits) <= total - clients:  # so that none is left unanswered at the end
                selector.modify(key.fileobj, selectors.EVENT_READ, now)
                key.fileobj.sendall(message)
    for connection in connections:
        connection.close()
    return waits


def without_waiting(port, total, message=b"hello, world\n"):
    """Send *total* messages over one connection as fast as it takes them; return the seconds."""
    expected = total * len(message)
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.setblocking(False)
        selector = selectors.DefaultSelector()
        selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
        rest = memoryview(message * total)
        received = 0
        began = time.perf_counter()
        while received < expected:
            for _, events in selector.select(PATIENCE) or [(None, 0)]:
                if not events:
                    raise TimeoutError("no answer for %d s" % PATIENCE)
                if events & selectors.EVENT_READ:
                    received += len(connection.recv(1000000))
                if events & selectors.EVENT_WRITE:
                    rest = rest[connection.send(rest[:500000]):]
                    if not rest:
                        selector.modify(connection, selectors.EVENT_READ)
        return time.perf_counter() - began


def summary(waits):
    """Return (median, slowest) of *waits*."""
    return statistics.median(waits), max(waits)
