"""server.py: the lesson's class alone, and the composed one, where others use ThreadingTCPServer."""

import contextlib
import os
import queue
import socket
import socketserver
import subprocess
import sys
import threading
import time
import xmlrpc.client
import xmlrpc.server

import pytest
from conftest import (ENVIRONMENT, PATIENCE, ROOT, ask, connect, read_all, read_line, serving,
                      wait_until)

from engine.errors import CannotStart
from handlers.lines import LineHandler
from handlers.temperature import TemperatureHandler
from handlers.uppercase import UppercaseHandler
from server import BoundedThreadingTCPServer, ClassroomServer

pytestmark = pytest.mark.usefixtures("quick_switches")

both = pytest.mark.parametrize("server_class", [BoundedThreadingTCPServer, ClassroomServer])


class Held(socketserver.StreamRequestHandler):
    """Holds its clients until they are let out, and counts how many are inside."""

    lock = threading.Lock()
    let_out = threading.Semaphore(0)
    inside = most = 0

    def handle(self):
        name = self.rfile.readline()
        cls = type(self)
        with self.lock:
            cls.inside += 1
            cls.most = max(cls.most, cls.inside)
        assert self.let_out.acquire(timeout=PATIENCE)
        with self.lock:
            cls.inside -= 1
        self.wfile.write(name)


def held():
    return type("Handler", (Held,), {"let_out": threading.Semaphore(0)})


@both
@pytest.mark.parametrize("cap", [1, 3])
def test_the_cap(server_class, cap):
    handler = held()
    with serving(handler, server_class, max_threads=cap, request_queue_size=20) as server:
        clients = [connect(server) for _ in range(cap + 5)]
        for client in clients:
            client.sendall(b"x\n")
        wait_until(lambda: handler.inside == cap)
        for client in clients:
            handler.let_out.release()
        for client in clients:
            assert read_all(client) == b"x\n"
            client.close()
    assert handler.most == cap


@both
def test_a_client_is_accepted_only_when_there_is_a_slot(server_class):
    """The fifth waits in the backlog: its thread, and its place, come when a slot is free."""
    handler, accepted = held(), []

    class Noting(server_class):
        max_threads = 4

        def get_request(self):
            request = super().get_request()
            accepted.append(request)
            return request
    with serving(handler, Noting) as server:
        clients = [connect(server) for _ in range(6)]
        for client in clients:
            client.sendall(b"x\n")
        wait_until(lambda: handler.inside == 4)
        assert len(accepted) == 4
        handler.let_out.release()
        wait_until(lambda: len(accepted) == 5)
        for _ in clients:
            handler.let_out.release()
        for client in clients:
            assert read_all(client) == b"x\n"
            client.close()


@both
def test_max_threads_set_on_an_instance(server_class):
    handler = held()
    with server_class(("127.0.0.1", 0), handler) as server:
        server.max_threads = 1
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        clients = [connect(server) for _ in range(3)]
        for client in clients:
            client.sendall(b"x\n")
        for client in clients:
            wait_until(lambda: handler.inside == 1)
            handler.let_out.release()
            assert read_all(client) == b"x\n"
            client.close()
        server.shutdown()
        thread.join(PATIENCE)
    assert handler.most == 1


@both
def test_shutdown_with_every_slot_taken_and_clients_waiting(server_class):
    handler = held()
    with serving(handler, server_class, max_threads=2) as server:
        clients = [connect(server) for _ in range(5)]
        for client in clients:
            client.sendall(b"x\n")
        wait_until(lambda: handler.inside == 2)
        began = time.monotonic()
        server.shutdown()
        assert time.monotonic() - began < 2
        handler.let_out.release()
        handler.let_out.release()
        for client in clients[:2]:
            assert read_all(client) == b"x\n"
    assert handler.most == 2
    for client in clients:
        client.close()


