"""handlers/lines.py: what a client may send, in pieces, too much, too slowly or not at all."""

import contextlib
import os
import socket
import socketserver
import threading
import time

import pytest
from conftest import ask, connect, read_all, read_line, reset, serving, short, wait_until

from engine import messages
from engine.replies import can_be_read
from handlers.lines import BadMessage, LineHandler
from handlers.uppercase import UppercaseHandler

pytestmark = pytest.mark.usefixtures("quick_switches")


def upper(**attributes):
    return serving(type("Handler", (UppercaseHandler,), attributes), max_threads=2)


def outcome(server, name, number=1):
    """Wait until so many conversations have ended in that way and no slot is taken."""
    wait_until(lambda: server.totals()[name] == number and "slots 0/" in server.status(), name)


def test_whether_a_socket_can_be_read():
    here, there = socket.socketpair()
    with here, there:
        assert not can_be_read(here, 0)
        there.sendall(b"x")
        assert can_be_read(here, 0)
    with pytest.raises(ValueError):  # it is closed
        can_be_read(here, 0)


def test_whether_a_descriptor_beyond_those_of_select_can_be_read():
    fcntl, resource = pytest.importorskip("fcntl"), pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 < limits[1] < 2000:
        pytest.skip("this system allows fewer open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(2000, limits[0]), limits[1]))
    here, there = socket.socketpair()
    try:
        with here, there, socket.socket(fileno=fcntl.fcntl(here, fcntl.F_DUPFD, 1024)) as far:
            assert not can_be_read(far, 0.001)
            there.sendall(b"x")
            assert can_be_read(far, 0.001)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("sent", [b"one\n", b"one\ntwo\n", b"GET / HTTP/1.0\n", b"x" * 70000 + b"\n"],
                         ids=short)
def test_no_reply_is_held_back(sent):
    with upper() as server:
        began = time.monotonic()
        for _ in range(20):
            with connect(server) as client:
                client.sendall(sent)
                assert read_line(client)
        assert time.monotonic() - began < 2  # what is corked waits for 0.2 s each time, under Linux


@pytest.mark.parametrize("sent, reply", [
    (b"hello\n", b"HELLO\n"),
    (b"hello\r\n", b"HELLO\n"),
    (b"\n", b"\n"),
    (b"\r\n", b"\n"),
    (b"a\rb\n", b"A\rB\n"),
    ("olá, ação\n".encode(), "OLÁ, AÇÃO\n".encode()),
    (b"nul \0 too\n", b"NUL \0 TOO\n"),
])
def test_a_message_is_a_line(sent, reply):
    with upper() as server:
        assert ask(server, sent) == reply
        outcome(server, "served")


def test_one_message_in_many_packets():
    with upper() as server, connect(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in "in pieces: ção\n".encode():
            connection.sendall(bytes([byte]))
        assert read_all(connection).decode() == "IN PIECES: ÇÃO\n"


def test_several_messages_in_one_packet():
    with upper(keep_open=True) as server, connect(server) as connection:
        connection.sendall(b"one\ntwo\r\n\nfour\nfi")
        assert [read_line(connection) for _ in range(4)] == ["ONE", "TWO", "", "FOUR"]
        connection.sendall(b"ve\n")
        assert read_line(connection) == "FIVE"


def test_without_keep_open_only_the_first_message_is_answered():
    with upper() as server:
        assert ask(server, b"one\ntwo\nthr") == b"ONE\n"


def test_the_reply_survives_input_that_nobody_reads():
    with upper() as server, connect(server) as connection:
        connection.sendall(b"one\n" + b"more and more\n" * 200000)
        assert read_all(connection) == b"ONE\n"


def test_a_long_reply_survives_a_message_that_came_during_the_work():
    with upper(work=0.2, max_line=10**6) as server, connect(server) as connection:
        connection.sendall(b"x" * 10**6 + b"\n")
        wait_until(lambda: server.totals()["accepted"])
        threading.Event().wait(0.1)
        connection.sendall(b"more\n")
        assert read_all(connection) == b"X" * 10**6 + b"\n"


def test_waiting_in_slices_keeps_the_deadline_and_sees_the_stop(monkeypatch):
    """As on Windows, where a stop cannot wake those who wait."""
    monkeypatch.setattr("engine.incoming.LONGEST_WAIT", 0.05)
    monkeypatch.setattr("engine.messages.DONT_WAIT", 0)
    monkeypatch.setattr("engine.incoming.DONT_WAIT", 0)
    monkeypatch.setattr("engine.replies.DONT_WAIT", 0)
    monkeypatch.setattr("engine.replies.AT_REST", 0.0)
    monkeypatch.setattr("engine.stopping.shut", lambda *_: None)
    with upper(timeout=0.15) as server:
        began = time.monotonic()  # before it connects: the server may be quicker than this thread
        with connect(server) as connection:
            assert read_all(connection).startswith(b"ERR no complete message")
        assert time.monotonic() - began >= 0.15
    with upper(timeout=60) as server, connect(server) as connection:
        wait_until(lambda: server.totals()["accepted"])
        assert server.stop(10) == 0
        assert read_all(connection) == b""


def test_half_a_message_is_dropped_and_its_slot_freed():
    with upper() as server:
        for half in range(1, 4):
            with connect(server) as connection:
                connection.sendall(b"no line end")
                connection.shutdown(socket.SHUT_WR)
                assert read_all(connection).startswith(b"ERR the last message had no line feed")
            outcome(server, "gone", half)
        assert ask(server, b"next\n") == b"NEXT\n"


@pytest.mark.parametrize("sent", [b"", b"half a mess", b"whole\n"])
def test_a_client_that_resets(sent):
    with upper(keep_open=True) as server:
        connection = connect(server)
        connection.sendall(sent)
        if sent.endswith(b"\n"):
            assert read_line(connection) == "WHOLE"
        else:
            wait_until(lambda: server.totals()["accepted"])
        reset(connection)
        # Wine lets the reset of a client that has its replies pass for an ordinary end.
        wait_until(lambda: not server.in_service())
        totals = server.totals()
        assert totals["gone"] == 1 or (os.name == "nt" and sent == b"whole\n")
        assert totals["failed"] == 0


def test_a_client_that_says_nothing_and_leaves():
    with upper() as server:
        connect(server).close()
        outcome(server, "gone")


@pytest.mark.parametrize("keep_open", [False, True])
@pytest.mark.parametrize("length, end, fine", [
    (100, b"\n", True), (100, b"\r\n", True), (101, b"\n", False), (101, b"", False),
    (101, b"\r\n", False), (5000000, b"", False), (5000000, b"\n", False)])
def test_the_length_of_a_message(keep_open, length, end, fine):
    with upper(max_line=100, keep_open=keep_open) as server, connect(server) as connection:
        connection.sendall(b"x" * length + end)
        reply = read_line(connection)
        if fine:
            assert reply == "X" * 100
        else:
            assert reply == "ERR message too long: at most 100 bytes before the line feed"
            assert read_all(connection) == b""


def test_replies_before_a_message_that_is_too_long_still_come():
    with upper(max_line=10, keep_open=True) as server, connect(server) as connection:
        connection.sendall(b"one\ntwo\n" + b"x" * 11 + b"\nfour\n")
        lines = read_all(connection).decode().splitlines()
        assert lines[:2] == ["ONE", "TWO"]
        assert len(lines) == 3 and lines[2].startswith("ERR message too long")


def test_bytes_that_are_not_utf_8():
    with upper(keep_open=True) as server, connect(server) as connection:
        connection.sendall(b"ab\xff\n\xed\xa0\x80\nfine\n")
        assert read_line(connection).startswith("ERR the message is not valid UTF-8 (byte 3)")
        assert read_line(connection).startswith("ERR the message is not valid UTF-8 (byte 1)")
        assert read_line(connection) == "FINE"


@pytest.mark.parametrize("sent", [b"", b"half a mess"])
def test_a_client_that_falls_silent(sent):
    with upper(timeout=0.2) as server, connect(server) as connection:
        connection.sendall(sent)
        assert read_all(connection).startswith(b"ERR no complete message within 0.2 s")
        outcome(server, "timed out")


def test_who_has_its_replies_and_then_falls_silent_was_served():
    with upper(keep_open=True) as server, connect(server) as connection:
        wait_until(lambda: [slot.doing.word for slot in server.in_service()] == ["silent"])
        server.books.entries()[0].client.timeout = 0.2  # from the next message on
        connection.sendall(b"one\ntwo\n")
        assert read_all(connection) == b"ONE\nTWO\n"
        outcome(server, "served")
        assert server.totals()["timed out"] == server.totals()["errors"] == 0


def test_the_deadline_is_the_messages_and_not_the_bytes():
    with upper(timeout=0.25) as server, connect(server) as connection:
        connection.settimeout(0.05)
        answer = b""
        for _ in range(200):  # 10 s, if nobody cuts it off
            try:
                connection.sendall(b".")
                answer = connection.recv(1000)
                break
            except socket.timeout:
                continue
        assert answer.startswith(b"ERR no complete message within 0.25 s")
        outcome(server, "timed out")


def test_each_message_has_the_whole_time():
    with upper(timeout=0.6, keep_open=True) as server, connect(server) as connection:
        for _ in range(2):
            for byte in b"abc":
                connection.sendall(bytes([byte]))
                threading.Event().wait(0.12)
            connection.sendall(b"\n")
            assert read_line(connection) == "ABC"


def test_a_client_that_does_not_read_its_replies():
    with upper(timeout=0.15, keep_open=True) as server, connect(server) as connection:
        connection.settimeout(20)
        with pytest.raises(OSError):
            for _ in range(10000):
                connection.sendall(b"x" * 60000 + b"\n")
        outcome(server, "timed out")
        assert ask(server, b"next\n").startswith(b"NEXT\n")


def test_a_long_reply_to_a_slow_reader_is_complete():
    with upper(max_line=10**8, keep_open=True) as server, connect(server) as connection:
        threading.Thread(target=connection.sendall, args=(b"y" * 2 * 10**7 + b"\n",),
                         daemon=True).start()
        received = 0
        while received <= 2 * 10**7:
            received += len(connection.recv(100000))
        assert received == 2 * 10**7 + 1


def test_work_is_taken_for_every_message():
    with upper(work=0.1, keep_open=True) as server, connect(server) as connection:
        began = time.monotonic()
        connection.sendall(b"a\nb\nc\n")
        assert read_line(connection) == "A"
        first = time.monotonic() - began
        assert [read_line(connection), read_line(connection)] == ["B", "C"]
        assert 0.1 <= first and 0.3 <= time.monotonic() - began


class Slow(LineHandler):
    """Each reply takes its time, and no fewer than the test allows."""

    allowed = threading.Semaphore(0)

    def reply(self, message):
        assert self.allowed.acquire(timeout=20)
        threading.Event().wait(0.002)
        return message * 40


def test_replies_that_take_their_time_are_not_kept_back_for_the_rest():
    handler = type("Handler", (Slow,), {"keep_open": True, "allowed": threading.Semaphore(0)})
    with serving(handler) as server, connect(server) as connection:
        connection.sendall(b"ab\n" * 100)
        for _ in range(10):
            handler.allowed.release()
            handler.allowed.release()
            assert read_line(connection) == "ab" * 40
            assert read_line(connection) == "ab" * 40
        for _ in range(80):
            handler.allowed.release()
        for _ in range(80):
            assert read_line(connection) == "ab" * 40


def test_a_second_message_does_not_reset_a_reply_that_took_its_time():
    handler = type("Handler", (Slow,), {"allowed": threading.Semaphore(0)})
    with serving(handler) as server:
        for _ in range(20):
            with connect(server) as connection:
                connection.sendall(b"ab\n")
                wait_until(server.in_service)
                connection.sendall(b"more\n")
                handler.allowed.release()
                connection.shutdown(socket.SHUT_WR)
                assert read_all(connection) == b"ab" * 40 + b"\n"


def test_a_message_too_long_behind_a_whole_one_is_refused_at_once():
    with upper(max_line=10, keep_open=True, timeout=20) as server:
        with connect(server) as connection:
            began = time.monotonic()
            connection.sendall(b"hi\n" + b"x" * 1000)
            assert read_all(connection).decode().splitlines() == [
                "HI", "ERR message too long: at most 10 bytes before the line feed"]
            assert time.monotonic() - began < 10


class Picky(LineHandler):
    """A service with every kind of mistake."""

    def reply(self, message):
        if message == "bad":
            raise BadMessage("expected good,\x1b[31m not bad")
        if message == "bug":
            raise KeyError("a mistake in the service")
        if message == "exit":
            raise SystemExit
        return {"none": None, "lines": "a\nb", "surrogate": "\udc80"}.get(message, "good")


@pytest.mark.parametrize("message, reply", [
    ("bad", "ERR expected good,\\x1b[31m not bad"),
    ("bug", "ERR the service failed"), ("none", "ERR the service failed"),
    ("lines", "ERR the service failed"), ("exit", "ERR the service failed"),
     ("surrogate", "ERR the service failed")])
def test_a_service_that_raises(message, reply, caplog):
    with serving(type("Handler", (Picky,), {"keep_open": True})) as server:
        with connect(server) as connection:
            connection.sendall(message.encode() + b"\nfine\n")
            assert read_line(connection).startswith(reply)
            assert read_line(connection) == "good"
        assert ("Traceback" in caplog.text) == (message in ("bug", "exit"))


def test_the_exercise_of_the_readme():
    class ReverseHandler(LineHandler):
        """Answer each message backwards."""

        def reply(self, message):
            return message[::-1]

    with serving(ReverseHandler) as server:
        assert ask(server, "ação\n".encode()) == "oãça\n".encode()


def test_any_server_of_socketserver_will_do():
    with serving(UppercaseHandler, socketserver.ThreadingTCPServer) as server:
        assert ask(server, b"plain\n") == b"PLAIN\n"


class MakesWay(LineHandler):
    """Says that it does not wait, and does: what is ready is sent in the middle of reply()."""

    keep_open, waits = True, False

    def reply(self, message):
        self.make_way()
        return "x" * 1000


def test_a_client_lost_in_the_middle_of_a_service_is_no_mistake_of_the_service(caplog):
    for leave in reset, socket.socket.close:
        with serving(MakesWay) as server:
            client = connect(server)
            client.sendall(b"a\n" * 5000)
            leave(client)
            if os.name != "nt":  # Wine lets a reset pass for an ordinary end
                outcome(server, "gone")
            wait_until(lambda: not server.in_service())
            assert server.totals()["errors"] == server.totals()["failed"] == 0
    assert "failed on the message" not in caplog.text


def test_a_client_that_reads_too_slowly_for_a_service_gets_no_reply_after_a_hole():
    with serving(type("Handler", (MakesWay,), {"timeout": 0.3})) as server:
        with connect(server) as client:
            client.settimeout(0.2)
            with pytest.raises(OSError):  # its buffers are full, or it is cut off already
                while True:
                    client.sendall(b"a\n" * 5000)
            outcome(server, "timed out")
            client.settimeout(20)
            with contextlib.suppress(ConnectionResetError):
                assert set(read_all(client)) <= set(b"x\n")
        assert server.totals()["errors"] == 0


def test_a_long_reply_survives_what_comes_after_it():
    with upper() as server:
        for pause in 0.0, 0.05:
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.settimeout(20)
                client.connect(server.server_address)
                client.sendall(b"a" * 60000 + b"\n")
                threading.Event().wait(pause)  # only makes the fault more likely
                client.sendall(b"x\n")
                assert len(read_all(client)) == 60001


def test_what_looks_like_http_costs_no_more_when_it_trickles(monkeypatch):
    looked = []
    monkeypatch.setattr(messages, "check_protocol", lambda data: looked.append(len(data)))
    with upper() as server, connect(server) as client:
        client.sendall(b"GET " + b"a" * 20000)
        wait_until(lambda: looked, "a look at what came first")
        for _ in range(50):
            client.sendall(b"a" * 100)
        client.sendall(b"\n")
        assert len(read_all(client)) == 25005
    assert max(looked[:-1]) <= messages.FIRST_BYTES and len(looked) <= messages.FIRST_BYTES


def test_no_reply_depends_on_a_clock_that_tells_milliseconds_apart(monkeypatch):
    """As that of Windows before Python 3.13, which ticks 64 times a second."""
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: int(real() * 64) / 64)
    with upper(work=0.005) as server:
        for number in range(30):
            with connect(server) as client:
                client.sendall(b"x\n")
                threading.Event().wait(number / 5000)  # only makes the fault more likely
                with contextlib.suppress(OSError):
                    client.sendall(b"a second one\n" * 1000)
                assert read_line(client) == "X"  # what came later still may end in a reset
