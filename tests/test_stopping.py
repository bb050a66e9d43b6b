"""engine/stopping.py and engine/signals.py: what is promised to those in service at a stop."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from conftest import (ENVIRONMENT, PATIENCE, ROOT, connect, needs_linux, read_all, read_line,
                      serving, wait_until)

from engine import signals
from handlers.lines import LineHandler
from handlers.temperature import handler as temperature
from handlers.uppercase import UppercaseHandler

pytestmark = pytest.mark.usefixtures("quick_switches")


def test_a_stop_after_a_client_was_served_takes_no_time():
    """Three say nothing, and a fourth thread has just lost its client."""
    for turn in range(8):
        with serving(UppercaseHandler, max_threads=4) as server:
            silent = [connect(server) for turn in range(3)]
            with connect(server) as client:
                client.sendall(b"x\n")
                assert read_all(client) == b"X\n"
            began = time.monotonic()
            assert server.stop(PATIENCE) == 0
            assert time.monotonic() - began < 1
            for client in silent:
                assert read_all(client) == b""
                client.close()


class Slow(LineHandler):
    """Is in work until the test says otherwise."""

    keep_open = True
    go_on = threading.Event()

    def reply(self, message):
        if message == "slow":
            assert self.go_on.wait(PATIENCE)
        return message


def test_what_was_sent_before_the_stop_is_answered_and_half_a_message_is_told_why():
    """Also what came while another message was in work."""
    handler = type("Handler", (Slow,), {"go_on": threading.Event()})
    with serving(handler) as server, connect(server) as busy, connect(server) as half:
        half.sendall(b"half a mess")
        busy.sendall(b"slow\n")
        wait_until(lambda: len(server.in_service()) == 2)
        busy.sendall(b"and\nanother\n")
        stopping = threading.Thread(target=server.stop, args=(PATIENCE,))
        stopping.start()
        assert server.stopping.wait(PATIENCE)
        handler.go_on.set()
        assert read_all(busy) == b"slow\nand\nanother\n"
        assert read_all(half).decode() == ("ERR the server stops, and your last message was not "
                                           "complete: send it again later\n")
        stopping.join(PATIENCE)
        assert server.totals()["timed out"] == 0


def test_a_client_that_never_ceases_does_not_hold_up_the_stop():
    handler = type("Handler", (UppercaseHandler,), {"keep_open": True})
    with serving(handler) as server, connect(server) as client:
        ended = threading.Event()

        def send():
            with contextlib.suppress(OSError):
                while True:
                    client.sendall(b"x\n" * 1000)

        def read():
            with contextlib.suppress(OSError):
                read_all(client)
            ended.set()
        for work in send, read:
            threading.Thread(target=work, daemon=True).start()
        wait_until(lambda: server.books.messages() > 10000)
        assert server.stop(PATIENCE) == 0  # nobody had to be cut off when that time was over
        assert ended.wait(PATIENCE)


def test_each_reply_comes_when_it_is_ready():
    class Step(LineHandler):
        """Gives one reply for each permission."""

        keep_open = True
        allowed = threading.Semaphore(0)

        def reply(self, message):
            assert self.allowed.acquire(timeout=PATIENCE)
            return "ok"
    with serving(Step) as server, connect(server) as client:
        client.sendall(b"x\n" * 30)
        for turn in range(30):
            Step.allowed.release()
            assert read_line(client) == "ok"


def test_replies_before_one_that_waits_are_sent():
    """A service that says it does not wait, but for one message."""
    class Mostly(LineHandler):
        keep_open, waits = True, False
        go_on = threading.Event()

        def reply(self, message):
            if message == "wait":
                self.make_way()
                assert self.go_on.wait(PATIENCE)
            return message
    with serving(Mostly, max_threads=2) as server, connect(server) as client:
        client.sendall(b"one\ntwo\nwait\n")
        assert [read_line(client), read_line(client)] == ["one", "two"]
        with connect(server) as other:  # and it has made way
            other.sendall(b"other\n")
            assert read_line(other) == "other"
        Mostly.go_on.set()
        assert read_line(client) == "wait"


def test_a_query_does_not_wait_for_the_pause_of_the_consumer(monkeypatch):
    monkeypatch.setattr(temperature, "PAUSE", 2 * PAUSES_SEEN)
    monkeypatch.setattr(temperature, "registry", temperature.Registry())
    monkeypatch.setattr(temperature, "print", lambda text: None, raising=False)
    handler = type("Handler", (temperature.TemperatureHandler,), {"keep_open": True})
    with handler.running(), serving(handler) as server, connect(server) as client:
        began = time.monotonic()
        for message in b"Recife,31,24\n", b"?\n", b"?Recife\n", b"?\n":
            client.sendall(message)
            read_line(client)
        assert time.monotonic() - began < PAUSES_SEEN


#: Seconds; a query that waits for the pause takes twice as long.
PAUSES_SEEN = 5.0


@needs_linux
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_limit_holds_from_the_first_line(signum):
    """The service never gets ready, as when its disk stands still."""
    impatient = ("import contextlib, engine.signals, handlers, server, threading\n"
                 "class Stuck(handlers.SERVICES['upper']):\n"
                 "    running = staticmethod(contextlib.contextmanager(\n"
                 "        lambda: (yield threading.Event().wait())))\n"
                 "engine.signals.STOP_LIMIT, engine.signals.TO_SAY_SO = 0.3, 1.0\n"
                 "handlers.SERVICES['upper'] = Stuck\n"
                 "server.main(['--port', '0'])")
    process = subprocess.Popen([sys.executable, "-c", impatient], cwd=str(ROOT), env=ENVIRONMENT,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: catches_sigterm(process.pid) and state_of(process.pid) == "S")
        process.send_signal(signum)
        assert b"Could not stop in time" in process.communicate(timeout=PATIENCE)[1]
        assert process.returncode == 1
    finally:
        process.kill()


def test_the_limit_holds_where_no_thread_of_python_can_run(start_server):
    """The service has Python count for ever, in one step, when it is to end."""
    busy = ("import contextlib, engine.signals, handlers, itertools, server, sys\n"
            "@contextlib.contextmanager\n"
            "def running():\n"
            "    yield\n"
            "    sum(itertools.repeat(0))\n"
            "handlers.SERVICES['upper'].running = staticmethod(running)\n"
            "engine.signals.STOP_LIMIT = 0.3\n"
            "sys.exit(server.main(sys.argv[1:]))")
    assert start_server(program=("-c", busy)).stop() == 1


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="has no SIGHUP")
def test_a_terminal_that_is_closed_stops_it_gracefully(start_server):
    server = start_server("--service", "temp", preexec_fn=default_signals)
    assert server.ask("Recife,31,24") == "BYE"
    assert server.stop(signal.SIGHUP) == 0
    assert "Coldest city: Recife with 24" in server.out.all()


@pytest.mark.skipif(os.name == "nt", reason="has no signals that are ignored")
@pytest.mark.parametrize("signum", ["SIGHUP", "SIGINT"])
def test_a_signal_that_was_ignored_stays_ignored(start_server, signum):
    """As nohup and a script's & have it."""
    signum = getattr(signal, signum)
    server = start_server(preexec_fn=lambda: signal.signal(signum, signal.SIG_IGN))
    server.process.send_signal(signum)
    for turn in range(3):
        assert server.ask("x") == "X"
    assert server.stop() == 0


