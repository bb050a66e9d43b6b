"""engine/processes.py: what is computed is computed elsewhere, and ends with the server."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
from concurrent import futures

import pytest
from conftest import ENVIRONMENT, PATIENCE, ROOT, needs_linux, read_all, wait_until

from engine.effort import Computation
from engine.errors import CannotStart
from engine.processes import ATTEMPTS, Pool, in_processes

ENDLESS = 20.0 * PATIENCE


@pytest.fixture(scope="module")
def pool():
    """One process, which computes."""
    made = Pool(Computation(0.01), 1)
    yield made
    made.close()


def computing(pool, seconds, stopping):
    """Have something computed in a thread; return the thread, once a process is at it."""
    pool._computation = Computation(seconds)
    thread = threading.Thread(target=pool.run, args=(stopping,), daemon=True)
    thread.start()
    wait_until(lambda: any(item.future.running() for item in list(
        pool._executor._pending_work_items.values())), "a process that computes")
    return thread


def test_a_process_that_dies_is_replaced_and_what_it_did_is_done_again(pool, caplog):
    stopping, before = threading.Event(), list(pool._executor._processes.values())
    thread = computing(pool, ENDLESS, stopping)
    pool._computation = Computation(0.01)
    before[0].kill()
    thread.join(PATIENCE)
    assert not thread.is_alive()  # computed elsewhere: here it would be at it for ever
    assert [record.getMessage() for record in caplog.records] == [
        "A process that computed has died; others are started, and compute it again."]
    assert list(pool._executor._processes.values()) != before
    pool.run(stopping)


def test_what_is_computed_ends_with_the_server():
    """Also what no process has begun with."""
    pool, stopping = Pool(Computation(ENDLESS), 1), threading.Event()
    try:
        threads = [computing(pool, ENDLESS, stopping) for _ in range(4)]
        stopping.set()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
    finally:
        pool.close()
    pool.run(stopping)  # of one who comes late


class Broken:
    def submit(self, *work):
        raise futures.process.BrokenProcessPool("it has died")


def test_where_processes_die_again_and_again_it_is_computed_here(monkeypatch, caplog):
    started = []
    monkeypatch.setattr(Pool, "_start", lambda pool: started.append(pool) or Broken())
    pool = Pool(Computation(0.001), 1)
    monkeypatch.setattr(pool._computation, "run", lambda stopping: "computed here")
    assert pool.run(threading.Event()) == "computed here"
    assert len(started) == 1 + ATTEMPTS and "Processes die again and again" in caplog.text


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


def test_the_program_computes_in_processes_and_starts_nothing_twice(start_server):
    server = start_server("--compute", "0.01", "--processes", "2")
    assert server.ask("olá") == "OLÁ"
    assert server.stop() == 0
    assert server.out.all().count("Listening") == 1 and server.totals()["served"] == 1
    assert all(re.match(r"\S+ INFO ", line) for line in server.err.all().splitlines())


@needs_linux
def test_a_ctrl_c_at_the_terminal_which_all_of_them_get(start_server):
    server = start_server("--compute", str(ENDLESS), "--processes", "1", start_new_session=True)
    started = children(server.process.pid)
    with server.connect() as client, server.connect() as another:
        for each in client, another:
            each.sendall(b"x\n")
        wait_until(lambda: sum(server_cpu(pid) for pid in started) > 0.5, "work in the process")
        os.killpg(server.process.pid, signal.SIGINT)
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
