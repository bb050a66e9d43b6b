"""server.py: the bounded server as a class to reuse, and as the program that teachers start."""

import queue
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time

import pytest
from conftest import (ENVIRONMENT, PATIENCE, ROOT, Output, Server, ask, connect, needs_linux,
                      read_all, read_line, send_signal, serving, start_program, text_of, wait_until)

from engine.errors import CannotStart
from engine.listening import listening_server, start_problem
from handlers.uppercase import UppercaseHandler
from server import ClassroomServer


class Gate:
    """Makes a handler class whose clients are held inside until they are let out."""

    def __init__(self):
        self.inside = 0
        self.most = 0
        self.order = []
        self.lock = threading.Lock()
        self.let_out = threading.Semaphore(0)
        gate = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                name = self.rfile.readline().strip()
                with gate.lock:
                    gate.inside += 1
                    gate.most = max(gate.most, gate.inside)
                    gate.order.append(name)
                gate.let_out.acquire()
                with gate.lock:
                    gate.inside -= 1
                self.wfile.write(name + b" done\n")
        self.handler = Handler


@pytest.mark.parametrize("cap", [1, 2, 4])
def test_never_more_clients_in_service_than_slots(cap):
    gate = Gate()
    with serving(gate.handler, max_threads=cap) as server:
        clients = [connect(server) for _ in range(cap + 6)]
        for number, client in enumerate(clients):
            client.sendall(b"%d\n" % number)
        wait_until(lambda: gate.inside == cap)
        for _ in clients:
            gate.let_out.release()
        for number, client in enumerate(clients):
            assert read_all(client) == b"%d done\n" % number
            client.close()
        assert gate.most == cap
        assert server.totals()["accepted"] == len(clients)


def test_clients_are_served_in_the_order_in_which_they_came():
    gate = Gate()
    with serving(gate.handler, max_threads=1) as server:
        clients = []
        for number in range(8):
            clients.append(connect(server))
            clients[-1].sendall(b"%d\n" % number)
        for number, client in enumerate(clients):
            gate.let_out.release()
            assert read_all(client) == b"%d done\n" % number
        assert gate.order == [b"%d" % number for number in range(8)]


def test_zero_means_no_limit():
    gate = Gate()
    with serving(gate.handler, max_threads=0) as server:
        clients = [connect(server) for _ in range(30)]
        for client in clients:
            client.sendall(b"x\n")
        wait_until(lambda: gate.inside == 30)
        for client in clients:
            gate.let_out.release()
        for client in clients:
            assert read_all(client) == b"x done\n"


def test_no_more_threads_than_slots_even_when_they_rest():
    with serving(UppercaseHandler, max_threads=3) as server:
        before = set(threading.enumerate())

        def workers():
            return len(set(threading.enumerate()) - before)
        assert ask(server, b"x\n") == b"X\n"
        most = 0
        for _ in range(10):
            clients = [connect(server) for _ in range(6)]
            for client in clients:
                client.sendall(b"x\n")
            most = max(most, workers())
            for client in clients:
                assert read_all(client) == b"X\n"
        assert 1 <= most <= 3


class Meeting(socketserver.StreamRequestHandler):
    """Answers at once, but for ``meet`` only when as many clients as slots are in service, and
    for ``work`` after some milliseconds."""

    barrier = threading.Barrier(4)
    inside = most = 0

    def handle(self):
        message = self.rfile.readline().strip()
        if message == b"meet":
            self.barrier.wait(PATIENCE)
        elif message == b"work":
            type(self).inside += 1
            threading.Event().wait(0.003)
            type(self).most = max(self.most, self.inside)
            type(self).inside -= 1
        self.wfile.write(message + b" done\n")


def ask_together(server, message, clients):
    """Send *message* from so many *clients* at once; return their replies."""
    connections = [connect(server) for _ in range(clients)]
    for connection in connections:
        connection.sendall(message)
    replies = [read_all(connection) for connection in connections]
    for connection in connections:
        connection.close()
    return replies