@pytest.mark.parametrize("signum, seconds, meant", [
    ("SIGTERM", 0.0, False), ("SIGTERM", 0.5, False), ("SIGTERM", 1.5, True),
    ("SIGHUP", 0.5, False), ("SIGHUP", 1.5, True),
    ("SIGINT", 0.0, False), ("SIGINT", 0.05, False), ("SIGINT", 0.2, True),
    ("SIGBREAK", 0.05, False), ("SIGBREAK", 0.2, True)])
def test_which_further_signal_is_meant(signum, seconds, meant):
    if hasattr(signal, signum):
        assert signals.is_meant(getattr(signal, signum), seconds) is meant


#: server.py, with so many seconds for twins.
TWINS = ("import engine.signals as signals, server, sys\n"
         "signals.TWIN = signals.TYPED_TWIN = {}\n"
         "signals.STOP_LIMIT = 60  # for a busy machine\nserver.GRACE = 0.3\n"
         "sys.exit(server.main(sys.argv[1:]))")


@pytest.mark.parametrize("first, second, seconds, status", [
    ("SIGTERM", "SIGTERM", 3600, 0), ("SIGHUP", "SIGHUP", 3600, 0), ("SIGINT", "SIGINT", 3600, 0),
    ("SIGTERM", "SIGINT", 0, 1)])