@both
def test_mixed_with_another_server_of_the_library(server_class):
    class Server(server_class, xmlrpc.server.SimpleXMLRPCServer):
        pass
    with Server(("127.0.0.1", 0)) as server:
        server.logRequests = False
        server.register_function(pow)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        for _ in range(3):
            with xmlrpc.client.ServerProxy("http://{}:{}".format(*server.server_address)) as proxy:
                assert proxy.pow(2, 5) == 32
        server.shutdown()
        thread.join(PATIENCE)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX") or sys.platform == "win32",
                    reason="has no AF_UNIX")
@both
def test_a_socket_in_the_file_system(server_class, tmp_path, caplog):
    caplog.set_level("DEBUG")

    class Server(server_class):
        address_family = socket.AF_UNIX
        max_per_host = 1
    path = str(tmp_path / "socket")
    with Server(path, type("Handler", (UppercaseHandler,), {"keep_open": True})) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        with contextlib.ExitStack() as stack:
            for _ in range(2):  # they have no address that could be too many
                client = stack.enter_context(socket.socket(socket.AF_UNIX))
                client.connect(path)
                client.sendall(b"local\n")
                assert read_line(client) == "LOCAL"
        server.shutdown()
        thread.join(PATIENCE)
    assert "Traceback" not in caplog.text
    assert ("Served client a local program" in caplog.text) == (server_class is ClassroomServer)


def test_a_thread_that_cannot_start_gives_its_slot_back(monkeypatch):
    """The lesson's class alone: the client is let go, as by ThreadingTCPServer, and the next is
    served."""
    start, failures = threading.Thread.start, [2]

    def fail(thread):
        if failures[0] and "process_request_thread" in str(thread._target):
            failures[0] -= 1
            raise RuntimeError("can't start new thread")
        start(thread)

    class Quiet(BoundedThreadingTCPServer):
        max_threads = 1

        def handle_error(self, request, client_address):
            pass
    with serving(UppercaseHandler, Quiet) as server:
        monkeypatch.setattr(threading.Thread, "start", fail)
        for _ in range(2):
            with connect(server) as client:
                assert read_all(client) == b""
        for _ in range(3):
            assert ask(server, b"x\n") == b"X\n"


# The composed class, with hooks that are overridden without super()


class Careless(ClassroomServer):
    """As public code overrides the hooks of socketserver: each without ``super()``."""

    max_per_host = 2

    def __init__(self, *args):
        self.errors = queue.SimpleQueue()
        super().__init__(*args)

    def get_request(self):
        return self.socket.accept()

    def verify_request(self, request, client_address):
        return True

    def finish_request(self, request, client_address):
        self.RequestHandlerClass(request, client_address, self)

    def handle_error(self, request, client_address):
        self.errors.put(sys.exc_info()[0])


class Asked(socketserver.StreamRequestHandler):
    """Does what the client asks."""

    def handle(self):
        for line in self.rfile:
            if line == b"exit\n":
                sys.exit()
            elif line == b"bug\n":
                raise KeyError("a mistake")
            elif line == b"backend\n":
                closed = socket.create_server(("127.0.0.1", 0))
                address = closed.getsockname()
                closed.close()
                socket.create_connection(address, PATIENCE)
            elif line == b"reset by backend\n":
                raise ConnectionResetError("the service behind this one")
            self.wfile.write(line.upper())


@pytest.mark.parametrize("server_class", [ClassroomServer, Careless])
def test_hooks_overridden_without_super_break_no_promise(server_class):
    with serving(Asked, server_class, max_per_host=2, max_threads=4) as server:
        for number in range(3):
            for message in b"bug\n", b"exit\n":
                assert ask(server, message) == b""
        held = [connect(server) for _ in range(2)]
        for client in held:
            client.sendall(b"x\n")
            assert read_line(client) == "X"
        with connect(server) as third:
            assert read_line(third) == "ERR too many connections from your address"
        if os.name == "nt":  # where nobody can wake a handler of others that waits in recv()
            for client in held:
                client.shutdown(socket.SHUT_WR)
            wait_until(lambda: not server.in_service())
        assert server.stop(PATIENCE) == 0
        for client in held:
            assert read_all(client) == b""
            client.close()
        assert server.totals() == {"accepted": 9, "served": 2, "refused": 1, "timed out": 0,
                                   "gone": 0, "failed": 6, "errors": 0}
        if server_class is Careless:
            kinds = {server.errors.get(timeout=PATIENCE) for _ in range(6)}
            assert kinds == {KeyError, SystemExit}