def test_after_quick_clients_slow_ones_are_still_served_side_by_side():
    with serving(Meeting, max_threads=4) as server:
        for _ in range(5):
            assert ask_together(server, b"quick\n", 20) == [b"quick done\n"] * 20
            assert ask_together(server, b"meet\n", 4) == [b"meet done\n"] * 4
        ask_together(server, b"quick\n", 20)
        ask_together(server, b"work\n", 40)
        assert Meeting.most > 1


def test_a_slow_client_does_not_keep_quick_ones_waiting():
    with serving(UppercaseHandler, max_threads=4) as server:
        for _ in range(5):
            ask_together(server, b"quick\n", 20)
            with connect(server):  # and says nothing
                began = time.monotonic()
                assert ask_together(server, b"quick\n", 20) == [b"QUICK\n"] * 20
                assert time.monotonic() - began < PATIENCE / 4


class Failing(socketserver.StreamRequestHandler):
    """Raises what the client names."""

    def handle(self):
        raise {b"error": ValueError, b"exit": SystemExit, b"timeout": socket.timeout,
               b"reset": ConnectionResetError}[self.rfile.readline().strip()]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("how", [b"error", b"exit", b"timeout", b"reset"])
def test_a_handler_that_fails_gives_its_slot_back(how):
    with serving(Failing, max_threads=1) as server:
        for _ in range(5):
            assert ask(server, how + b"\n") == b""


def test_a_thread_that_cannot_start(monkeypatch, caplog):
    start = threading.Thread.start
    failures = [3]

    def fail(thread):
        if failures[0] and "process_request_thread" in str(thread._target):
            failures[0] -= 1
            raise RuntimeError("can't start new thread")
        start(thread)
    monkeypatch.setattr("engine.shortages.RETRY_INTERVAL", 0.01)
    with serving(UppercaseHandler, max_threads=1) as server:
        monkeypatch.setattr(threading.Thread, "start", fail)
        for _ in range(3):
            with connect(server) as client:
                assert read_line(client).startswith("ERR the server cannot start a thread")
        for _ in range(3):
            assert ask(server, b"x\n") == b"X\n"
        assert server.totals()["refused"] == 3
        assert caplog.text.count("can't start new thread") == 1


def test_descriptors_that_run_out(monkeypatch, caplog):
    """accept() fails as it does at the limit: said once, no spinning, and it recovers."""
    import errno
    attempts = []

    class Short(ClassroomServer):
        def get_request(self):
            if len(attempts) < 5:
                attempts.append(time.monotonic())
                self.socket = broken(self.socket)
                try:
                    return super().get_request()
                finally:
                    self.socket = self.socket.real
            return super().get_request()

    class broken:
        def __init__(self, real):
            self.real = real

        def __getattr__(self, name):
            return getattr(self.real, name)

        def accept(self):
            raise OSError(errno.EMFILE, "Too many open files")
    monkeypatch.setattr("engine.shortages.RETRY_INTERVAL", 0.05)
    with serving(UppercaseHandler, Short) as server:
        assert ask(server, b"x\n") == b"X\n"
    assert len(attempts) == 5
    assert all(later - earlier >= 0.04 for earlier, later in zip(attempts, attempts[1:]))
    assert caplog.text.count("Too many open files") == 1


def test_shutdown_while_every_slot_is_taken(monkeypatch):
    monkeypatch.setattr("server.POLL_INTERVAL", 0.05)
    gate = Gate()
    with serving(gate.handler, max_threads=1) as server:
        clients = [connect(server) for _ in range(3)]
        for client in clients:
            client.sendall(b"x\n")
        wait_until(lambda: gate.inside == 1)
        server.shutdown()
        gate.let_out.release()
        assert read_all(clients[0]) == b"x done\n"
    assert gate.most == 1


