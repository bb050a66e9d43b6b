"""A hostile room: whatever the attackers do, every honest client gets its answer.

Each attack meets the real server, with 4 slots and a short time-out; how long the slowest honest
answer took stands at the end of the test run.
"""

import contextlib
import functools
import queue
import random
import re
import signal
import socket
import sys
import threading
import time

import pytest
from conftest import (HURRIED, PATIENCE, ask, connect, keep_reporting, needs_linux, read_all,
                      read_line, reset, serving, wait_until)

from engine.books import Books
from engine.support import ClientState
from handlers.uppercase import UppercaseHandler

pytestmark = pytest.mark.usefixtures("quick_switches")


@pytest.fixture
def start_server(start_server):
    """As everywhere, but with threads in a hurry."""
    return functools.partial(start_server, program=HURRIED)


SLOTS = 4
TIMEOUT = 0.15
OPTIONS = ["--max-threads", str(SLOTS), "--timeout", str(TIMEOUT), "-q"]

#: Attacks from one loopback address, honest clients from another (only Linux has them all).
ELSEWHERE = "127.0.0.2" if sys.platform.startswith("linux") else "127.0.0.1"


@pytest.fixture
def honest(record_property):
    """A function that asks a server 50 times, checks the answers and records the slowest."""
    def ask(server, message="Recife,31,24", reply="BYE", source="127.0.0.1"):
        slowest = 0.0
        for _ in range(50):
            began = time.monotonic()
            assert server.ask(message, source) == reply
            slowest = max(slowest, time.monotonic() - began)
        record_property("slowest answer", slowest)
        return slowest
    return ask


