"""engine/lane.py: many clients answered by one thread, and what is left to their own."""

import contextlib
import select
import socket
import threading
import time

import pytest
from conftest import (PATIENCE, connect, needs_linux, read_all, read_line, reset, serving,
                      wait_until)

from engine.lane import SETTLED, SHORT, ClientInLane, Lane
from handlers.lines import LineHandler
from handlers.uppercase import UppercaseHandler

pytestmark = [pytest.mark.usefixtures("quick_switches"),
              pytest.mark.skipif(not Lane.exists_here, reason="no lane on this system")]


class Who(LineHandler):
    """Answers with "lane" or the name of its own thread, or does what it is asked to."""

    keep_open = True
    waits = False
    made = []

    def reply(self, message):
        if message == "bug":
            raise KeyError("a mistake in the service")
        if message == "worse":
            raise KeyboardInterrupt
        if message == "much":
            self.made.append(message)
            return "x" * 10**7
        if message == "thread":
            return threading.current_thread().name
        return message or ("lane" if self._client.in_lane else "own thread")


def in_lane(handler, **attributes):
    """Return this handler class with a lane of its own."""
    return type("Handler", (handler,), dict(attributes, lane=Lane()))


def who(**attributes):
    return serving(in_lane(Who, **attributes), max_threads=8)


def ask(connection, message=""):
    connection.sendall(message.encode() + b"\n")
    return read_line(connection)


@contextlib.contextmanager
def settled(server):
    """A connection whose client the lane has just answered."""
    with connect(server) as connection:
        wait_until(lambda: ask(connection) == "lane", "an answer from the lane")
        yield connection


def ended(server, name, others=0):
    """Wait until one conversation has ended in that way and only so many *others* take a slot."""
    wait_until(lambda: server.totals()[name] == 1 and len(server.in_service()) == others, name)


def empty(server):
    """Tell whether the server's lane has no thread, as when nobody is in it."""
    return server.RequestHandlerClass.lane._watcher is None


def test_who_has_settled_is_answered_by_one_thread_for_all():
    with who() as server, contextlib.ExitStack() as stack:
        first = stack.enter_context(connect(server))
        assert [ask(first) == "lane" for _ in range(SETTLED)] == [False] * SETTLED
        clients = [stack.enter_context(settled(server)) for _ in range(6)]
        for _ in range(50):
            for client in clients:
                client.sendall(b"\n")
            assert [read_line(client) for client in clients] == ["lane"] * 6
        assert len({ask(client, "thread") for client in clients * 3}) == 1


@pytest.mark.parametrize("attributes", [{"waits": True}, {"work": 0.001}])
def test_a_service_that_may_wait_has_no_lane(attributes):
    with who(**attributes) as server, connect(server) as connection:
        assert "lane" not in [ask(connection) for _ in range(SETTLED + 5)]


def test_the_thread_of_the_lane_ends_when_nobody_is_left():
    with who() as server:
        for _ in range(3):
            with settled(server), settled(server):
                assert not empty(server)
            wait_until(lambda: empty(server))


def test_what_is_not_short_and_whole_is_left_to_the_clients_own_thread():
    with who() as server, settled(server) as connection:
        for message in ("y" * SHORT, "z" * 50000):
            assert ask(connection, message) == message
            assert ask(connection, "short") == "short"
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in "in pieces: ção\n".encode():
            connection.sendall(bytes([byte]))
        assert read_line(connection) == "in pieces: ção"
        connection.sendall(b"one\ntwo\n")
        assert [read_line(connection), read_line(connection)] == ["one", "two"]
        connection.sendall(b"one\ntwo\r\nthr")
        assert [read_line(connection), read_line(connection)] == ["one", "two"]
        connection.sendall(b"ee\nfour\n")
        assert [read_line(connection), read_line(connection)] == ["three", "four"]
        connection.sendall(b"\n".join([b"many"] * 20000) + b"\n")
        assert [read_line(connection) for _ in range(20000)] == ["many"] * 20000
        wait_until(lambda: ask(connection) == "lane", "the way back into the lane")


def test_a_message_that_is_too_long():
    with who(max_line=10) as server, settled(server) as connection:
        connection.sendall(b"one\n" + b"x" * 11 + b"\nthree\n")
        lines = read_all(connection).decode().splitlines()
        assert lines[0] == "one"
        assert len(lines) == 2 and lines[1].startswith("ERR message too long")
        connection.close()
        ended(server, "served")


def test_one_message_that_is_too_long():
    """As short as the lane takes them, and longer than this service allows."""
    with who(max_line=10) as server, settled(server) as connection:
        connection.sendall(b"x" * 11 + b"\n")
        assert read_all(connection).startswith(b"ERR message too long: at most 10 bytes")


def test_bytes_that_are_not_utf_8_and_a_service_with_a_mistake(caplog):
    with who() as server, settled(server) as connection:
        connection.sendall(b"ab\xff\n")
        assert read_line(connection).startswith("ERR the message is not valid UTF-8 (byte 3)")
        assert ask(connection, "bug").startswith("ERR the service failed")
        assert ask(connection) == "lane"
    assert "a mistake in the service" in caplog.text


