"""engine/meant.py, foreign.py: what was meant well is named, with the remedy; what is right is left alone."""

import base64
import gzip
import logging
import pickle
import socket
import struct
import threading
import time
import timeit

import pytest
from conftest import PATIENCE, ask, connect, read_all, serving, short, wait_until

from engine import incoming, meant
from engine.errors import Unusable
from engine.escapes import came, excerpt
from engine.foreign import check_protocol
from handlers.lines import BadMessage, LineHandler
from handlers.temperature.elsewhere import what_it_is
from handlers.temperature.handler import TemperatureHandler
from handlers.temperature.letters import QUESTION_MARK, TWICE, what_it_may_be
from handlers.temperature.reading import parse
from handlers.uppercase import UppercaseHandler

TEXT = "Recife,31,24\n"

#: What is named at once, whatever the service.
AT_ONCE = [
    (TEXT.encode("utf-16"), "this is UTF-16"), (("\ufeff" + TEXT).encode("utf-16-be"), "this is UTF-16"),
    (TEXT.encode("utf-16-le"), "this is UTF-16"), (TEXT.encode("utf-16-be"), "this is UTF-16"),
    ("\u65e5\u672c,3,2\n".encode("utf-16"), "this is UTF-16"), ("\u00c1gua,3,2".encode("utf-16-le"), "this is UTF-16"),
    (TEXT.encode("utf-32"), "this is UTF-32"), (TEXT.encode("utf-32-le"), "this is UTF-32"),
    (TEXT.encode("utf-32-be"), "this is UTF-32"),
    (b"\0\x0cRecife,31,24", "begins with its length (2 byte(s))"),
    (b"\0\x0dRecife,31,24\n", "begins with its length (2 byte(s))"),
    (b"\0\x0cRecife,31,24\n", "begins with its length (2 byte(s))"),
    (b"\0\nNatal,31,2", "begins with its length (2 byte(s))"),
    (b"\0\nNatal,31,2\0\x0cRecife,31,24", "begins with its length (2 byte(s))"),
    (b"\0\0\0\x0cRecife,31,24", "begins with its length (4 byte(s))"),
    (b"\x0c\0\0\0Recife,31,24", "begins with its length (4 byte(s))"),
    (b"\xac\xed\0\5t\0\x0cRecife,31,24", "a Java object"), (pickle.dumps(("Recife", 31), 2), "pickle"),
    (pickle.dumps(("Recife", 31, 24)), "pickle"), (gzip.compress(TEXT.encode()), "gzip"),
    (b"GET /\r\n", "not HTTP"), (b"get / http/1.1\r\n\r\n", "not HTTP"), (b"POST /x\n", "not HTTP"),
    (b"DESCRIBE rtsp://x/y RTSP/1.0\r\nCSeq: 1\r\n\r\n", "not RTSP"),
    (b"REGISTER sip:x SIP/2.0\r\n", "not SIP"), (b"OPTIONS icap://x ICAP/1.0\r\n", "not ICAP"),
    (b"\x10\x0c\0\4MQTT\4\2\0<\0\0", "not MQTT"), (b"\x10\x0e\0\6MQIsdp\3\2\0<\0\0", "not MQTT"),
    (b"AMQP\0\0\x09\1", "not AMQP"), (b"\0\0\0\x25\0\3\0\0user\0me\0\0", "not PostgreSQL"),
    (struct.pack(">ii", 8, 80877103), "not PostgreSQL"), (b"\5\1\0", "not SOCKS"), (b"\5\2\0\2", "not SOCKS"),
    (b"\4\1\0\x50\x7f\0\0\1me\0", "not SOCKS"), (b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0", "not RDP"),
    (b"*1\r\n$4\r\nPING\r\n", "not Redis"), (b"\xff\xfe\x01\xff\xfd\x03", "not telnet commands"),
    (b"\xff\xfb\x1f\xff\xfb\x20", "not telnet commands")]

#: What is said of it when it has not become a message.
LATER = [
    (b"\x0cRecife,31,24", "begins with its length (1 byte(s))"),
    (b"\x0dRecife,31,24\n", "perhaps your program sends its length before each text, and 13 looks"),
    (b"\x0cRecife,31,24\x0cOlinda,30,23", "begins with its length (1 byte(s))"),
    (b"Recife,31,24\\n", "a backslash and the letter n"), (b"Recife,31,24\\r\\n", "a backslash and the letter n"),
    (b"Recife,31,24~n", "'~n' at the end"), (b"Recife,31,24/n", "'/n' at the end"),
    (b"Recife,31,24\r", "a carriage return alone"), (b"Recife,31,24\0", "a NUL in it (byte 13)"),
    (b"Recife" + bytes(14) + b"A\xf8", "a NUL in it (byte 7)"),
    (b'{"city":"Recife","max":31}', "perhaps this is JSON"), (b"['Recife', 31, 24]", "perhaps this is JSON"),
    (b'<?xml version="1.0"?><city/>', "perhaps this is XML"), (b"<city>Recife</city>", "perhaps this is XML"),
    (b"city=Recife&max=31&min=24", "names with values"), (b"city: Recife, max: 31", "names with values"),
    (b"('Recife', 31, 24)", "a tuple, as Python shows it"), (b"b'Recife,31,24'", "bytes, as Python shows them"),
    (base64.b64encode(TEXT.encode()), "perhaps this is base64")]

NAMES = ["Recife", "S\u00e3o Paulo", "\u00c1gua Branca", "\u00d3bidos", "Macei\u00f3", "Olho d'\u00c1gua", "Zuid-Holland",
         "\u6771\u4eac", "\u041c\u043e\u0441\u043a\u0432\u0430", "\u0627\u0644\u0642\u0627\u0647\u0631\u0629",
         "\u0e01\u0e23\u0e38\u0e07\u0e40\u0e17\u0e1e", "\u092e\u0941\u0902\u092c\u0908", "\uc11c\uc6b8", "\u05d7\u05d9\u05e4\u05d4",
         "\u0391\u03b8\u03ae\u03bd\u03b1", "\u1e28\u0323a", "\U0001f600", "L\u2019Ha\u00ff", "N\u00ee\u00eemes", "\u00c2ncora",
         "SAN JOS\u00c9 \u2013 CENTRO", "St. John's (NL)", "Rio de Janeiro / Centro", "A", "\u00c5", "Put /x", "GET up",
         "Ponta Por\u00e3", "\u00d1u\u00f1oa", "Bras\u00edlia", "HTTP/1.1", "Proxy", "SSH", "Washington, D.C.", "base64", "c=d", "a:b",
         "<3", "4/n", "Recife=31", "AMQP", "*", "MQTT", "\u00c3 toa", "D\u00fcsseldorf", "\u00celes", "\u00d0ala", "25 de Mayo"]


def at_once(data):
    """Return what a client that begins with *data* is told at once, None if nothing is."""
    try:
        check_protocol(data)
    except Unusable as error:
        return error.reply


@pytest.mark.parametrize("data, said", AT_ONCE, ids=short)
def test_what_no_message_begins_with_is_named_at_once(data, said):
    assert said in at_once(data)


@pytest.mark.parametrize("data, said", LATER, ids=short)
def test_what_has_not_become_a_message_is_named_later(data, said):
    assert at_once(data) is None
    assert said in meant.perhaps(data)


@pytest.mark.parametrize("name", NAMES)
def test_no_right_message_is_accused(name):
    for end in "\n", "\r\n":
        for text in (name + ",31,24" + end, name + end, "?" + name + end, "\ufeff" + name + ",31,24" + end):
            for data in (text.encode(), text.encode() * 3, text.encode()[:9], text.encode()[:1]):
                assert at_once(data) is None
    assert what_it_is(name + ",31,24") is None
    assert meant.perhaps((name + ",31,24").encode()) is None
    assert what_it_may_be(name) is None


@pytest.mark.parametrize("message", ["", "x", "\t", "\x1b[A", "nul \0 too", "a\rb", "olá", "[1]", "(x)", "a = b", "{}",
                                     "12", "-5,3,2", "\x07", "\x0chello"])
def test_what_is_odd_is_a_message_all_the_same(message):
    for end in "\n", "\r\n":
        assert at_once((message + end).encode()) is None


def test_right_messages_are_looked_at_quickly():
    for name in NAMES:
        data = (name + ",31,24\n").encode()
        assert min(timeit.repeat(lambda: check_protocol(data), number=1000, repeat=9)) / 1000 < 20e-6


def test_long_texts_are_looked_at_quickly():
    for piece in "a=", "a:b ", " ", "a=b  ", "[", "{'", "A ", "(", "A", "\\n", "b'", "<", "=":
        text = piece * 30000
        assert min(timeit.repeat(lambda: (meant.format_of(text), at_once(text.encode())), number=1, repeat=3)) < 1


@pytest.mark.parametrize("text", [", " * 30000 + "b x", ",a" * 16000, "\t" * 30000, '",' * 16000, "1 " * 30000,
                                  "Recife," + "-" * 60000 + "nan,3", "a;" * 30000, "a\t1" * 15000])
def test_a_long_message_is_explained_quickly(text):
    began = time.monotonic()
    with pytest.raises(BadMessage):
        parse(text)
    assert time.monotonic() - began < 2  # it took 17 s


@pytest.mark.parametrize("handler", [UppercaseHandler, TemperatureHandler])
@pytest.mark.parametrize("data, said", AT_ONCE[::5], ids=short)
def test_it_is_told_to_the_client_and_reaches_no_service(handler, data, said):
    with serving(type("Handler", (handler,), {"keep_open": True})) as server:
        reply = ask(server, data).decode()
        assert reply.startswith(("ERR ", "HTTP/1.0 400")) and said in reply and reply.count("ERR ") == 1
        assert server.totals()["errors"] == 1


@pytest.mark.parametrize("data, said", [LATER[0], LATER[3], LATER[8], LATER[10]], ids=short)
def test_the_teacher_is_told_of_what_has_not_become_a_message(data, said, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(incoming, "LINE_FEED_AFTER", 0.05)
    handler = type("Handler", (UppercaseHandler,), {"timeout": 3 * PATIENCE})
    with serving(handler) as server, connect(server) as client:
        client.sendall(data)
        address = "%s:%d has sent %d bytes, but no line feed: " % (*client.getsockname(), len(data))
        wait_until(lambda: any(text.startswith(address) and said in text for text in caplog.messages))
        client.shutdown(socket.SHUT_WR)
        assert said in read_all(client).decode()


def test_the_client_is_told_at_its_deadline():
    with serving(type("Handler", (UppercaseHandler,), {"timeout": 0.2})) as server:
        assert ask(server, b"Recife,31,24\\n").decode() == (
            "ERR no complete message within 0.2 s: send one line, ended by a line feed (14 bytes came: "
            "'Recife,31,24\\\\n'); there is a backslash and the letter n at the end of it: expected a line "
            "feed; write one backslash, in double quotes, and in a shell use printf\n")


def test_the_teacher_is_told_of_who_sends_nothing_once_a_host(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(incoming, "LINE_FEED_AFTER", 0.05)
    with serving(UppercaseHandler) as server:
        with connect(server) as client:
            wait_until(lambda: "has sent nothing for 0.05 s: here a client speaks first." in caplog.text)
            assert ("%s:%d has" % client.getsockname()) in caplog.text
        with connect(server) as client:
            client.sendall(b"x")
            wait_until(lambda: "has sent 1 bytes, but no line feed: 'x'" in caplog.text)
    assert caplog.text.count("has sent nothing") == 1


def test_nothing_is_said_of_who_is_silent_between_messages(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(incoming, "LINE_FEED_AFTER", PATIENCE)
    with serving(type("Handler", (UppercaseHandler,), {"keep_open": True})) as server, connect(server) as client:
        client.sendall(b"x\n")
        assert client.recv(100) == b"X\n"
        monkeypatch.setattr(incoming, "LINE_FEED_AFTER", 0.01)
        for _ in range(3):
            client.sendall(b"y\n")
            assert client.recv(100) == b"Y\n"
            wait_until(lambda: [slot.doing.word for slot in server.in_service()] == ["silent"])
            threading.Event().wait(0.05)
    assert "has sent nothing" not in caplog.text


class Empty(LineHandler):
    """Takes no empty message."""

    def reply(self, message):
        if not message:
            raise BadMessage("the message is empty")
        return "BYE"


@pytest.mark.parametrize("data, said", [
    (b"\nNatal,31,2", "its length before each text, and 10 looks like"), (b"\nNatal,31,\n", "its length before each text, and 10 looks like"),
    (b"\n\x06Recife\x10\x1f\x18\x18", "Protocol Buffers"), (b"\n", None), (b"\nRecife,31,24\n", None), (b"\nx", None)])
@pytest.mark.parametrize("keep_open", [False, True])
def test_a_line_feed_that_may_be_a_length(data, said, keep_open):
    with serving(type("Handler", (Empty,), {"keep_open": keep_open})) as server, connect(server) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        reply = read_all(client).decode().split("\n")[0]
        assert reply.startswith("ERR the message is empty") and (said or reply) in reply
        assert ("perhaps" in reply) == bool(said)


@pytest.mark.parametrize("keep_open", [False, True])
def test_a_nul_behind_the_line_feed_harms_nothing(keep_open, caplog):
    caplog.set_level(logging.INFO)
    with serving(type("Handler", (UppercaseHandler,), {"keep_open": keep_open})) as server:
        with connect(server) as client:
            for _ in range(8 if keep_open else 1):
                client.sendall(b"x\n\0")
                assert client.recv(100) == b"X\n"
            client.sendall(bytes(1000) if keep_open else b"")
            client.shutdown(socket.SHUT_WR)
            assert read_all(client) == b""
        wait_until(lambda: server.totals()["served"] == 1)
        assert server.totals()["errors"] == server.totals()["gone"] == 0
    assert "sent more" not in caplog.text


def test_a_backslash_is_doubled_in_excerpts():
    assert excerpt("a\\n") == "a\\\\n" and excerpt("a\n") == "a\\n"
    assert came(b"a\\n\xff\n") == "a\\\\n\\xff\\n"


# Temperatures


@pytest.mark.parametrize("message, reply", [
    ('{"city": "Recife"}', "this looks like JSON: expected city,max,min"), ("<city>Recife</city>", "this looks like XML"),
    ("city=Recife&max=31&min=24", "names with values"), ("city=Recife,max=31,min=24", "names with values"),
    ("('Recife', 31, 24)", "a tuple, as Python shows it"), ("b'Recife,31,24'", "bytes, as Python shows them"),
    ("UmVjaWZlLDMxLDI0", "looks like base64"), ("Recife,None,24", "field 2 (max) 'None' is what programs write"),
    ("Recife,None,None", "'None' is what programs write"), ("Recife,31,NaN", "field 3 (min) 'NaN' is what programs"),
    ("Recife,undefined,undefined", "'undefined' is what programs write"),
    ("Recife,31,24,", "a comma at the end: expected Recife,31,24"), ("Recife,31,24,,", "a comma at the end"),
    ("31,24,Recife", "the city comes first: expected Recife,31,24"),
    ('"Recife,31,24"', "quotes around the whole message: expected Recife,31,24"),
    ("Recife,31,24~n", "'~n' at the end"), ("Recife,31,24/n", "'/n' at the end"),
    ("Recife,31,24\0", "a NUL in it (byte 13): send the text alone; in C strlen(buf)"),
    ("\x0cRecife,31,24", "begins with its length (1 byte(s))"), ("\rRecife,31,24", "perhaps your program sends its length"),
    ("S\ufffdo Paulo,31,24", "U+FFFD in place of a letter that was lost")])
def test_what_is_wrong_with_a_reading_from_elsewhere(message, reply):
    with pytest.raises(BadMessage) as raised:
        parse(message)
    assert reply in str(raised.value)


@pytest.mark.parametrize("name, text, names", [
    ("S?o Paulo", QUESTION_MARK, ["S?o Paulo"]), ("Macei?", QUESTION_MARK, ["Macei?"]),
    ("S\u00c3\u00a3o Paulo", TWICE, ["S\u00c3\u00a3o Paulo", "S\u00e3o Paulo"]),
    ("\u00c3\u0081gua", TWICE, ["\u00c3\u0081gua", "\u00c1gua"]),
    ("Macei\u00c3\u00b3", TWICE, ["Macei\u00c3\u00b3", "Macei\u00f3"]),
    ("\u00d0\u0153\u00d0\u00be", TWICE, ["\u00d0\u0153\u00d0\u00be", "\u041c\u043e"])])
def test_a_name_that_was_spoilt(name, text, names):
    assert what_it_may_be(name) == (text, *names)


def test_the_teacher_is_told_of_spoilt_names_once_a_host_and_they_are_taken(caplog):
    caplog.set_level(logging.INFO)
    with TemperatureHandler.running(), serving(TemperatureHandler) as server:
        for name in ("S?o Lu?s de Teste", "Tr?s de Teste", "S\u00c3\u00a3o Teste"):
            assert ask(server, (name + ",31,24\n").encode()) == b"BYE\n"
        assert ask(server, b"?guas de Teste,31,24\n").startswith(b"ERR a query is ? and the name of a city, alone; perhaps")
        assert ask(server, b"?guas de Teste, AL\n").startswith(b"ERR no reading of 'guas de Teste, AL' has come")
    said = [text for text in caplog.messages if "has come. Perhaps" in text]
    assert len(said) == 2
    assert "'S?o Lu?s de Teste' has come. Perhaps the ? stands for a letter" in said[0]
    assert "'S\u00c3\u00a3o Teste' has come. Perhaps that is 'S\u00e3o Teste', made UTF-8 twice" in said[1]