def test_closing_waits_for_those_in_service_as_the_base_class_does():
    gate = Gate()
    finished = queue.Queue()
    with serving(gate.handler) as server:
        client = connect(server)
        client.sendall(b"x\n")
        wait_until(lambda: gate.inside == 1)
        server.shutdown()

        def close():
            server.server_close()
            finished.put(gate.inside)
        threading.Thread(target=close, daemon=True).start()
        with pytest.raises(queue.Empty):
            finished.get(timeout=0.2)
        gate.let_out.release()
        assert finished.get(timeout=PATIENCE) == 0
        assert read_all(client) == b"x done\n"


def test_threads_end_with_the_server():
    before = threading.active_count()
    with serving(UppercaseHandler) as server:
        for _ in range(3):
            assert ask(server, b"x\n") == b"X\n"
    assert threading.active_count() == before


def test_handle_request_serves_one_client():
    with ClassroomServer(("127.0.0.1", 0), UppercaseHandler) as server:
        server.timeout = 0.01
        server.handle_request()  # nobody there
        with connect(server) as one, connect(server) as two:
            one.sendall(b"one\n")
            two.sendall(b"two\n")
            server.timeout = PATIENCE
            server.handle_request()
            assert read_all(one) == b"ONE\n"
            server.handle_request()
            assert read_all(two) == b"TWO\n"


def test_an_interrupt_in_the_main_thread_does_not_cut_off_those_in_service():
    """Ctrl+C reaches serve_forever while it waits for a slot: the client in service stays."""
    gate = Gate()

    class Interrupted(ClassroomServer):
        max_threads = 1

        def service_actions(self):
            super().service_actions()
            if gate.inside:
                raise KeyboardInterrupt

    with Interrupted(("127.0.0.1", 0), gate.handler) as server, connect(server) as client:
        client.sendall(b"x\n")
        threading.Timer(0.1, server.stopping.set).start()
        with pytest.raises(KeyboardInterrupt):
            server.serve_forever(0.05)
        gate.let_out.release()
        assert read_all(client) == b"x done\n"


def test_serving_again_after_a_shutdown():
    with ClassroomServer(("127.0.0.1", 0), UppercaseHandler) as server:
        for _ in range(3):
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            assert ask(server, b"x\n") == b"X\n"
            server.shutdown()
            thread.join(PATIENCE)


# The program