def test_whatever_a_service_raises_nobody_else_is_harmed():
    """Also what is no Exception."""
    with who() as server, settled(server) as other, settled(server) as connection:
        assert ask(connection, "worse").startswith("ERR the service failed")
        assert ask(other) == ask(connection) == "lane"


@pytest.mark.parametrize("sent", [b"", b"half a mess"])
def test_a_client_that_falls_silent(sent):
    with who(timeout=3) as server, settled(server) as connection:
        answered = time.monotonic()
        threading.Timer(1.5, connection.sendall, [sent]).start()
        came = read_all(connection)  # who sends nothing more has its replies, and no ERR that confuses
        assert came.startswith(b"ERR no complete message within 3 s") == bool(came) == bool(sent)
        assert 2.99 <= time.monotonic() - answered < 4.5  # half a message buys no time
        ended(server, "timed out" if sent else "served")
        wait_until(lambda: empty(server))


def test_each_message_has_the_whole_time():
    with who(timeout=2) as server, settled(server) as connection:
        began = time.monotonic()
        while time.monotonic() - began < 2.4:
            assert ask(connection) == "lane"
            threading.Event().wait(0.2)


def test_who_is_ready_with_nothing_to_read_stays():
    """At the deadline its own thread may have been quicker, and be back already."""
    here, there = socket.socketpair()
    with here, there:
        member = ClientInLane.__new__(ClientInLane)
        member.connection = here
        assert member.answer_at_once()


def test_a_message_after_a_reply_taken_slowly_has_the_whole_time():
    def doing(word):
        wait_until(lambda: server.in_service()[0].doing.word == word, word)
        return server.in_service()[0].doing
    with who(timeout=60) as server, settled(server) as connection:
        connection.sendall(b"much\n")
        not_read = doing("not reading").since
        wait_until(lambda: time.monotonic() > not_read + 0.1)
        began = time.monotonic()
        assert read_line_of(connection, 10**7) == "x" * 10**7
        assert doing("silent").since >= began - 0.01


def test_replies_to_messages_sent_together_do_not_pile_up():
    """They are made in the client's own thread, which waits until it takes them."""
    handler = in_lane(Who, made=[])
    with serving(handler, max_threads=8) as server, settled(server) as other:
        with settled(server) as connection:
            connection.sendall(b"much\n" * 100)
            assert select.select([connection], [], [], PATIENCE)[0]
            for _ in range(50):
                assert ask(other) == "lane"
            assert 1 <= len(handler.made) <= 2
            reset(connection)
            ended(server, "gone", others=1)


@pytest.mark.parametrize("end, outcome", [(reset, "gone"), (socket.socket.close, "served")])
def test_a_client_that_leaves(end, outcome):
    with who() as server, settled(server) as connection:
        end(connection)
        ended(server, outcome)


def test_half_a_message_is_dropped():
    with who() as server, settled(server) as connection:
        connection.sendall(b"no line end")
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).startswith(b"ERR the last message had no line feed")
        ended(server, "gone")


def test_a_client_that_does_not_read_its_replies_holds_up_nobody():
    with who(timeout=3) as server, settled(server) as other:
        with settled(server) as connection:
            connection.sendall(b"much\n")
            began = time.monotonic()
            while server.totals()["timed out"] == 0:
                asked = time.monotonic()
                assert ask(other) == "lane"
                assert time.monotonic() - asked < 2.5
                assert time.monotonic() - began < PATIENCE
                threading.Event().wait(0.02)


def test_replies_to_a_slow_reader_are_complete_and_in_order():
    with who() as server, settled(server) as connection:
        connection.sendall(b"much\n")
        wait_until(lambda: empty(server))  # its own thread is at it
        connection.sendall(b"one\n" * 10)
        assert read_line_of(connection, 10**7) == "x" * 10**7
        assert [read_line(connection) for _ in range(10)] == ["one"] * 10
        wait_until(lambda: ask(connection) == "lane", "the way back into the lane")


def read_line_of(connection, length):
    """Return a line of this length, its end read as well."""
    data = b""
    while len(data) < length + 1:
        data += connection.recv(length + 1 - len(data))
    assert data.endswith(b"\n")
    return data[:-1].decode()


def test_a_stop():
    """What was asked is answered, and those who are idle are let go."""
    with who() as server, settled(server) as idle, settled(server) as asking:
        asking.sendall(b"one\ntwo\n")
        assert server.stop(PATIENCE) == 0
        assert read_all(asking) == b"one\ntwo\n"
        assert read_all(idle) == b""
        wait_until(lambda: empty(server))


def test_a_shutdown_ends_a_conversation_with_its_next_message():
    with who() as server, settled(server) as connection:
        server.shutdown()
        connection.sendall(b"\n")
        # Nothing, if the lane's thread had not yet come back from the message before.
        assert read_all(connection) in (b"lane\n", b"")


