"""What the server and a handler know of each other: engine/support.py, books.py, crew.py, leading.py."""

import contextlib
import os
import re
import signal
import socket
import socketserver
import threading
import time

import pytest
from conftest import PATIENCE, ROOT, ask, connect, read_all, read_line, serving, wait_until

from engine import books, lead, leading
from engine.incoming import Incoming
from engine.lane import SETTLED, Lane
from engine.support import ClientState, HandlerSupport
from handlers.lines import LineHandler
from handlers.uppercase import UppercaseHandler
from server import BoundedThreadingTCPServer, ClassroomServer

pytestmark = pytest.mark.usefixtures("quick_switches")

#: What our own rooms call what they know of a client. A service may call its own things so.
WORDS = sorted({name for path in ROOT.glob("engine/*.py")
                for name in re.findall(r"self\.([a-z]\w*)", path.read_text("utf-8"))}
               | {"temperatures", "line", "lines", "messages", "data", "client", "log", "name", "answer"})

#: Those that socketserver, or a service's own docstring, gives a meaning.
OURS = {"reply", "running", "make_way", "timeout", "max_line", "keep_open", "waits", "work", "compute",
        "lane", "setup", "handle", "finish", "request", "client_address", "server", "connection",
        "rfile", "wfile", "for_the_page"}


@pytest.mark.parametrize("keep_open", [False, True])
def test_a_service_may_use_all_words_of_the_conversation_for_its_own(keep_open):
    """It is served all the same, and so is everybody after it; the totals add up."""
    words = [word for word in WORDS if word not in OURS]
    assert len(words) > 60

    class Own(LineHandler):
        def reply(self, message):
            for word in words:
                setattr(self, word, "my own")
            return message[::-1]

    handler = type("Handler", (Own,), {"keep_open": keep_open, "waits": False,
                                       **{word: "my own" for word in words}})
    with serving(handler, max_threads=2, max_per_host=2) as server:
        for _ in range(5):
            with connect(server) as client:
                client.sendall(b"abc\n")
                assert read_line(client) == "cba"
                assert len(server.in_service()) <= 2
        wait_until(lambda: not server.in_service())
        assert server.totals()["served"] == server.totals()["accepted"] == 5
        assert server.books.messages() == 5


class Plain(socketserver.StreamRequestHandler):
    """A handler that is none of ours."""

    def handle(self):
        self.wfile.write(self.rfile.readline())


def test_a_handler_that_tells_nothing_under_a_limit_for_its_host():
    with serving(Plain, ClassroomServer, max_per_host=1, max_threads=4) as server:
        with connect(server) as first:
            wait_until(lambda: [slot.doing.word for slot in server.in_service()] == ["in work"])
            with connect(server) as second:
                assert read_line(second).startswith("ERR too many connections")
            first.sendall(b"hello\n")
            assert read_all(first) == b"hello\n"
        for _ in range(20):
            assert ask(server, b"again\n") == b"again\n"
        wait_until(lambda: not server.in_service())
        assert dict(server.totals(), errors=0) == dict(
            dict.fromkeys(server.totals(), 0), accepted=22, served=21, refused=1)


