"""engine/lingering.py: the reply reaches who sends on; connections live on for a moment, and not for ever."""

import contextlib
import logging
import os
import socket
import threading

import pytest
from conftest import PATIENCE, ask, connect, opened, read_all, reset, serving, wait_until

from engine import lingering
from engine.lingering import Lingering
from handlers.lines import LineHandler
from handlers.uppercase import UppercaseHandler


@pytest.fixture(autouse=True)
def time_enough(monkeypatch):
    """A busy machine may keep a test waiting for longer than a connection lives on."""
    monkeypatch.setattr(lingering, "LIVES", PATIENCE)


def pair():
    here, there = socket.socketpair()
    here.setblocking(bool(getattr(socket, "MSG_DONTWAIT", 0)))
    return here, opened(there)


def living(count, *arguments, **attributes):
    """Return `Lingering`, the sockets of so many clients in it, and the list of who sent more."""
    told = []
    room = Lingering(told.append)
    pairs = [pair() for _ in range(count)]
    for number, (here, there) in enumerate(pairs):
        here.shutdown(socket.SHUT_WR)
        room.take(here, number)
    return room, pairs, told


@pytest.mark.parametrize("pause", [0, 0.0005, 0.002])
def test_who_sends_on_gets_its_reply_and_no_error(pause, caplog):
    caplog.set_level(logging.INFO)
    with serving(UppercaseHandler) as server:
        for _ in range(30):
            with connect(server) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for message in b"one\n", b"two\n", b"three\n":
                    client.sendall(message)
                    threading.Event().wait(pause)
                assert read_all(client) == b"ONE\n"
        wait_until(lambda: "sent more after its first message" in caplog.text)
        wait_until(lambda: server.totals()["served"] == 30)
    assert caplog.text.count("sent more") == 1


def test_who_sends_on_later_is_noticed_too(caplog):
    caplog.set_level(logging.INFO)
    with serving(UppercaseHandler) as server, connect(server) as client:
        client.sendall(b"one\n")
        assert read_all(client) == b"ONE\n"
        wait_until(lambda: server.totals()["served"] == 1)
        client.sendall(b"two\n")
        wait_until(lambda: "sent more" in caplog.text)


def test_a_nul_behind_the_line_feed_is_not_more():
    room, ((here, there),), told = living(1)
    there.sendall(b"\0\0")
    room.look()
    assert told == [] and here.fileno() >= 0
    room.close()


def test_one_that_has_closed_is_closed_when_the_next_comes():
    room, ((here, there),), told = living(1)
    there.close()
    other, peer = pair()
    room.take(other, "other")
    assert here.fileno() == -1 and other.fileno() >= 0 and told == []
    room.close()
    assert other.fileno() == -1


def test_nobody_lives_on_for_longer_than_the_time(monkeypatch):
    monkeypatch.setattr(lingering, "LIVES", 0.05)
    with serving(UppercaseHandler) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(3)]
        for client in clients:
            client.sendall(b"x\n")
            assert read_all(client) == b"X\n"
        assert server.in_service() == [] or server.totals()["accepted"] == 3  # it holds no slot
        wait_until(lambda: not server.lingering._living)
        for client in clients:  # now to send is answered by a reset
            wait_until(lambda: is_refused(client))


def is_refused(client):
    try:
        client.sendall(b"more\n")
        return False
    except OSError:
        return True


def test_there_are_never_more_than_so_many():
    room, pairs, told = living(3 * lingering.MOST)
    still_open = [number for number, (here, there) in enumerate(pairs) if here.fileno() >= 0]
    assert 0 < len(still_open) <= lingering.MOST and still_open[-1] == len(pairs) - 1
    room.close()
    assert all(here.fileno() == -1 for here, there in pairs)


def test_what_was_sent_makes_no_reset_of_the_close():
    room, ((here, there),), told = living(1)
    there.sendall(b"x" * 100000)
    room.close()
    assert told == [0] and there.recv(1) == b""


def test_a_reset_is_an_end():
    with serving(UppercaseHandler) as server:
        client = connect(server)
        client.sendall(b"x\n")
        assert read_all(client) == b"X\n"
        wait_until(lambda: server.totals()["served"] == 1)
        reset(client)
        assert ask(server, b"y\n") == b"Y\n"
        wait_until(lambda: not server.lingering._living)
        assert server.totals()["failed"] == 0


def test_many_threads_lose_none(quick_switches):
    room = Lingering(lambda address: None)
    sockets, lock = [], threading.Lock()

    def take():
        for number in range(40):
            here, there = pair()
            with lock:
                sockets.append(here)
            room.take(here, number)
            there.close()
            room.look()
    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    room.close()
    assert len(sockets) == 160 and all(each.fileno() == -1 for each in sockets)


def test_a_stop_closes_them():
    with serving(UppercaseHandler) as server:
        client = connect(server)
        client.sendall(b"x\n")
        assert read_all(client) == b"X\n"
        wait_until(lambda: server.lingering._living)
        here = server.lingering._living[0][0]
        assert server.stop(10) == 0
    assert here.fileno() == -1


def test_who_comes_after_the_end_is_closed_at_once():
    """A handler may go on when its server is closed."""
    room, pairs, told = living(0)
    room.close()
    here, there = pair()
    room.take(here, "late")
    assert here.fileno() == -1


class Own(LineHandler):
    """Closes the connection itself."""

    def reply(self, message):
        self.request.close()
        return "BYE"


@pytest.mark.skipif(os.name == "nt", reason="counts what Linux and macOS tell")
def test_a_service_that_closes_the_connection_harms_nobody():
    with serving(Own) as server:
        ask(server, b"x\n")
        wait_until(lambda: not server.in_service())
        assert not server.lingering._living