@contextlib.contextmanager
def attackers(attack, number=1):
    """Run *attack* (stop) in so many threads meanwhile; stop() is true when they shall end."""
    ended = threading.Event()
    problems = []

    def run():
        try:
            attack(ended.is_set)
        except Exception as problem:
            problems.append(problem)
            raise
    threads = [threading.Thread(target=run, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(PATIENCE)
    assert not problems and not any(thread.is_alive() for thread in threads)


def finish(server):
    """Stop the server; check that the totals add up and nothing went wrong; return both."""
    assert server.stop() == 0
    totals, log = server.totals(), server.err.all()
    assert totals["failed"] == 0
    assert totals["accepted"] == sum(totals[name] for name in
                                     ("served", "refused", "timed out", "gone"))
    assert "Traceback" not in log
    return totals, log


def test_hang_up_in_the_middle_of_a_message(start_server, honest):
    # The time is long: where the machine stands still for a moment, nobody shall have timed out.
    server = start_server("--service", "temp", *OPTIONS, "--timeout", "20", "--backlog", "1000")

    def attack(stop):
        for _ in range(250):
            with server.connect() as connection:
                connection.sendall(b"Reci")
    with attackers(attack, 2):
        honest(server)
    honest(server)
    assert finish(server)[0]["gone"] == 500


def test_resets_before_during_and_after_the_message(start_server, honest):
    server = start_server("--service", "temp", *OPTIONS, "--backlog", "1000")

    def attack(stop):
        for number in range(250):
            connection = server.connect()
            with contextlib.suppress(OSError):  # it may have been answered and closed
                connection.sendall((b"", b"Reci", b"Recife,31,24\n")[number % 3])
            reset(connection)
    with attackers(attack, 2):
        honest(server)
    honest(server)
    # A reset before accept() has the system forget the connection, so they need not be 600.
    assert finish(server)[0]["accepted"] >= 100


def test_connect_and_stay_silent(start_server, honest):
    server = start_server("--service", "temp", *OPTIONS)
    for _ in range(2):
        silent = [server.connect() for _ in range(3 * SLOTS)]
        honest(server)
        for connection in silent:
            assert read_all(connection).startswith(b"ERR no complete message within 0.15 s")
            connection.close()
    assert finish(server)[0]["timed out"] == 2 * 3 * SLOTS


def test_one_byte_at_a_time(start_server, honest):
    """Slowly enough never to finish, often enough never to be idle."""
    server = start_server("--service", "temp", *OPTIONS)
    slow = [server.connect() for _ in range(3 * SLOTS)]

    def attack(stop):
        tick = threading.Event()
        while not stop():
            for connection in slow:
                with contextlib.suppress(OSError):  # cut off, which is the point
                    connection.send(b"x")
            tick.wait(0.03)
    with attackers(attack):
        honest(server)
    for connection in slow:
        assert connection.recv(1000).startswith(b"ERR no complete message")
        connection.close()
    assert finish(server)[0]["timed out"] >= 3 * SLOTS  # more, where this machine lets somebody wait


def test_never_read_the_replies(start_server, record_property):
    server = start_server(*OPTIONS, "--keep-open")

    def attack(stop):
        with server.connect() as connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            for _ in range(400):  # 24 MB; it is cut off before
                connection.sendall(b"x" * 59999 + b"\n")
            raise AssertionError("nobody cut it off")
    with attackers(attack, 3 * SLOTS):
        slowest = 0.0
        for _ in range(50):
            began = time.monotonic()
            with server.connect() as connection:
                connection.sendall(b"hello\n")
                assert read_line(connection) == "HELLO"
            slowest = max(slowest, time.monotonic() - began)
        record_property("slowest answer", slowest)
    assert finish(server)[0]["timed out"] == 3 * SLOTS


@needs_linux
def test_a_message_without_end(start_server, honest):
    server = start_server("--service", "temp", *OPTIONS)
    honest(server)
    before = server.memory()
    most = [0]

    def attack(stop):
        connection = server.connect()
        with connection, contextlib.suppress(OSError):
            for _ in range(64):
                connection.sendall(b"x" * 2**20)
                most[0] = max(most[0], server.memory())
            assert read_line(connection).startswith("ERR message too long")
    with attackers(attack):
        honest(server)
    assert most[0] - before < 8 * 2**20
    finish(server)


def mutate(random, line):
    """Return *line* with a few random changes, as bytes."""
    data = bytearray(line)
    for _ in range(random.randint(1, 4)):
        position = random.randrange(len(data) + 1)
        what = random.randrange(3)
        if what == 0:
            data[position:position] = bytes([random.randrange(256)])
        elif what == 1:
            del data[position:position + 2]
        else:
            data[position:position + 1] = random.choice([b'"', b",", b"-", b".", b"9", b"\xff"])
    return bytes(data).replace(b"\n", b"")


def test_random_bytes_and_mutated_readings(start_server, honest):
    server = start_server("--service", "temp", "--timeout", str(PATIENCE), "-q", "--keep-open")
    seeded = random.Random(1)
    readings = ['Recife,31,24', '"Olho d\'Água, AL",35,22', 'Oymyakon,-3.5,-67.7']
    messages = []
    for number in range(20000):
        if number % 2:
            messages.append(mutate(seeded, seeded.choice(readings).encode()))
        else:
            messages.append(bytes(seeded.randrange(256) for _ in range(seeded.randrange(40)))
                            .replace(b"\n", b""))
    with server.connect() as connection:
        replies = connection.makefile("rb")
        for start in range(0, len(messages), 500):
            chunk = messages[start:start + 500]
            connection.sendall(b"\n".join(chunk) + b"\n")
            for message in chunk:
                reply = replies.readline().decode()
                answers = ("hottest,", "cities,") if message.startswith(b"?") else ("BYE\n",)
                assert reply.startswith(("ERR ", *answers)), (message, reply)
                assert reply[:-1].isprintable() and "failed" not in reply, (message, reply)
        replies.close()
    with server.connect() as connection:
        connection.sendall(b"Recife,31,24\n")
        assert read_line(connection) == "BYE"
    finish(server)
    assert all(line.isprintable() for line in server.out.all().split("\n"))


STRANGE = [
    b"\xff\xfe,31,24", b"Rec\x00ife,31,24", b"\xed\xa0\x80,31,24", b"\xc0\xaf,1,0",
    b"Recife," + b"9" * 5000 + b",24", b"Recife,1e999,24", b"Recife,-1e999,24",
    b"x," * 10000, b'"Recife,31,24', b'Re"cife,"31"",24', b'"""' * 3000, b"Recife,31,0x18",
    b"\x1b[31mRecife\x1b[0m,31,24", b"\x1b]0;title\x07,31,24", b"Re\rcife,31,24",
    "\u202eeficeR,31,24".encode(), "Re\u2028cife,31,24".encode(), "\x9b2J,31,24".encode()]


def test_strange_messages(start_server):
    server = start_server("--service", "temp", *OPTIONS[:-1], "-v")
    for message in STRANGE:
        with server.connect() as connection:
            connection.sendall(message + b"\n")
            reply = read_all(connection).decode()
        assert reply.startswith("ERR ") and reply[:-1].isprintable() and len(reply) < 300, message
        assert server.ask("Recife,31,24") == "BYE"
    finish(server)
    for text in server.out.all(), server.err.all():
        assert all(line.isprintable() for line in text.split("\n"))


def test_a_flood_from_one_address(start_server, honest):
    server = start_server("--service", "temp", *OPTIONS, "--max-per-host", "2")

    def attack(stop):
        while not stop():
            with server.connect() as connection, contextlib.suppress(OSError):
                connection.sendall(b"Recife,31,24\n")
                if connection.recv(1000).startswith(b"ERR too many"):
                    refused.set()
    refused, silent = threading.Event(), [server.connect() for number in range(2)]
    with attackers(attack, 8):
        assert refused.wait(PATIENCE)
        if ELSEWHERE != "127.0.0.1":
            assert honest(server, source=ELSEWHERE) < 1
    for connection in silent:
        connection.close()
    assert finish(server)[0]["refused"] > 0


def test_one_connection_too_many_is_refused_at_once(start_server):
    server = start_server("--service", "temp", "--timeout", "30", "--max-per-host", "2", "-v")
    held = [server.connect() for _ in range(2)]
    server.err.wait_for("Serving client", 2)
    for _ in range(3):
        with server.connect() as connection:
            assert read_line(connection) == "ERR too many connections from your address"
    held.pop().close()
    server.err.wait_for("is gone")
    assert server.ask("Recife,31,24") == "BYE"
    server.err.wait_for("slots 1/4, served 1, refused 3, timed out 0")
    for connection in held:
        connection.close()
    assert finish(server)[0]["refused"] == 3


def test_a_client_that_comes_again_at_once_is_not_too_many(monkeypatch):
    """It has its answer, but the thread that served it has not run on."""
    class Lagging(UppercaseHandler):
        def finish(self):
            super().finish()
            threading.Event().wait(0.03)
    monkeypatch.setattr("engine.books.LEAVES_WITHIN", PATIENCE)
    with serving(Lagging, max_per_host=1) as server:
        for _ in range(5):
            assert ask(server, b"again\n") == b"AGAIN\n"
        assert server.totals()["refused"] == 0


def test_two_who_wait_for_one_place_get_one(monkeypatch):
    monkeypatch.setattr("engine.books.LEAVES_WITHIN", PATIENCE)
    class HasItsReply(ClientState):
        answered = 1

        def is_leaving(self):
            return True
    books = Books()
    with contextlib.ExitStack() as stack:
        requests = [stack.enter_context(socket.socket()) for _ in range(3)]
        entered = queue.Queue()

        def enter(request):
            entered.put((not books.enter(request, ("10.0.0.1", 1), 1), request))
        enter(requests[0])
        books.introduce(requests[0], HasItsReply())
        for request in requests[1:]:
            threading.Thread(target=enter, args=(request,), daemon=True).start()
        waiting = books._someone_left._waiters
        wait_until(lambda: len(waiting) == 2)
        books.leave(entered.get()[1], "served")
        there, request = entered.get(timeout=PATIENCE)
        wait_until(lambda: waiting or not entered.empty(), "the other one to have looked")
        assert there and entered.empty() and len(books.in_service()) == 1
        books.introduce(request, HasItsReply())
        books.leave(request, "served")
        there, request = entered.get(timeout=PATIENCE)
        assert there


def test_a_client_that_does_not_read_holds_up_no_other_of_its_host():
    """The server asks whether it is just leaving: that must not wait for it."""
    handler = type("Handler", (UppercaseHandler,), {
        "keep_open": True, "reply": lambda self, message: 10000000 * message})
    with serving(handler, max_per_host=1, max_threads=4) as server, connect(server) as client:
        client.sendall(b"x\n")
        wait_until(lambda: [slot.doing.word for slot in server.in_service()] == ["not reading"])
        began = time.monotonic()
        with connect(server) as other:
            assert read_line(other).startswith("ERR too many")
        assert server.totals()["refused"] == 1
        assert time.monotonic() - began < PATIENCE / 2
        server.stop(0)


@pytest.mark.parametrize("keep_open, length", [(False, 1), (True, 1), (False, 2000)])
def test_clients_that_come_again_and_again_are_not_too_many(monkeypatch, keep_open, length):
    """After a reply of 2000 bytes the server lingers, until it sees that the client has closed."""
    monkeypatch.setattr("engine.books.LEAVES_WITHIN", PATIENCE)
    with serving(type("Handler", (UppercaseHandler,), {"keep_open": keep_open}), max_per_host=1,
                 max_threads=3) as server:
        for _ in range(300):
            with connect(server) as client:
                client.sendall(b"x" * length + b"\n")
                assert read_line(client) == "X" * length
        assert server.totals()["refused"] == 0


def test_who_has_its_reply_and_the_end_is_served_however_it_leaves():
    def come_and_go():
        for _ in range(100):
            with connect(server) as client:
                client.sendall(b"x\n")
                read_all(client)
                reset(client)
    with serving(UppercaseHandler, max_threads=4) as server:
        threads = [threading.Thread(target=come_and_go) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: not server.in_service())
        assert dict(server.totals(), served=0) == dict(dict.fromkeys(server.totals(), 0), accepted=400)


def test_who_is_one_too_many_costs_the_others_nothing(monkeypatch):
    """Those who hold the places say nothing, have not closed, or linger after their reply."""
    monkeypatch.setattr("engine.books.LEAVES_WITHIN", PATIENCE)
    with serving(type("Handler", (UppercaseHandler,), {"work": 2.0 * PATIENCE}),
                 max_per_host=3, max_threads=9) as server:
        silent, half, busy = held = [connect(server) for _ in range(3)]
        half.sendall(b"hal")
        busy.sendall(b"x\n")
        busy.shutdown(socket.SHUT_WR)
        wait_until(lambda: [client.doing.word for client in server.in_service()]
                   == ["silent", "half a message", "in work"])
        began = time.monotonic()
        for _ in range(20):
            with connect(server) as client:
                assert read_line(client).startswith("ERR too many")
        assert time.monotonic() - began < PATIENCE / 2
        server.stop(0)
        for client in held:
            client.close()


def test_an_ipv4_client_seen_over_ipv6_is_the_same_host():
    from engine.addresses import host_of
    assert host_of(("::ffff:192.0.2.7", 1, 0, 0)) == host_of(("192.0.2.7", 2)) == "192.0.2.7"
    assert host_of(("fe80::1%eth0", 1, 0, 2)) == "fe80::1%eth0"
    assert host_of(("::1", 1, 0, 0)) == "::1"


def test_no_more_cities_than_max_cities(start_server):
    server = start_server("--service", "temp", *OPTIONS, "--max-cities", "3")
    for city in "A", "B", "C", "B":
        assert server.ask(city + ",2,1") == "BYE"
    assert server.ask("?").endswith(",cities,3")  # they are recorded
    assert server.ask("D,2,1") == ("ERR there are 3 cities already: expected a reading of one of "
                                   "them")
    assert server.ask("A,30,1") == "BYE"
    server.out.wait_for("^Hottest city: A with 30$")
    finish(server)


def few_descriptors():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))