@pytest.mark.parametrize("message", [b"backend\n", b"reset by backend\n"])
def test_a_backend_that_fails_is_not_a_client_that_is_gone(message, caplog):
    with serving(Asked, ClassroomServer) as server:
        assert ask(server, message) == b""
        wait_until(lambda: not server.in_service())
        assert server.totals()["failed"] == 1 and server.totals()["gone"] == 0
    assert "failed" in caplog.text and "Traceback" in caplog.text


def test_a_client_has_left_before_the_log_says_so():
    noted = queue.SimpleQueue()

    class Noting(ClassroomServer):
        def handle_error(self, request, client_address):
            noted.put(self.in_service())
    with serving(Asked, Noting) as server:
        assert ask(server, b"bug\n") == b""
        assert noted.get(timeout=PATIENCE) == []


class Stopping(LineHandler):
    """Stops the server when it is asked to."""

    def reply(self, message):
        return str(self.server.stop(PATIENCE)) if message == "stop" else message


@pytest.mark.parametrize("waits", [True, False])
def test_a_stop_from_a_handler_does_not_cut_off_its_caller(waits):
    with serving(type("Handler", (Stopping,), {"waits": waits}), ClassroomServer) as server:
        with connect(server) as silent, connect(server) as client:
            wait_until(lambda: len(server.in_service()) == 2)
            client.sendall(b"stop\n")
            assert read_all(client) == b"0\n"
            assert read_all(silent) == b""
        wait_until(lambda: not server.in_service())
        assert server.totals()["served"] == 1 and server.totals()["timed out"] == 0


def test_two_temperature_services_in_one_program_are_refused():
    with TemperatureHandler.running():
        with pytest.raises(CannotStart, match="runs the temperature service already"):
            with TemperatureHandler.running():
                pass
    with TemperatureHandler.running():
        pass


# What a class says, and what the user says


@pytest.mark.parametrize("options, replies", [
    ([], ["A", "B"]), (["--work", "0.01"], ["A", "B"]), (["--max-line", "3"], ["A", "B", "TOO"])])
def test_what_a_service_says_counts_unless_the_user_says_otherwise(options, replies):
    program = ("import sys, handlers, server\n"
               "class Own(handlers.UppercaseHandler):\n"
               "    keep_open, max_line, timeout = True, 2, 0.3\n"
               "handlers.SERVICES['own'] = Own\n"
               "sys.exit(server.main(sys.argv[1:]))\n")
    process = subprocess.Popen([sys.executable, "-c", program, "--service", "own", "--port", "0",
                                *options], cwd=str(ROOT), env=ENVIRONMENT, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    with process.stdout:
        port = int(process.stdout.readline().decode().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall(b"a\nb\n" + b"too\n" + b"x" * ("--max-line" in options))
            lines = read_all(client).decode().splitlines()
        assert lines[:len(replies)] == replies
        last = "no complete message within 0.3 s" if "TOO" in replies else "at most 2 bytes"
        assert last in lines[-1] and len(lines) == len(replies) + 1
        process.kill()
        process.wait()


@pytest.mark.parametrize("option", [["--db", "x.db"], ["--max-cities", "3"]])
def test_an_option_of_another_service(option):
    done = subprocess.run([sys.executable, "server.py", *option], cwd=str(ROOT), env=ENVIRONMENT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"upper has no use for it; --service temp has" in done.stderr