def run_server(*options):
    done = subprocess.run([sys.executable, "server.py", *options], cwd=str(ROOT), env=ENVIRONMENT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    return done.returncode, text_of(done.stdout), text_of(done.stderr)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize("options", [[], ["-q"], ["-v"]])
def test_the_first_line_says_where(start_server, options):
    server = start_server(*options)
    assert server.out.text == "Listening on 127.0.0.1:%d\n" % server.port
    assert server.ask("olá, ação") == "OLÁ, AÇÃO"
    assert server.stop() == 0
    assert server.totals()["served"] == 1
    log = server.err.all()
    assert ("Served client 127.0.0.1:" in log) == (options != ["-q"])
    assert ("'olá, ação'" in log) == (options == ["-v"])
    if options == ["-q"]:
        assert log == ""


@needs_ipv6
def test_ipv6(start_server):
    server = start_server("--host", "::1")
    assert server.out.text == "Listening on [::1]:%d\n" % server.port
    assert server.ask("six") == "SIX"


@needs_ipv6
def test_one_server_for_both_kinds_of_address(start_server):
    server = start_server("--host", "::")
    for server.host in "::1", "127.0.0.1":
        assert server.ask("both") == "BOTH"


def test_localhost_is_where_the_lessons_client_looks(start_server):
    assert start_server("--host", "localhost").ask("x") == "X"


@pytest.mark.parametrize("options, told", [
    (["--host", "no-such-host.invalid"], "no host of that name"),
    (["--host", "a..b"], "no host of that name"),
    (["--host", "192.0.2.1", "--port", "0"], "not an address of this machine")])
def test_what_keeps_it_from_starting(options, told):
    status, out, err = run_server(*options)
    assert (status, out) == (1, "")
    assert err.count("\n") == 1 and err.startswith("server.py: cannot listen on ") and told in err


@pytest.mark.parametrize("options, told", [
    (["--port", "70000"], "expected a port from 0 to 65535, not '70000'"),
    (["--port", "-1"], "expected a port from 0 to 65535, not '-1'"),
    (["--dashboard", "70000"], "expected a port from 0 to 65535, not '70000'"),
    (["--host", "127.0.0.1:51000"], "expected --host 127.0.0.1 --port 51000"),
    (["--host", "[::1]:51000"], "expected --host ::1 --port 51000")])
def test_wrong_usage_is_answered_with_the_remedy(options, told):
    status, out, err = run_server(*options)
    assert (status, out) == (2, "") and err.count("\n") == 1 and told in err


@pytest.mark.parametrize("port", [70000, -1])
def test_a_port_that_does_not_exist_in_a_program_of_ones_own(port):
    with pytest.raises(CannotStart, match="no such port"):
        listening_server(ClassroomServer, UppercaseHandler, "127.0.0.1", port, "--port")


def test_a_port_that_is_taken(start_server):
    port = str(start_server().port)
    status, out, err = run_server("--port", port)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "port is in use" in err and "--port" in err


@pytest.mark.parametrize("system, told", [("posix", "not permitted. Ports below 1024"),
                                          ("nt", "Windows has reserved the port")])
def test_a_port_that_is_not_permitted(monkeypatch, system, told):
    monkeypatch.setattr("engine.listening.os.name", system)
    text = start_problem(PermissionError(13, "Permission denied"), "127.0.0.1", 80, "--port")
    assert "127.0.0.1:80: " + told in text and "--port" in text


@pytest.mark.parametrize("options", [
    ["--port", "x"], ["--service", "none"], ["--max-threads", "-1"], ["--timeout", "0"],
    ["--timeout", "nan"], ["--work", "-1"], ["--max-line", "0"], ["--backlog", "0"], ["extra"],
    ["--nonsense"], ["-q", "-v"]])
def test_wrong_options(options):
    status, out, err = run_server(*options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "--help" in err


def test_help_and_version():
    status, out, err = run_server("--help")
    assert (status, err) == (0, "")
    for option in ["--service", "--host", "--port", "--max-threads", "--backlog", "--timeout",
                   "--max-line", "--keep-open", "--work", "--quiet", "--verbose", "--version"]:
        assert option in out
    assert re.fullmatch(r"server\.py [\d.]+\n", run_server("--version")[1])


def test_work_makes_the_number_of_threads_visible():
    """Four clients at once, 0.1 s of work each: one after the other, or all together."""
    def seconds(threads):
        server = Server("--work", "0.1", "--max-threads", threads)
        try:
            clients = [server.connect() for _ in range(4)]
            began = time.monotonic()
            for client in clients:
                client.sendall(b"x\n")
            for client in clients:
                assert read_all(client) == b"X\n"
                client.close()
            return time.monotonic() - began
        finally:
            server.kill()
    alone, together = seconds("1"), seconds("0")
    assert alone >= 0.4
    assert together < alone / 2


@needs_linux
def test_idle_or_saturated_it_uses_next_to_no_processor(start_server):
    idle, saturated = start_server(), start_server()
    clients = [saturated.connect() for _ in range(24)]
    clients[0].sendall(b"x\n")
    assert read_all(clients[0]) == b"X\n"
    before = idle.cpu_seconds(), saturated.cpu_seconds()
    threading.Event().wait(0.5)
    assert idle.cpu_seconds() - before[0] <= 0.03
    assert saturated.cpu_seconds() - before[1] <= 0.03
    for client in clients:
        client.close()


def test_the_totals_come_after_all_that_is_logged():
    for _ in range(10):
        server = Server("--work", "60", "-v", "--keep-open", stderr=subprocess.STDOUT)
        with server.connect() as client:
            client.sendall(b"in flight\n")
            server.out.wait_for("Serving client")
            server.signal(signal.SIGTERM)
            assert read_all(client) == b"IN FLIGHT\n"
        assert server.process.wait(PATIENCE) == 0
        lines = server.out.all().splitlines()
        assert "Stopping, with 1 client(s) in service" in "\n".join(lines)
        assert lines[-1].startswith("Stopped: accepted 1, served 1"), lines


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_graceful_stop(start_server, signum):
    server = start_server("--max-threads", "4", "--keep-open", "--work", "60", "-v")
    idle, half, busy = [server.connect() for _ in range(3)]
    half.sendall(b"half a mess")
    busy.sendall(b"in flight\n")
    server.err.wait_for("Serving client", 3)
    began = time.monotonic()
    assert server.stop(signum) == 0
    assert time.monotonic() - began < 5
    assert read_all(idle) == b""
    assert b"HALF" not in read_all(half)
    assert "Traceback" not in server.err.all()
    assert server.out.all().splitlines()[-1].startswith("Stopped: accepted ")


def test_messages_in_flight_get_their_reply(start_server):
    server = start_server("--max-threads", "3", "--keep-open", "--work", "60", "-v")
    clients = [server.connect() for _ in range(3)]
    for client in clients:
        client.sendall(b"in flight\nand another\n")
    server.err.wait_for("Serving client", 3)
    wait_until(lambda: all(unread(client) for client in clients))
    assert server.stop() == 0
    for client in clients:
        assert read_all(client) == b"IN FLIGHT\nAND ANOTHER\n"


def unread(client):
    """Tell whether the server has taken what the client sent (Linux: SIOCOUTQ is 0)."""
    if not sys.platform.startswith("linux"):
        return True
    import fcntl
    import struct
    import termios
    return struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, b"\0" * 4))[0] == 0