@needs_linux
def test_descriptors_exhausted(start_server, honest):
    server = start_server("--service", "temp", "--max-threads", "0", "--timeout", "60",
                          preexec_fn=few_descriptors)
    held = [server.connect() for _ in range(60)]
    server.err.wait_for("Cannot take more clients for now .Too many open files")
    before = server.cpu_seconds()
    threading.Event().wait(0.6)  # what it does in this time is what is measured
    assert server.cpu_seconds() - before <= 0.03
    for connection in held:
        connection.close()
    honest(server)
    _, log = finish(server)
    assert log.count("Cannot take more clients") == 1


@needs_linux
def test_who_has_had_its_reply_keeps_no_descriptor_that_is_needed(start_server):
    """Its connection lives on for a moment; where descriptors are short it does not."""
    server = start_server("--max-threads", "0", preexec_fn=few_descriptors)
    held = []
    for _ in range(100):
        held.append(server.connect())
        held[-1].sendall(b"x\n")
        assert read_all(held[-1]) == b"X\n"
    _, log = finish(server)
    assert "Cannot take more clients" not in log


@needs_linux
def test_a_stop_with_descriptors_exhausted(start_server):
    server = start_server("--max-threads", "0", preexec_fn=few_descriptors)
    held = [server.connect() for _ in range(60)]
    server.err.wait_for("Cannot take more clients for now .Too many open files")
    finish(server)
    for connection in held:
        connection.close()


