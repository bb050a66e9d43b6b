"""Behind a balancer: the PROXY protocol's headers, and who the client is then (engine/proxyheader.py,
balanced.py)."""

import contextlib
import logging
import queue
import socket
import struct

import pytest
from conftest import ask, connect, read_all, read_line, reset, serving, wait_until

from engine.addresses import shown
from engine.errors import Unusable
from engine.listening import behind
from engine.options import parse_options
from engine.proxyheader import SIGNATURE, read_header
from handlers import SERVICES
from handlers.lines import LineHandler
from handlers.uppercase import UppercaseHandler
from server import ClassroomServer

#: What is said to who has sent nothing but a header.
SILENT = " (nothing came: here a client speaks first; perhaps what your program writes is not flushed)"


def binary(command=0x21, kind=0x11, block=bytes([192, 0, 2, 1, 192, 0, 2, 2, 0, 5, 0, 6])):
    """Return a header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, kind, len(block)) + block


IPV6_BLOCK = bytes.fromhex("20010db8000000000000000000000001" + "00" * 15 + "02" + "0005" + "0006")
LONGEST = b"PROXY UNKNOWN " + b" ".join([b"ffff:" * 7 + b"ffff"] * 2 + [b"65535"] * 2) + b"\r\n"

HEADERS = {
    b"PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n": ("192.0.2.1", 5),
    b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n": ("255.255.255.255", 65535),
    b"PROXY TCP6 2001:DB8::1 ::2 5 6\r\n": ("2001:db8::1", 5, 0, 0),
    b"PROXY UNKNOWN\r\n": None,
    LONGEST: None,
    binary(): ("192.0.2.1", 5),
    binary(block=binary()[16:] + b"\x04\0\3abc" + b"\x20" * 3000): ("192.0.2.1", 5),
    binary(kind=0x21, block=IPV6_BLOCK): ("2001:db8::1", 5, 0, 0),
    binary(0x20): None,
    binary(0x20, 0x77): None,
    binary(0x20, 0, b""): None,
    binary(kind=0, block=b"whatever"): None,
    binary(kind=0x12): None,
    binary(kind=0x31, block=bytes(216)): None,
}


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: repr(header[:24]))
def test_a_header_is_read_when_it_is_whole_and_nothing_after_it_is(header):
    for count in [*range(1, min(len(header), 60)), len(header) - 1]:
        assert read_header(header[:count]) is None
    for rest in b"", b"Recife,31,24\r\n", header:
        assert read_header(header + rest) == (HEADERS[header], len(header))


def test_the_longest_line_is_as_long_as_the_protocol_says():
    assert len(LONGEST) == 107
    with pytest.raises(Unusable):
        read_header(LONGEST.replace(b" 65535\r\n", b" 655350\r\n"))


@pytest.mark.parametrize("data, why", [
    (b"Recife,31,24\n", "has to come first (--proxy-protocol), not 'Recife,31,24"),
    (b"PROXYTCP4", "has to come first"), (b"\r\n\r\nx", "has to come first"), (b"\n", "has to come first"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 5 6\n", "does not end"), (b"PROXY TCP4 " + b"1" * 107, "does not end"),
    (b"PROXY \r\n", "is wrong"), (b"PROXY UDP4 192.0.2.1 192.0.2.2 5 6\r\n", "is wrong"),
    (b"PROXY UNKNOWNS\r\n", "is wrong"), (b"PROXY TCP4 192.0.2.1  192.0.2.2 5 6\r\n", "is wrong"),
    (b"PROXY TCP4 192.0.2.01 192.0.2.2 5 6\r\n", "is wrong"), (b"PROXY TCP4 ::1 ::2 5 6\r\n", "is wrong"),
    (b"PROXY TCP4 192.0.2.256 192.0.2.2 5 6\r\n", "is wrong"),
    (b"PROXY TCP6 ::1 1::2::3 5 6\r\n", "is wrong"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 5 65536\r\n", "is wrong"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 05 6\r\n", "is wrong"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 5 6 7\r\n", "is wrong"), (b"PROXY TCP4 \xff\r\n", "is wrong"),
    (binary(0x11), "byte 13 of the PROXY header is 0x11"), (binary(0x22), "byte 13 of"),
    (binary(kind=0x41), "byte 14 of the PROXY header is 0x41"), (binary(kind=0x13), "byte 14 of"),
    (binary(block=b"short"), "has 5 bytes of addresses: version 2 has at least 12"),
    (binary(kind=0x21), "has 12 bytes of addresses: version 2 has at least 36")])
def test_what_is_no_header(data, why):
    with pytest.raises(Unusable) as raised:
        read_header(data)
    assert raised.value.reply.startswith("ERR ") and why in raised.value.reply


# The server: to it this machine is the balancer


class Who(LineHandler):
    """Answers with the client's address, when the test has let it."""

    waits = False
    gate = None

    def reply(self, message):
        if self.gate:
            self.make_way()
            self.gate.get(timeout=20)
        return "{}:{} {}".format(*self.client_address[:2], message)


