"""engine/mistakes.py, foreign.py, jams.py: what clients do wrong is told to them and to the teacher."""

import logging
import os
import inspect
import queue
import re
import socket
import struct
import textwrap

import pytest
from conftest import PATIENCE, ask, connect, read_all, read_line, serving, wait_until

from engine import incoming, jams, mistakes
from engine.addresses import shown
from engine.kinds import Kinds
from engine.invitation import Invitation, commands, files, pages
from engine.networks import own_addresses
from handlers.lines import BadMessage, LineHandler
from handlers.uppercase import UppercaseHandler
from server import ClassroomServer


class Fussy(LineHandler):
    """Takes no message but "good"; has a mistake of its own."""

    def reply(self, message):
        if message == "mistake":
            raise KeyError(message)
        if message != "good":
            raise BadMessage("that is not good")
        return "BYE"


@pytest.mark.parametrize("message, reply", [
    (b"bad\n", "ERR that is not good"),
    (b"\xff\n", "ERR the message is not valid UTF-8 (byte 1): send text in UTF-8"),
    (b"x" * 101 + b"\n", "ERR message too long: at most 100 bytes before the line feed"),
    (b"mistake\n", "ERR the service failed on this message: its log says why")])
def test_each_err_is_logged_with_its_sender_and_counted(message, reply, caplog):
    caplog.set_level(logging.INFO)
    handler = type("Handler", (Fussy,), {"max_line": 100})
    with serving(handler) as server:
        with connect(server) as client:
            address = "%s:%d" % client.getsockname()
            client.sendall(message)
            assert read_all(client).decode() == reply + "\n"
        assert server.totals()["errors"] == 1
        kind, = server.mistakes.kinds(9)[0]
        assert (shown(kind.client_address), kind.reply) == (address, reply)
        wait_until(lambda: not server.in_service())
    assert "Client {}: {}".format(address, reply) in caplog.messages
    assert "errors 1" in server.status()


def test_what_is_right_is_no_error():
    with serving(Fussy) as server:
        assert ask(server, b"good\n") == b"BYE\n"
        assert server.totals()["errors"] == 0 and server.mistakes.kinds(9) == ([], 0)


def test_a_flood_of_mistakes_does_not_flood_the_log(caplog):
    caplog.set_level(logging.INFO)
    handler = type("Handler", (Fussy,), {"keep_open": True})
    with serving(handler) as server:
        assert ask_and_close(server, b"bad\n" * 1000) == b"ERR that is not good\n" * 1000
        wait_until(lambda: any("more lines like these" in text for text in caplog.messages))
        said = [text for text in caplog.messages if "not good" in text]
        more = [int(re.search(r"and (\d+) more", text).group(1)) for text in caplog.messages
                if "more lines" in text]
        assert len(said) + sum(more) == 1000 and len(said) <= 2 * mistakes.LINES_A_SECOND
        assert server.totals()["errors"] == 1000


def ask_and_close(server, data):
    with connect(server) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return read_all(client)