#: server.py, except that every other thread for a client cannot be started.
SHORT_OF_THREADS = """
import sys, threading, engine.leading, engine.shortages, server
start, attempts = threading.Thread.start, []

def fail(thread):
    if thread.name not in ("acceptor", "limit", "first", "screen"):
        attempts.append(thread)
        if len(attempts) % 2:
            raise RuntimeError("can't start new thread")
    start(thread)

threading.Thread.start, engine.shortages.RETRY_INTERVAL = fail, 0.05
engine.leading.IDLE_LIMIT = 0
sys.exit(server.main(sys.argv[1:]))
"""


def test_threads_that_cannot_start(start_server):
    server = start_server("--max-threads", "1", program=("-c", SHORT_OF_THREADS))
    answers = []
    for _ in range(40):
        with server.connect() as connection:
            connection.sendall(b"hello\n")
            answers.append(read_line(connection))
    told = "ERR the server cannot start a thread for you: try again in a moment"
    assert set(answers) == {"HELLO", told}
    totals, log = finish(server)
    assert totals["refused"] == answers.count(told)
    assert log.count("Cannot take more clients for now (can't start new thread)") == 1


def test_a_stop_under_full_load(start_server):
    """Each reading that got its BYE is in the registry that is shown last."""
    for repetition in range(20):
        server = start_server("--service", "temp", "--max-threads", "8", "--keep-open", "-v")
        threads, acknowledged = keep_reporting(server)
        server.out.wait_for(r"^Hottest city: City . with (1[5-9]|[2-9]\d|\d{3,})$")
        began = time.monotonic()
        assert server.stop((signal.SIGTERM, signal.SIGINT)[repetition % 2]) == 0
        assert time.monotonic() - began < 5
        for thread in threads:
            thread.join(PATIENCE)
        table = server.out.all().rpartition("Max  Min\n")[2]
        shown = dict(re.findall(r"^(City \d) +(\d+) +-5$", table, re.M))
        for city, number in acknowledged.items():
            # The reading after the last that was acknowledged may have been taken as well.
            assert number == 0 or number - 1 <= int(shown[city]) <= number
        totals = server.totals()
        assert totals["accepted"] == totals["served"] + totals["gone"]