@pytest.mark.parametrize("server_class", [socketserver.ThreadingTCPServer, BoundedThreadingTCPServer])
def test_our_handler_under_a_server_that_supports_nothing(server_class):
    class Server(server_class):
        daemon_threads = True
    with Server(("127.0.0.1", 0), UppercaseHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        assert ask(server, b"one\ntwo\n") == b"ONE\n"
        assert ask(server, b"\xff\n").startswith(b"ERR the message is not valid UTF-8")
        server.shutdown()
        thread.join(PATIENCE)


def test_by_default_nothing_comes_of_what_a_handler_asks():
    support = HandlerSupport()
    assert support.leads() is False and support.bell is None and not support.stopping.is_set()
    for call in (support.make_way, lambda: support.introduce(None, ClientState()),
                 lambda: support.mistake("", ""), lambda: support.no_line_feed("", b"", 3),
                 lambda: support.note_once("", ""), lambda: support.linger(socket.socket(), ""),
                 lambda: support.sent_more("")):
        assert call() is None


# A stop


def test_a_client_that_was_accepted_and_not_yet_entered_is_refused_and_counted():
    """The stop comes while the leader asks verify_request about it."""
    class Held(ClassroomServer):
        holds, let_go = threading.Event(), threading.Event()

        def verify_request(self, request, client_address):
            welcome = super().verify_request(request, client_address)
            if self.holds.is_set():
                self.holds.clear()
                assert self.let_go.wait(PATIENCE)
            return welcome
    quick = type("Handler", (UppercaseHandler,), {"waits": False})  # so that its thread leads
    with serving(quick, Held) as server:
        assert ask(server, b"x\n") == b"X\n"
        wait_until(lambda: not server.in_service())
        server.holds.set()
        with connect(server) as client:
            client.sendall(b"y\n")
            wait_until(lambda: not server.holds.is_set())
            assert server.stop(0.2) == 0
            server.let_go.set()
            assert read_all(client) == b"ERR the server is stopping\n"
        totals = server.totals()
        assert totals["accepted"] == 2 and totals["served"] == 1 and totals["refused"] == 1


class Stops(LineHandler):
    """Stops its server, from its reply, when it is asked to."""

    keep_open = True
    waits = False

    def reply(self, message):
        return "cut off %d" % self.server.stop(PATIENCE) if message == "stop" else message


@pytest.mark.skipif(not Lane.exists_here, reason="no lane on this system")
@pytest.mark.parametrize("who", range(3))
def test_a_stop_from_a_handler_in_the_lane(who):
    """One thread answers all three: none of them waits, nor is cut off."""
    with serving(type("Handler", (Stops,), {"lane": Lane()}), max_threads=4) as server:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(connect(server)) for _ in range(3)]
            for _ in range(SETTLED + 3):
                for client in clients:
                    client.sendall(b"hello\n")
                    assert read_line(client) == "hello"
            began = time.monotonic()
            clients[who].sendall(b"stop\n")
            assert read_line(clients[who]) == "cut off 0"
            for client in clients:
                assert read_all(client) == b""
            assert time.monotonic() - began < PATIENCE / 2
            wait_until(lambda: not server.in_service())
        assert dict(server.totals(), served=0) == dict(
            dict.fromkeys(server.totals(), 0), accepted=3)


def test_two_handlers_that_stop_the_server_at_once_do_not_wait_for_each_other():
    together = threading.Barrier(2)

    class Both(Stops):
        def reply(self, message):
            together.wait(PATIENCE)
            return super().reply(message)
    with serving(type("Handler", (Both,), {"waits": True}), max_threads=4) as server:
        with connect(server) as one, connect(server) as two:
            began = time.monotonic()
            for client in one, two:
                client.sendall(b"stop\n")
            for client in one, two:
                assert read_line(client) == "cut off 0"
            assert time.monotonic() - began < PATIENCE / 2


def test_shutdown_and_serve_forever_again_at_once(monkeypatch):
    """The one that ends must not close the lead that the next one has opened."""
    ended, end = [], lead.Lead.end

    def slow_end(self):
        if threading.current_thread().name == "first":
            wait_until(lambda: len(ended) > 1)  # as long as it takes the second one to begin
        end(self)
    monkeypatch.setattr(lead.Lead, "end", slow_end)
    with ClassroomServer(("127.0.0.1", 0), UppercaseHandler) as server:
        server.daemon_threads = True
        for name in "first", "second":
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), name=name, daemon=True)
            thread.start()
            assert ask(server, b"a\n") == b"A\n"
            if name == "first":
                server.shutdown()
            ended.append(name)
        for _ in range(3):
            assert ask(server, b"a\n") == b"A\n"
        assert server._lead.open
        server.shutdown()
        thread.join(PATIENCE)


