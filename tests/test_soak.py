"""The soak: 200,000 connections, honest and hostile: ``pytest --soak tests/test_soak.py``

At the end the server must have as many threads and descriptors, and as much memory, as after the
first 1,000 connections, and its totals must add up.
"""

import contextlib
import random
import threading
import time

import pytest
from conftest import PATIENCE, needs_linux, read_all, reset, wait_until

CONNECTIONS = 200000
WARM_UP = 1000
HOSTILE_THREADS = 8
HONEST_THREADS = 2


def misbehave(server, choose):
    """Open one connection from the hostile address and do something a client should not."""
    what = choose.random()
    with server.connect("127.0.0.2") as connection, contextlib.suppress(OSError):
        if what < 0.25:
            connection.sendall(b"Reci")
        elif what < 0.5:
            connection.sendall((b"", b"Reci", b"Recife,31,24\n")[choose.randrange(3)])
            reset(connection)
        elif what < 0.75:
            connection.sendall(bytes(choose.randrange(256) for _ in range(30)) + b"\n")
            read_all(connection)
        elif what < 0.85:
            connection.sendall(b"x" * 3000 + b"\n")
            read_all(connection)
        elif what < 0.855:
            read_all(connection)  # silent until it is timed out
        elif what < 0.95:
            connection.sendall(b"Recife,%d,24\n" % choose.randrange(25, 45))
        # else: leave at once


#: The threads that the server has without a client.
OWN_THREADS = "main", "acceptor", "consumer", "screen", "limit", "limit"


@needs_linux
def test_soak(request, start_server):
    if not request.config.getoption("--soak"):
        pytest.skip("takes minutes: give --soak to run it")
    server = start_server("--service", "temp", "--max-threads", "8", "--max-per-host", "6",
                          "--max-line", "1000", "--timeout", "0.5", "-q")
    server.ask("?")  # all that serves is there
    wait_until(lambda: server.threads() <= len(OWN_THREADS), "the first thread to end", PATIENCE)
    at_first = server.threads()
    lock = threading.Lock()
    counts = {"left": 0, "honest": 0}
    slowest = [0.0]

    def take():
        with lock:
            counts["left"] -= 1
            return counts["left"] >= 0

    def hostile(seed):
        choose = random.Random(seed)
        while take():
            misbehave(server, choose)

    def honest(seed):
        while take():
            began = time.monotonic()
            assert server.ask("Patos,%d,%d" % (seed + 1, seed), "127.0.0.3") == "BYE"
            slowest[0] = max(slowest[0], time.monotonic() - began)
            counts["honest"] += 1

    def run(connections):
        counts["left"] = connections
        threads = [threading.Thread(target=hostile, args=(n,)) for n in range(HOSTILE_THREADS)]
        threads += [threading.Thread(target=honest, args=(n,)) for n in range(HONEST_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # Threads without a client end after a while: then only what stays is left.
        wait_until(lambda: server.threads() <= at_first, "threads to end", PATIENCE)
        return server.threads(), server.descriptors(), server.memory()

    began = time.monotonic()
    first = run(WARM_UP)
    last = run(CONNECTIONS - WARM_UP)
    assert server.stop() == 0
    totals = server.totals()
    print("\n{} connections in {:.0f} s; slowest of {} honest answers {:.0f} ms".format(
        CONNECTIONS, time.monotonic() - began, counts["honest"], slowest[0] * 1000))
    print("threads, descriptors, memory after {}: {}, at the end: {}".format(
        WARM_UP, first, last))
    print("totals:", totals)
    assert last[0] == first[0] and last[1] == first[1]
    assert last[2] - first[2] < 4 * 2**20
    assert totals["accepted"] == sum(totals[name] for name in
                                     ("served", "refused", "timed out", "gone"))
    assert totals["failed"] == 0 and "Traceback" not in server.err.all()
    assert min(totals.values()) == 0 and totals["refused"] and totals["timed out"]