def test_a_client_that_does_not_read_cannot_hold_up_the_stop(start_server):
    impatient = "import server, sys; server.GRACE -= 2.7; sys.exit(server.main())"
    server = start_server("--keep-open", program=("-c", impatient, "--port"), port=None)
    client = stuck(server)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 5 - 2.7
    client.close()
    assert "cut off" in server.err.all()
    totals = server.totals()
    assert (totals["accepted"], totals["timed out"]) == (1, 1)


def test_a_second_signal_stops_at_once(start_server):
    server = start_server("--keep-open", "-v")
    client, idle = stuck(server), server.connect()
    idle.sendall(b"idle\n")
    assert read_line(idle) == "IDLE"
    server.signal(signal.SIGINT)
    assert read_all(idle) == b""  # the stop has begun; the client that is stuck holds it up
    began = time.monotonic()
    wait_until(lambda: server.process.poll() is not None or server.signal(signal.SIGINT))
    assert server.process.poll() == 1 and time.monotonic() - began < 2
    assert "Traceback" not in server.err.all()
    client.close()


def stuck(server):
    """Return a client that has sent more than it reads replies to: its thread waits in send."""
    client = server.connect()
    client.settimeout(0.25)
    with pytest.raises(socket.timeout):
        while True:
            client.send(b"x" * 60000 + b"\n")
    return client


def test_stopping_with_nobody_reading_the_output():
    server = start_program("server.py", "--port", "0", "--service", "temp",
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    port = int(server.stdout.readline().decode().rpartition(":")[2])
    server.stdout.close()
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall(b"Recife,31,24\n")
            assert read_line(client) == "BYE"
    send_signal(server, signal.SIGTERM)
    assert server.wait(PATIENCE) == 0
    err = Output(server.stderr).all()
    assert err.count("Standard output is gone") == 1 and "Traceback" not in err