def test_no_room_for_the_lane(monkeypatch):
    def fail():
        raise OSError("too many open files")
    with who() as server, connect(server) as connection:
        monkeypatch.setattr("engine.lane.Selector", fail)
        assert "lane" not in [ask(connection) for _ in range(SETTLED + 5)]
        monkeypatch.undo()
        wait_until(lambda: ask(connection) == "lane", "an answer from the lane")


def test_nobody_is_left_sleeping_when_the_leader_dies():
    with who() as server, settled(server) as one, settled(server) as two:
        def fail(timeout=None):
            raise MemoryError
        server.RequestHandlerClass.lane._watcher.select = fail
        one.sendall(b"hello\n")
        # Whoever leads fails, for this never mends; then the next one leads.
        wait_until(lambda: server.totals()["failed"] == 2, "both to be let go")
        two.close()


class Asking(Who):
    """Makes way before it answers ``wait``, as a service does that is about to wait."""

    def reply(self, message):
        if message == "wait":
            self.make_way()
        return "lane" if self._client.in_lane else "own thread"


def test_who_had_to_wait_goes_on_in_its_own_thread_until_it_has_settled_again():
    with serving(in_lane(Asking), max_threads=8) as server, settled(server) as connection:
        assert ask(connection, "wait") == "lane"
        for _ in range(SETTLED + 5):
            assert ask(connection, "wait") == "own thread"
        wait_until(lambda: ask(connection) == "lane", "the way back into the lane")


class Closing(Who):
    """Closes the client's connection, and goes on for a while."""

    begun, go_on = threading.Event(), threading.Event()

    def reply(self, message):
        if message == "close":
            self.request.close()
            self.begun.set()
            assert self.go_on.wait(PATIENCE)
        return super().reply(message)


def test_a_service_that_closes_its_clients_connection_harms_no_other_client(caplog):
    """The next one gets its descriptor, which the lane still watches."""
    handler = in_lane(Closing, begun=threading.Event(), go_on=threading.Event())
    with serving(handler, max_threads=8) as server, settled(server), settled(server) as closed:
        with socket.socket() as newcomer:  # made now: it must not take that descriptor itself
            closed.sendall(b"close\n")
            assert handler.begun.wait(PATIENCE)
            newcomer.settimeout(PATIENCE)
            newcomer.connect(server.server_address)
            for number in range(SETTLED + 3):
                assert ask(newcomer, "hello") == "hello"
        handler.go_on.set()
    assert "already registered" not in caplog.text


class Lasting(Who):
    """Answers ``long`` when the test says so."""

    begun, go_on = threading.Event(), threading.Event()

    def reply(self, message):
        if message == "long":
            self.make_way()
            self.begun.set()
            assert self.go_on.wait(PATIENCE)
        return super().reply("")


def test_whose_answer_is_being_made_is_not_silent_and_others_are_answered_meanwhile():
    """The service makes way: another thread leads in the lane."""
    handler = in_lane(Lasting, begun=threading.Event(), go_on=threading.Event())
    with serving(handler, max_threads=8) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(settled(server)) for _ in range(4)]
        clients[0].sendall(b"long\n")
        assert handler.begun.wait(PATIENCE)
        words = sorted(client.doing.word for client in server.in_service())
        assert words == ["in work", "silent", "silent", "silent"]
        for client in clients[1:]:
            client.sendall(b"\n")
        assert select.select(clients[1:], [], [], PATIENCE)[0]
        handler.go_on.set()
        assert [read_line(client) for client in clients] == ["lane"] * 4


@needs_linux
def test_no_descriptor_is_kept_and_no_processor_used(start_server):
    server = start_server("--keep-open", "--max-threads", "0")
    before = server.descriptors()
    clients = [server.connect() for _ in range(20)]
    for client in clients:
        for _ in range(SETTLED + 1):
            assert ask(client, "hello") == "HELLO"
    used = server.cpu_seconds()
    threading.Event().wait(0.3)
    assert server.cpu_seconds() - used <= 0.03
    for client in clients:
        client.close()
    wait_until(lambda: server.descriptors() == before)
    assert server.stop() == 0
    assert server.totals()["served"] == 20


def test_a_crowd_that_comes_and_goes():
    """Clients enter and leave while others talk: every answer is right, everyone is counted."""
    with serving(in_lane(UppercaseHandler, keep_open=True), max_threads=16) as server:
        problems = []

        def talk(number):
            try:
                for round in range(15):
                    with connect(server) as connection, connection.makefile("rb") as replies:
                        for step in range(round * 3):
                            message = b"client %d, %d" % (number, step)
                            if step % 7 == 6:
                                message += b" long" * SHORT
                            connection.sendall(message + b"\n")
                            assert replies.readline() == message.upper() + b"\n"
                        if round % 3 == 2:
                            reset(connection)
            except Exception as problem:
                problems.append(problem)
        threads = [threading.Thread(target=talk, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert not problems
        wait_until(lambda: not server.in_service())
        totals = server.totals()
        assert totals["accepted"] == totals["served"] + totals["gone"] == 12 * 15
        assert totals["gone"] == 12 * (5 + 1)  # the resets, and those that said nothing