@pytest.mark.parametrize("keep_open", [False, True])
def test_a_missing_line_feed_is_told_to_the_teacher(keep_open, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(incoming, "LINE_FEED_AFTER", 0.05)
    handler = type("Handler", (UppercaseHandler,), {"timeout": 3 * PATIENCE, "keep_open": keep_open})
    with serving(handler) as server, connect(server) as client:
        client.sendall(b"Recife,31,20")
        line = "%s:%d has sent 12 bytes, but no line feed: 'Recife,31,20'" % client.getsockname()
        wait_until(lambda: line in caplog.messages)
        slot, = server.in_service()
        assert slot.doing.word == "half a message" and slot.doing.bytes == 12
        client.shutdown(socket.SHUT_WR)
        assert read_all(client).decode().startswith("ERR the last message had no line feed")
    assert caplog.messages.count(line) == 1


@pytest.mark.parametrize("keep_open", [False, True])
def test_a_missing_line_feed_is_told_to_the_client_in_the_end(keep_open):
    """Its time begins when it has sent what it sends: before that another client has the slot."""
    handler = type("Handler", (UppercaseHandler,), {"timeout": 3 * PATIENCE, "keep_open": keep_open})
    with serving(handler, max_threads=1) as server:
        with connect(server):
            wait_until(server.in_service)
            client = connect(server)
            client.sendall(b"Recife,31,20")
            handler.timeout = 0.2
        assert read_all(client).decode() == (
            "ERR no complete message within 0.2 s: send one line, ended by a line feed "
            "(12 bytes came: 'Recife,31,20')\n")


def test_who_sends_nothing_is_told_so_in_the_end():
    with serving(type("Handler", (UppercaseHandler,), {"timeout": 0.1})) as server, connect(server) as client:
        assert read_all(client) == (
            b"ERR no complete message within 0.1 s: send one line, ended by a line feed (nothing came: here a client "
            b"speaks first; perhaps what your program writes is not flushed)\n")


def test_more_than_one_message_is_named_once_for_each_address(caplog):
    caplog.set_level(logging.INFO)
    with serving(UppercaseHandler) as server:
        for _ in range(3):
            assert ask_and_close(server, b"one\ntwo\n") == b"ONE\n"
        assert ask(server, b"one\n") == b"ONE\n"
        wait_until(lambda: not server.in_service())
    said = [text for text in caplog.messages if "sent more after its first message" in text]
    assert len(said) == 1 and "--keep-open answers all" in said[0]


TLS = bytes.fromhex("16030100")


@pytest.mark.parametrize("first_bytes, name", [
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP"),
    (b"POST / HTTP/1.1\r\nContent-Length: 13\r\n\r\nRecife,31,24\n", "HTTP"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP"),
    (TLS + b"\xc8\x01\n\x00", "TLS"), (TLS + b"no line feed", "TLS"),
    (b"\xff\xfb\x1f\xff\xfb\x20", "telnet commands"), (b"\xff\xfd\x18hello\r\n", "telnet commands"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\nhello\r\n", "a proxy's header"),
    (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "a proxy's header"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH")])
@pytest.mark.parametrize("keep_open", [False, True])
def test_another_protocol_is_told_so_and_its_text_is_no_message(first_bytes, name, keep_open):
    came = []
    handler = type("Handler", (UppercaseHandler,), {
        "keep_open": keep_open, "reply": lambda self, message: came.append(message) or "BYE"})
    with serving(handler) as server:
        reply = ask(server, first_bytes).decode()
        assert server.totals()["errors"] == 1 and came == []
    if name == "HTTP":
        head, _, reply = reply.partition("\r\n\r\n")
        assert head.startswith("HTTP/1.0 400 ") and "Content-Type: text/plain" in head
    assert reply.startswith("ERR this port speaks lines of text, not {}: ".format(name))
    assert reply.count("\n") == 1


def test_http_in_pieces_is_no_message_either():
    with serving(type("Handler", (UppercaseHandler,), {"keep_open": True})) as server:
        with connect(server) as client:
            for piece in (b"PO", b"ST / HT", b"TP/1.1\r\n\r\nRecife,31,24\n"):
                client.sendall(piece)
                wait_until(lambda: not server.in_service()
                           or server.in_service()[0].doing.bytes or b"\n" in piece)
            assert b"RECIFE" not in read_all(client)


@pytest.mark.parametrize("message", [b"GET up\n", b"Proxy\n", b"SSH\n", b"HTTP/1.1\n", b"\n"])
def test_what_only_looks_a_little_like_it_is_a_message(message):
    with serving(UppercaseHandler) as server:
        assert ask(server, message) == message.upper()


class Slow(LineHandler):
    """Answers when the test has let it."""

    def reply(self, message):
        self.server.let_go.get(timeout=20)
        return "BYE"


@pytest.mark.skipif(os.name == "nt", reason="the system tells too late: docs/mistakes.md")
def test_who_has_closed_before_the_reply_is_gone_not_served():
    with serving(Slow, let_go=queue.Queue()) as server:
        with connect(server) as client:
            client.sendall(b"x\n")
            wait_until(lambda: [slot.doing.word for slot in server.in_service()] == ["in work"])
        server.let_go.put(None)
        wait_until(lambda: not server.in_service())
        assert (server.totals()["served"], server.totals()["gone"]) == (0, 1)


def test_who_has_ended_its_own_side_only_is_served():
    with serving(Slow, let_go=queue.Queue()) as server:
        with connect(server) as client:
            client.sendall(b"x\n")
            client.shutdown(socket.SHUT_WR)
            server.let_go.put(None)
            assert read_all(client) == b"BYE\n"
        wait_until(lambda: server.totals()["served"] == 1)


@pytest.mark.parametrize("keep_open", [False, True])
def test_a_mistake_in_the_service_counts_as_failed(keep_open):
    with serving(type("Handler", (Fussy,), {"keep_open": keep_open})) as server:
        assert ask_and_close(server, b"mistake\n").startswith(b"ERR the service failed")
        wait_until(lambda: server.totals()["failed"] == 1)
        assert ask_and_close(server, b"good\n") == b"BYE\n"
        wait_until(lambda: server.totals()["served"] == 1)


def test_what_a_client_is_doing():
    handler = type("Handler", (UppercaseHandler,), {
        "keep_open": True, "reply": lambda self, message: "x" * 9_000_000})
    with serving(handler) as server, connect(server) as client:
        def doing():
            return [slot.doing.word for slot in server.in_service()]
        wait_until(lambda: doing() == ["silent"])
        client.sendall(b"hal")
        wait_until(lambda: doing() == ["half a message"])
        client.sendall(b"f\n")
        wait_until(lambda: doing() == ["not reading"])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with serving(UppercaseHandler) as server, connect(server) as client:
        client.sendall(b"x" * 2000 + b"\n")  # after a long reply it is waited for
        assert read_line(client) == "X" * 2000
        wait_until(lambda: [slot.doing.word for slot in server.in_service()] == ["leaving"])


def test_that_the_silent_hold_every_slot_is_said_once(caplog, monkeypatch):
    monkeypatch.setattr(jams, "PATIENCE", 0.1)
    with serving(UppercaseHandler, max_threads=2) as server:
        held = [connect(server), connect(server)]
        wait_until(lambda: [slot.doing.word for slot in server.in_service()] == ["silent"] * 2)
        waiting = [connect(server) for _ in range(3)]
        wait_until(lambda: "slots are held" in caplog.text)
        held[0].sendall(b"x\n")
        assert read_all(held[0]) == b"X\n"
        wait_until(lambda: len(server.in_service()) == 2)
        for client in held + waiting:
            client.close()
    said = [text for text in caplog.messages if "slots are held" in text]
    assert len(said) == 1
    assert re.fullmatch(r"All 2 slots are held by clients that say nothing, and "
                        r"(3 wait|somebody waits) for a slot: --max-threads 20 would let more in\.",
                        said[0])


def test_nothing_is_said_of_clients_that_are_in_work(caplog, monkeypatch):
    monkeypatch.setattr(jams, "PATIENCE", 0.0)
    looks = []

    class Watched(ClassroomServer):
        def still_full(self):
            super().still_full()
            looks.append(self.in_service())
    with serving(Slow, Watched, max_threads=1, let_go=queue.Queue()) as server:
        with connect(server) as busy, connect(server):
            busy.sendall(b"x\n")
            wait_until(lambda: len(looks) > 3)
            server.let_go.put(None)
            assert read_all(busy) == b"BYE\n"
    assert "slots are held" not in caplog.text


def test_the_command_that_others_type():
    assert commands(("127.0.0.1", 50000), "upper") == ["python client.py"]
    assert commands(("192.0.2.7", 50001), "temp") == [
        "python client.py --service temp --host 192.0.2.7 --port 50001"]
    assert commands(("0.0.0.0", 50000), "temp") == [
        "python client.py --service temp --host " + own.host for own in own_addresses()]
    assert commands(("192.0.2.7", 50000), "temp", "client.pyz") == [
        "python client.pyz --service temp --host 192.0.2.7"]


@pytest.mark.parametrize("page, lines", [
    (None, ["On another machine: python client.py --host 192.0.2.7"]),
    (("192.0.2.7", 8080), [
        "Dashboard at http://192.0.2.7:8080/",
        "On another machine: python client.pyz --host 192.0.2.7",
        "The page, for others: http://192.0.2.7:8080/",
        "All that it needs is client.pyz: http://192.0.2.7:8080/client.pyz",
        "To get that without a browser: python -c \"import urllib.request as u; "
        "u.urlretrieve('http://192.0.2.7:8080/client.pyz', 'client.pyz')\""])])
def test_the_invitation(page, lines, capsys):
    with Invitation(("192.0.2.7", 50000), "upper", logging.getLogger("server"), page):
        pass
    assert capsys.readouterr().out.splitlines() == lines
    local = page and ("127.0.0.1", 8080)
    with Invitation(("127.0.0.1", 50000), "upper", logging.getLogger("server"), local):
        pass
    assert capsys.readouterr().out == ("Dashboard at http://127.0.0.1:8080/\n" if page else "")


@pytest.mark.parametrize("page, urls", [
    (None, []), (("127.0.0.1", 8080), []), (("::1", 8080), []),
    (("2001:db8::7", 80), ["http://[2001:db8::7]:80/client.pyz"])])
def test_where_others_get_the_client(page, urls):
    assert files(page) == urls
    assert pages(page) == [url[:-len("client.pyz")] for url in urls]


def test_mistakes_are_logged_again_when_there_are_threads_again(monkeypatch, caplog):
    """Also when another mistake comes while the thread for "... and more" cannot start."""
    caplog.set_level(logging.INFO)
    started = []

    class Timer:
        def __init__(self, seconds, function):
            pass

        def start(self):
            started.append(self)
            if len(started) == 1:
                server.mistake(("127.0.0.1", 1), "ERR another")
            if len(started) < 3:
                raise RuntimeError("can't start new thread")
    monkeypatch.setattr(mistakes.threading, "Timer", Timer)
    with serving(UppercaseHandler) as server:
        for number in range(mistakes.LINES_A_SECOND + 4):
            server.mistake(("127.0.0.1", 1), "ERR {}".format(number))
        assert len(started) >= 3  # the third one has started


def test_a_mistake_after_a_jam_is_logged(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(jams, "PATIENCE", 0.0)
    with serving(UppercaseHandler, max_threads=1) as server:
        with connect(server), connect(server):
            wait_until(lambda: "slots are held" in caplog.text)
        server.mistake(("127.0.0.1", 1), "ERR after the jam")
        assert "ERR after the jam" in caplog.text


def test_no_two_rooms_of_the_server_keep_something_under_one_name():
    """Else one spoils what the other counts; the class is put together from many."""
    owners = {}
    for room in ClassroomServer.__mro__:
        if room.__module__.split(".")[0] not in ("engine", "server", "socketserver"):
            continue
        source = textwrap.dedent(inspect.getsource(room))
        names = set(re.findall(r"^ +self\.(_\w+)(?:, self\.\w+)* [-+]?= ", source, re.M))
        names |= {name for name in vars(room) if re.match(r"_[a-z]", name)}
        for name in names:
            owner = owners.setdefault(name, room)
            assert owner is room or issubclass(owner, room), (name, owner, room)


def test_mistakes_alike_are_of_one_kind():
    kinds = Kinds()
    for place, reply in enumerate([
            "ERR the fields are separated by semicolons: expected commas, such as Olinda,30,24",
            "ERR field 2 (max) 'a: b' is not a number: expected degrees",
            "ERR the fields are separated by semicolons: expected commas, such as Natal,1,2",
            "ERR field 3 (max) 'it's' is not a number: expected degrees", "ERR no"]):
        kinds.add(("192.0.2.1", place), reply, place)
    assert [(kind.count, kind.client_address[1]) for kind in kinds.latest(9)] == [(1, 4), (2, 3), (2, 2)]
    assert len(kinds.latest(2)) == 2 and len(kinds) == 3


def test_kinds_without_end_take_no_memory_without_end():
    kinds = Kinds()
    for number in range(1000):
        kinds.add(("192.0.2.1", 1), "ERR {}: {}".format("x" * (number % 250), "y" * 100000), number)
    assert len(kinds) == 50 and all(len(kind.reply) <= 303 for kind in kinds.latest(50))
    assert kinds.latest(1)[0].when == 999
