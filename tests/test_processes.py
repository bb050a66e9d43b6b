"""engine/processes.py: what is computed is computed elsewhere, and ends with the server."""

import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent import futures

import pytest
from conftest import (ENVIRONMENT, PATIENCE, ROOT, ask, needs_linux, needs_processes, read_all, serving,
                      wait_until)

from engine.effort import Computation
from engine.errors import CannotStart
from engine.processes import ATTEMPTS, CutShort, InPool, Pool, in_processes
from engine.variant import variant
from handlers.uppercase import UppercaseHandler

ENDLESS = 20.0 * PATIENCE


@pytest.fixture(scope="module")
def pool():
    """One process, which computes."""
    with Pool(1) as made:
        yield made


def fails(text):
    raise ValueError(text)


def times_out():
    raise futures.TimeoutError("its own")


def computing(pool, seconds, stopping):
    """Have something computed in a thread; return the thread, once a process is at it."""
    thread = threading.Thread(target=InPool(pool, Computation(seconds)).run, args=(stopping,), daemon=True)
    thread.start()
    wait_until(lambda: any(item.future.running() for item in list(
        pool._executor._pending_work_items.values())), "a process that computes")
    return thread


def test_what_a_process_returns_and_raises(pool):
    assert pool.call(pow, 2, 10) == 1024 and pool.call(os.getpid) != os.getpid()
    with pytest.raises(ValueError, match="of its own"):
        pool.call(fails, "of its own")
    with pytest.raises(futures.TimeoutError, match="its own"):
        pool.call(times_out)


def test_a_process_that_dies_is_replaced_and_its_work_is_done_again(pool, caplog):
    before, = pool._executor._processes.values()
    results = queue.SimpleQueue()
    thread = threading.Thread(target=lambda: results.put(pool.call(time.sleep, 1)), daemon=True)
    thread.start()
    wait_until(lambda: pool._executor._pending_work_items, "work")
    before.kill()
    assert results.get(timeout=PATIENCE) is None
    assert [record.getMessage() for record in caplog.records] == [
        "A process of the pool has died; others are started, and do its work again."]
    assert list(pool._executor._processes.values()) != [before]


def test_those_that_are_left_when_one_dies_end(pool):
    with Pool(3) as larger:
        before = list(larger._executor._processes.values())
        before[0].kill()
        wait_until(lambda: larger._executor._broken, "the pool to see that")
        assert larger.call(pow, 2, 10) == 1024
        wait_until(lambda: not any(process.is_alive() for process in before), "their end")


def test_what_kills_every_process_is_given_up(pool, caplog):
    with pytest.raises(futures.BrokenExecutor):
        pool.call(os._exit, 1)
    assert len(caplog.records) == ATTEMPTS - 1
    with pytest.raises(futures.BrokenExecutor):  # the last one has broken it
        pool._executor.submit(pow, 2, 10).result(PATIENCE)
    assert pool.call(pow, 2, 10) == 1024  # and it is mended


def test_where_no_process_can_be_had_any_more_the_client_is_told_so():
    class Broken:
        def run(self, stopping):
            raise futures.BrokenExecutor("gone")
    with serving(variant(UppercaseHandler, compute=Broken())) as server:
        assert ask(server, b"hello\n") == b"ERR the service failed on this message: its log says why\n"
        wait_until(lambda: server.totals()["failed"] == 1, "the client in the books")


def test_what_is_computed_ends_with_the_server(pool):
    """Also what no process has begun with."""
    stopping = threading.Event()
    with Pool(1) as own:
        threads = [computing(own, ENDLESS, stopping) for _ in range(4)]
        stopping.set()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
    with pytest.raises(CutShort):  # one who comes late
        own.call(pow, 2, 10)


def test_a_call_that_a_closed_pool_leaves_behind():
    with Pool(1) as own:
        results = queue.SimpleQueue()

        def call():
            try:
                results.put(own.call(time.sleep, ENDLESS))
            except CutShort as error:
                results.put(error)
        threading.Thread(target=call, daemon=True).start()
        wait_until(lambda: own._executor._pending_work_items, "work")
    assert isinstance(results.get(timeout=PATIENCE), CutShort)


def test_where_no_process_can_be_started_the_server_does_not_start(monkeypatch):
    def cannot(pool):
        raise OSError(12, "Cannot allocate memory")
    monkeypatch.setattr(Pool, "_start", cannot)
    handler = type("Handler", (), {"compute": Computation(0.001)})
    with pytest.raises(CannotStart, match=r"cannot start processes \(Cannot allocate memory\)"):
        with in_processes(handler, 2):
            raise AssertionError("it runs")


def children(pid):
    """Return the processes that the process *pid* has started (Linux)."""
    text = pathlib.Path("/proc/{0}/task/{0}/children".format(pid)).read_text()
    return [int(number) for number in text.split()]


def is_there(pid):
    try:
        return "zombie" not in pathlib.Path("/proc/{}/status".format(pid)).read_text()
    except OSError:
        return False


@needs_processes
def test_the_program_computes_in_processes_and_starts_nothing_twice(start_server):
    server = start_server("--compute", "0.01", "--processes", "2")
    assert server.ask("olá") == "OLÁ"
    assert server.stop() == 0
    assert server.out.all().count("Listening") == 1 and server.totals()["served"] == 1
    assert all(re.match(r"\S+ INFO ", line) for line in server.err.all().splitlines())


@needs_linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "SIGTERM"])
def test_a_signal_that_all_of_them_get(start_server, number):
    """As from a terminal, or from a system that stops its services. SIGTERM ends the processes: their work is
    done by others."""
    server = start_server("--compute", str(ENDLESS), "--processes", "1", start_new_session=True)
    started = children(server.process.pid)
    with server.connect() as client, server.connect() as another:
        for each in client, another:
            each.sendall(b"x\n")
        wait_until(lambda: sum(server_cpu(pid) for pid in started) > 0.5, "work in the process")
        os.killpg(server.process.pid, number)
        assert read_all(client) == read_all(another) == b"X\n"
        assert server.process.wait(PATIENCE) == 0
    assert server.totals()["served"] == 2 and "Traceback" not in server.err.all()
    wait_until(lambda: not any(map(is_there, started)))


def server_cpu(pid):
    """Return the seconds of processor time that the process *pid* has used."""
    fields = pathlib.Path("/proc/{}/stat".format(pid)).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@needs_linux
def test_processes_end_with_a_server_that_is_killed(start_server):
    server = start_server("--compute", "1", "--processes", "2")
    started = children(server.process.pid)
    assert len(started) >= 2
    server.kill()
    wait_until(lambda: not any(map(is_there, started)))


def test_processes_without_anything_to_compute():
    done = subprocess.run([sys.executable, "server.py", "--processes", "2"], cwd=str(ROOT), env=ENVIRONMENT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    assert done.returncode == 2 and b"expected --compute S with it" in done.stderr