# Deadlines


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP on this system")
def test_a_deadline_is_kept_however_often_the_process_is_stopped_and_goes_on(start_server):
    """As by Ctrl+Z and fg: Linux ends a wait in recv() then, and Python begins it anew."""
    server = start_server("--timeout", "1")
    over = threading.Event()

    def stop_and_go_on():
        while not over.wait(0.3):
            os.kill(server.process.pid, signal.SIGSTOP)
            os.kill(server.process.pid, signal.SIGCONT)
    thread = threading.Thread(target=stop_and_go_on)
    thread.start()
    try:
        with server.connect() as client:
            began = time.monotonic()
            assert read_all(client).startswith(b"ERR no complete message within 1 s")
            assert time.monotonic() - began < PATIENCE / 2
    finally:
        over.set()
        thread.join()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP on this system")
def test_what_came_in_time_is_a_message_although_the_process_stood_still(start_server):
    """More than is read at once came before the deadline; after it the process goes on."""
    server = start_server("--timeout", "1", "--keep-open")
    with server.connect() as client:
        client.sendall(b"x\n")
        assert read_line(client) == "X"
        os.kill(server.process.pid, signal.SIGSTOP)
        client.sendall(b"x" * 60000 + b"\n")
        threading.Event().wait(1.2)  # past the deadline
        os.kill(server.process.pid, signal.SIGCONT)
        assert read_line(client) == "X" * 60000


# Handlers that wait


class Waits(LineHandler):
    """Waits, until all are there, in the method that ``where`` names."""

    waits = True
    where = ""
    all_there = None

    def wait(self, where):
        if where == self.where:
            self.all_there.wait(PATIENCE)

    def setup(self):
        super().setup()
        self.wait("setup")

    def reply(self, message):
        self.wait("reply")
        return message

    def finish(self):
        self.wait("finish")
        super().finish()


@pytest.mark.parametrize("where", ["setup", "reply", "finish"])
def test_a_service_may_wait_in_setup_and_in_finish_as_well(where):
    """While slots are free, nobody waits for another client's handler."""
    handler = type("Handler", (Waits,), {"where": where, "all_there": threading.Barrier(4)})
    with serving(handler, max_threads=4) as server:
        clients = [connect(server) for _ in range(4)]
        for client in clients:
            client.sendall(b"hello\n")
        for client in clients:
            assert read_all(client) == b"hello\n"
            client.close()


def test_what_may_lead():
    class Own(LineHandler):
        def setup(self):
            super().setup()
    assert leading.may_lead(UppercaseHandler)
    assert leading.may_lead(type("Handler", (UppercaseHandler,), {}))
    for other in Own, Plain, lambda *arguments: None, type("H", (LineHandler,), {
            "__init__": lambda self, *arguments: LineHandler.__init__(self, *arguments)}):
        assert not leading.may_lead(other)


# One connection after the other


@pytest.mark.parametrize("attributes", [{"keep_open": True}, {"work": 0.0001}, {}])
def test_who_comes_strictly_one_after_the_other_is_never_refused(attributes):
    """Also beside threads that want the interpreter all the time."""
    over = threading.Event()

    def compute():
        while not over.is_set():
            sum(range(1000))
    busy = [threading.Thread(target=compute, daemon=True) for _ in range(3)]
    with serving(type("Handler", (UppercaseHandler,), attributes), max_per_host=1) as server:
        for thread in busy:
            thread.start()
        try:
            for _ in range(60):
                with connect(server) as client:
                    client.sendall(b"x\n")
                    assert read_line(client) == "X"
            assert server.totals()["refused"] == 0
        finally:
            over.set()
        for thread in busy:
            thread.join()


def test_who_is_told_that_it_came_too_late_may_come_again_at_once(monkeypatch):
    """Also before the thread that told it has run on."""
    tell, told = Incoming.send_last_words, threading.Event()

    def tell_slowly(self, text):
        tell(self, text)
        told.wait(0.1)
    monkeypatch.setattr(Incoming, "send_last_words", tell_slowly)
    with serving(type("Handler", (UppercaseHandler,), {"timeout": 0.1}), max_per_host=1) as server:
        with connect(server) as late:
            assert read_line(late).startswith("ERR no complete message")
            assert ask(server, b"again\n") == b"AGAIN\n"
        assert server.totals()["refused"] == 0