def test_the_twin_of_a_signal_does_not_end_a_stop(start_server, first, second, seconds, status):
    """A client that reads nothing makes the stop last until the second one has come."""
    settings = {} if os.name == "nt" else {"preexec_fn": default_signals}
    server = start_server("--keep-open", program=("-c", TWINS.format(seconds)), **settings)
    stuck, idle = server.connect(), server.connect()
    idle.sendall(b"idle\n")
    assert read_line(idle) == "IDLE"
    stuck.settimeout(0.25)
    with pytest.raises(socket.timeout):
        while True:
            stuck.send(b"x" * 60000 + b"\n")
    server.signal(getattr(signal, first, signal.SIGINT))
    assert read_all(idle) == b""  # the stop has begun
    assert server.stop(getattr(signal, second, signal.SIGINT)) == status
    assert ("Stopped: accepted 2" in server.out.all()) is (status == 0)


def default_signals():
    """Have a program begin with SIGHUP as a terminal has it, also where the tests run in nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_what_the_limit_does_is_done_when_there_is_memory_again(monkeypatch):
    monkeypatch.setattr(signals, "MOMENT", 0.01)
    failures, done = [MemoryError] * 3, []

    def act(name):
        if failures:
            raise failures.pop()
        done.append(name)
    signals.insist(lambda: act("one"), lambda: act("two"))
    assert done == ["one", "two"]


@pytest.mark.skipif(os.name != "nt", reason="the console of Windows")
def test_a_console_that_is_closed_stops_it_gracefully():
    """Windows calls what we gave it in a thread of its own; here the program does so itself."""
    program = ("import sys, threading, engine.signals, server\n"
               "class Signals(server.StopSignals):\n"
               "    def wait(self):\n"
               "        threading.Thread(target=self._ends, args=(2,), daemon=True).start()\n"
               "        super().wait()\n"
               "server.StopSignals = Signals\n"
               "sys.exit(server.main(['--port', '0']))")
    done = subprocess.run([sys.executable, "-c", program], cwd=str(ROOT), env=ENVIRONMENT,
                          stdout=subprocess.PIPE, timeout=PATIENCE)
    assert done.returncode == 0 and b"Stopped: accepted 0" in done.stdout


def state_of(pid):
    """Return the state of a process as Linux tells it: S when it sleeps in a system call."""
    with open("/proc/{}/stat".format(pid)) as stat:
        return stat.read().rpartition(")")[2].split()[0]


def catches_sigterm(pid):
    """Tell whether a process has a handler for SIGTERM, which ours sets last (proc(5): SigCgt)."""
    with open("/proc/{}/status".format(pid)) as status:
        caught = re.search(r"^SigCgt:\s+([0-9a-f]+)$", status.read(), re.M).group(1)
    return int(caught, 16) >> (signal.SIGTERM - 1) & 1


def test_a_stop_before_serving_has_begun():
    for turn in range(5):
        with serving(UppercaseHandler) as server:
            assert server.stop(PATIENCE) == 0
            late = socket.socket()
            late.settimeout(PATIENCE)
            refused = late.connect_ex(server.server_address)
        with late, contextlib.suppress(ConnectionResetError):
            assert refused or late.recv(1) == b""  # on Windows it waits until the socket is closed
