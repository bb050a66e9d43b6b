"""Pace: how long a reply takes now, beside how long it took just before, and beside this machine's own."""

import collections
import socket
import statistics
import threading
import time

#: A reply that takes so many times as long as just before, and so many seconds more, was slowed down.
TIMES_SLOWER, SECONDS_SLOWER = 8, 0.05

#: So many replies are measured: few, since each takes a port of this system for a minute.
REPLIES = 3

#: Seconds that a reply of the server takes, and a byte to a thread of our own and back: medians.
Pace = collections.namedtuple("Pace", "server own")


def pace(server):
    """Return the `Pace` of the *server*."""
    times = []
    for _number in range(REPLIES):
        message, start = server.message(), time.monotonic()
        server.ask(message)
        times.append(time.monotonic() - start)
    return Pace(statistics.median(times), own_pace())


def own_pace():
    """Return the seconds that a byte takes to another thread of this program and back."""
    one, other = socket.socketpair()
    thread = threading.Thread(target=echo, args=(other,), daemon=True)
    thread.start()
    times = []
    with one:
        for _number in range(9):
            start = time.monotonic()
            one.sendall(b"x")
            one.recv(1)
            times.append(time.monotonic() - start)
    thread.join()
    return statistics.median(times)


def echo(connection):
    with connection:
        for byte in iter(lambda: connection.recv(1), b""):
            connection.sendall(byte)


def slowed(server):
    """Return how many times slower the *server* has become since its ``pace`` was taken last, if it stays
    so: else 0. What slows down this machine as well does not count."""
    before = server.pace
    for _again in range(3):
        now = server.pace = pace(server)
        machine = max(1.0, now.own / max(before.own, 1e-6))
        times = now.server / max(before.server, 1e-6) / machine
        if times < TIMES_SLOWER or now.server - before.server < SECONDS_SLOWER:
            return 0
    return round(times)