@contextlib.contextmanager
def balanced(handler=Who, balancer="127.0.0.1", **attributes):
    with serving(handler, behind(balancer, ClassroomServer), **attributes) as server:
        yield server


def line(host, port=5):
    return "PROXY TCP4 {} 192.0.2.99 {} 50000\r\n".format(host, port).encode()


def words(server):
    return sorted(client.doing.word for client in server.in_service())


def test_without_a_balancer_nothing_is_added():
    assert behind(None, ClassroomServer) is ClassroomServer


def test_a_balancer_seen_over_ipv6_is_the_same():
    assert behind("::ffff:192.0.2.9", ClassroomServer).balancer == "192.0.2.9"


@pytest.mark.parametrize("keep_open", [False, True])
@pytest.mark.parametrize("header", [header for header in HEADERS if HEADERS[header]],
                         ids=lambda header: repr(header[:24]))
def test_the_client_is_who_the_header_names(header, keep_open, caplog):
    caplog.set_level(logging.INFO)
    address = "{}:{}".format(*HEADERS[header][:2])
    written = address if "." in address else "[2001:db8::1]:5"
    with balanced(type("Handler", (Who,), {"keep_open": keep_open})) as server:
        with connect(server) as client:
            client.sendall(header + b"one\n\xff\n")
            assert read_line(client) == address + " one"
            if keep_open:
                assert read_line(client).startswith("ERR the message is not valid UTF-8")
                assert [each.address for each in server.in_service()] == [written]
                assert shown(server.mistakes.kinds(1)[0][0].client_address) == written
        wait_until(lambda: not server.in_service())
        assert server.totals()["served"] == 1
    wait_until(lambda: any("Served client {} in".format(written) in text for text in caplog.messages))
    assert not any("127.0.0.1" in text for text in caplog.messages)


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", binary(0x20, 0, b"")])
def test_who_is_not_named_has_the_address_of_the_connection(header):
    with balanced() as server:
        with connect(server) as client:
            client.sendall(header + b"hi\n")
            assert read_all(client) == "{}:{} hi\n".format(*client.getsockname()).encode()


def test_a_header_in_pieces_and_the_message_with_its_last_one():
    with balanced() as server:
        with connect(server) as client:
            sent = 0
            for piece in (b"PRO", b"XY TCP4 192.0.2.1 192.0.", b"2.2 5 6\r"):
                client.sendall(piece)
                sent += len(piece)
                wait_until(lambda: [each.doing[::2] for each in server.in_service()]
                           == [("half a message", sent)])
            client.sendall(b"\nhi\n")
            assert read_all(client) == b"192.0.2.1:5 hi\n"


def test_the_limit_is_that_of_the_clients_host_not_of_the_balancer(caplog):
    caplog.set_level(logging.INFO)
    with balanced(max_threads=10, max_per_host=1) as server:
        silent = connect(server)
        silent.sendall(line("192.0.2.1"))
        wait_until(lambda: [each.address for each in server.in_service()] == ["192.0.2.1:5"])
        assert ask(server, line("192.0.2.2") + b"hi\n") == b"192.0.2.2:5 hi\n"
        assert (ask(server, line("192.0.2.1", 6) + b"hi\n")
                == b"ERR too many connections from your address\n")
        silent.sendall(b"at last\n")
        assert read_all(silent) == b"192.0.2.1:5 at last\n"
        assert ask(server, line("192.0.2.1", 7) + b"again\n") == b"192.0.2.1:7 again\n"
        wait_until(lambda: not server.in_service())
        totals = server.totals()
    assert (totals["accepted"], totals["served"], totals["refused"], totals["errors"]) == (4, 3, 1, 0)
    assert "Refused client 192.0.2.1:6: too many connections from your address." in caplog.messages


def test_a_slow_header_keeps_nobody_else_waiting():
    """Its thread makes way: with two slots the other one serves all others."""
    with balanced(max_threads=2, max_per_host=1) as server:
        slow = connect(server)
        wait_until(lambda: words(server) == ["silent"])
        for number in range(20):
            assert ask(server, line("192.0.2.1", number) + b"x\n").startswith(b"192.0.2.1:")
        slow.sendall(line("192.0.2.7") + b"x\n")
        assert read_all(slow) == b"192.0.2.7:5 x\n"


@pytest.mark.parametrize("came, reply", [
    (b"", "ERR no complete PROXY header within 0.2 s: expected one from a balancer at your address"),
    (b"PROXY TCP4 19", "ERR no complete PROXY header within 0.2 s: expected one from a balancer at your "
                       "address (13 bytes came: 'PROXY TCP4 19')"),
    (b"PROXY UNKNOWN\r\n", "ERR no complete message within 0.2 s: send one line, ended by a line feed" + SILENT),
    (line("192.0.2.1"), "ERR no complete message within 0.2 s: send one line, ended by a line feed" + SILENT)])