def test_who_should_be_leaving_and_does_not_holds_up_its_host_only_once(monkeypatch):
    class Stays(ClientState):
        def is_leaving(self):
            return True
    monkeypatch.setattr(books, "LEAVES_WITHIN", 0.05)
    with socket.socket() as first, socket.socket() as second:
        ours = books.Books()
        assert ours.enter(first, ("10.0.0.1", 1), 1) is None
        ours.introduce(first, Stays())
        began = time.monotonic()
        assert ours.enter(second, ("10.0.0.1", 2), 1) == books.TOO_MANY
        assert time.monotonic() - began >= 0.04
        monkeypatch.setattr(books, "LEAVES_WITHIN", PATIENCE)
        assert ours.enter(second, ("10.0.0.1", 3), 1) == books.TOO_MANY
        assert ours.totals()["accepted"] == 3


# Threads that die


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_before_it_could_begin_loses_no_slot_and_no_lead(monkeypatch):
    """As for lack of memory, in the few lines that a thread runs before ours."""
    class Dies(ClassroomServer):
        deaths = 3

        def process_request_thread(self, request, client_address):
            if Dies.deaths:
                Dies.deaths -= 1
                raise SystemExit  # before a line of ours ran: threading says nothing of it
            super().process_request_thread(request, client_address)
    monkeypatch.setattr("engine.shortages.RETRY_INTERVAL", 0.01)
    with serving(UppercaseHandler, Dies, max_threads=2) as server:
        for _ in range(3):
            with connect(server) as client:
                client.sendall(b"x\n")
                assert read_all(client) in (b"", b"X\n")
        with connect(server) as one, connect(server) as two:
            for client in two, one:
                client.sendall(b"x\n")
                assert read_all(client) == b"X\n"
        wait_until(lambda: not server.in_service())
        totals = server.totals()
        assert totals["failed"] == 3 and totals["accepted"] == totals["served"] + 3


@pytest.mark.parametrize("name", ["serve_client", "get_request", "verify_request", "admit",
                                  "service_actions", "still_full"])
def test_one_memory_error_in_a_thread_that_accepts_or_serves_ends_nothing(name, monkeypatch):
    left = [0]

    def fails_once(self, *arguments):
        if left[0]:
            left[0] -= 1
            raise MemoryError
        return getattr(super(Failing, self), name)(*arguments)
    Failing = type("Failing", (ClassroomServer,), {name: fails_once})
    monkeypatch.setattr("engine.shortages.RETRY_INTERVAL", 0.01)
    monkeypatch.setattr("engine.leading.POLL_INTERVAL", 0.02)
    monkeypatch.setattr("server.POLL_INTERVAL", 0.02)
    with serving(UppercaseHandler, Failing, max_threads=2) as server:
        assert ask(server, b"x\n") == b"X\n"
        with connect(server) as one, connect(server) as two:
            wait_until(lambda: len(server.in_service()) == 2)
            left[0] = 1
            if name in ("still_full", "service_actions"):
                wait_until(lambda: not left[0] or name == "service_actions")
            for client in one, two:
                client.sendall(b"x\n")
                read_all(client)
        for _ in range(4):
            with contextlib.suppress(ConnectionError):
                ask(server, b"x\n")
        left[0] = 0
        with connect(server) as one, connect(server) as two:
            for client in two, one:
                client.sendall(b"x\n")
                assert read_all(client) == b"X\n"
        wait_until(lambda: not server.in_service())
        totals = server.totals()
        assert totals["accepted"] == sum(totals[outcome] for outcome in books.OUTCOMES)


def test_the_lead_of_a_thread_that_died_is_free_again():
    ours = lead.Lead()
    ours.start(0)
    dead = threading.Thread()
    dead.start()
    dead.join()
    ours.give_to(dead)
    ours.wait_until_nobody_leads(0.01)
    assert ours.take(0) and ours.is_mine()
