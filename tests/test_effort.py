"""engine/effort.py: --work waits, --compute computes, and neither outlasts a stop."""

import math
import threading
import time

from conftest import PATIENCE, connect, serving, wait_until

from engine.effort import Computation, has_gil, processors
from engine.replies import SURELY_THERE
from handlers import lines
from handlers.uppercase import UppercaseHandler


def test_a_computation_takes_the_time_of_a_processor_that_was_asked_for():
    """Within a factor of four: machines change their speed."""
    for seconds in 0.1, 0.3:
        computation, began = Computation(seconds), time.thread_time()
        computation.run(threading.Event())
        assert seconds / 4 < time.thread_time() - began < 4 * seconds, seconds


def test_a_stop_ends_what_is_waited_for_and_computed():
    handler = type("Handler", (UppercaseHandler,), {"work": 3.0 * PATIENCE,
                                                   "compute": Computation(3.0 * PATIENCE)})
    with serving(handler, max_threads=2) as server:
        clients = [connect(server) for _ in range(2)]
        for client in clients:
            client.sendall(b"x\n")
        wait_until(lambda: [slot.doing.word for slot in server.in_service()] == ["in work"] * 2)
        assert server.stop(PATIENCE) == 0
        assert [client.recv(10) for client in clients] == [b"X\n"] * 2


def test_the_program_computes_and_says_on_what(start_server):
    server = start_server("--compute", "0.02", "-v")
    server.err.wait_for(r"DEBUG Python 3\.\d+\.\S+ with {}; it may use {} processor\(s\)\.".format(
        "a GIL" if has_gil() else "no GIL", processors()))
    before = time.perf_counter()
    assert server.ask("olá") == "OLÁ"
    assert time.perf_counter() - before > 0.005


def test_without_the_gil_others_are_served_beside_a_long_message(monkeypatch):
    """A service that never waits is then served by as many threads as there are slots."""
    monkeypatch.setattr(lines, "ENOUGH_FOR_TWO", SURELY_THERE)  # as it is without the GIL
    both = threading.Barrier(2, timeout=PATIENCE)

    def reply(self, message):
        both.wait()
        return "here"
    handler = type("Handler", (UppercaseHandler,), {"waits": False, "reply": reply})
    with serving(handler, max_threads=2) as server:
        clients = [connect(server) for _ in range(2)]
        for client in clients:
            client.sendall(b"x" * (SURELY_THERE + 1) + b"\n")
        assert [client.recv(10) for client in clients] == [b"here\n"] * 2


def test_with_the_gil_one_thread_leads_on():
    assert lines.ENOUGH_FOR_TWO == (math.inf if has_gil() else SURELY_THERE)