def test_a_header_has_a_deadline(came, reply):
    with balanced(type("Handler", (Who,), {"timeout": 0.2})) as server:
        with connect(server) as client:
            client.sendall(came)
            assert read_all(client).decode() == reply + "\n"
        wait_until(lambda: not server.in_service())
        totals = server.totals()
        assert (totals["timed out"], totals["errors"]) == (1, 1)


@pytest.mark.parametrize("came, why", [
    (b"Recife,31,24\n", "connect to the balancer"), (b"PROXY TCP4 a b\r\nhi\n", "is wrong"),
    (b"GET / HTTP/1.1\r\n\r\n", "has to come first"), (binary(0x33) + b"hi\n", "byte 13 of the PROXY header")])
def test_what_is_no_header_is_no_message_either(came, why):
    asked = []
    handler = type("Handler", (UppercaseHandler,), {
        "reply": lambda self, message: asked.append(message)})
    with balanced(handler) as server:
        reply = ask(server, came).decode()
        assert reply.startswith("ERR ") and why in reply and reply.count("\n") == 1
        wait_until(lambda: not server.in_service())
        totals = server.totals()
        assert (totals["served"], totals["errors"], asked) == (1, 1, [])


def test_half_a_header():
    with balanced() as server:
        with connect(server) as client:
            client.sendall(b"PROXY TC")
            client.shutdown(socket.SHUT_WR)
            assert (read_all(client)
                    == b"ERR the PROXY header ended after 8 bytes and was not whole: 'PROXY TC'\n")
        wait_until(lambda: not server.in_service())
        totals = server.totals()
        assert (totals["gone"], totals["errors"]) == (1, 1)


def test_from_any_other_host_a_header_is_refused_as_ever():
    with balanced(balancer="192.0.2.9") as server:
        reply = ask(server, line("192.0.2.1") + b"hi\n").decode()
        assert reply.startswith("ERR this port speaks lines of text, not a proxy's header")
        with connect(server) as client:
            client.sendall(b"hi\n")
            assert read_all(client) == "{}:{} hi\n".format(*client.getsockname()).encode()


def test_health_checks_are_no_mistakes_and_are_counted(caplog):
    caplog.set_level(logging.INFO)
    with balanced(max_per_host=1) as server:
        connect(server).close()
        wait_until(lambda: server.totals()["gone"] == 1)
        check = connect(server)
        wait_until(server.in_service)  # on Windows nobody accepts one that was reset before
        reset(check)
        for header in (b"PROXY UNKNOWN\r\n", binary(0x20, 0, b"")):
            with connect(server) as check:
                check.sendall(header)
        with connect(server) as check:  # HAProxy with version 1: from itself, to the server
            check.sendall("PROXY TCP4 {} {} {} {}\r\n".format(
                *[address[part] for part in (0, 1)
                  for address in (check.getsockname(), check.getpeername())]).encode())
        wait_until(lambda: server.totals()["gone"] == 5)
        assert server.totals()["errors"] == server.totals()["failed"] == 0
        assert caplog.messages == []
        assert server.stop(3) == 0
    assert caplog.messages == ["Health checks of the balancer, among those who are gone: 5."]


def test_a_client_who_leaves_without_a_message_is_no_health_check(caplog):
    caplog.set_level(logging.INFO)
    with balanced() as server:
        with connect(server) as client:
            client.sendall(line("192.0.2.1"))
        wait_until(lambda: not server.in_service() and server.totals()["gone"] == 1)
        server.stop(3)
    assert any("Client 192.0.2.1:5 is gone: no message came." == text for text in caplog.messages)
    assert not any("Health" in text for text in caplog.messages)


def test_a_stop_ends_who_waits_for_a_header_and_answers_who_has_sent_all():
    gate = queue.Queue()
    with balanced(type("Handler", (Who,), {"gate": gate}), max_threads=4) as server:
        silent, half, busy = connect(server), connect(server), connect(server)
        half.sendall(b"PROXY ")
        busy.sendall(line("192.0.2.1") + b"x\n")
        wait_until(lambda: words(server) == ["half a message", "in work", "silent"])
        gate.put(None)
        assert server.stop(10) == 0
        assert read_all(busy) == b"192.0.2.1:5 x\n"
        assert read_all(silent) == b"" and read_all(half).startswith(b"ERR the PROXY header ended after 6")
        totals = server.totals()
    assert (totals["accepted"], totals["served"], totals["gone"]) == (3, 1, 2)


@pytest.mark.parametrize("text", ["localhost", "192.168.0", "10.0.0.1:5", ""])
def test_the_option_wants_an_address(text, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_options(SERVICES, ["--proxy-protocol", text])
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "server.py: argument --proxy-protocol: expected the IP address of a balancer, such as 192.168.0.5, "
        "not '{}'. See server.py --help.".format(text)]


@pytest.mark.parametrize("text, address", [("127.0.0.1", "127.0.0.1"), ("2001:DB8:0::1", "2001:db8::1")])
def test_an_address_is_compared_as_sockets_tell_it(text, address):
    assert parse_options(SERVICES, ["--proxy-protocol", text]).proxy_protocol == address
