"""The conversation, whatever way its bytes come, against a reference that is too simple to be wrong."""

import contextlib
import random
import socket

import pytest
from conftest import connect, opened, read_all, serving, wait_until

from engine.meant import CARRIAGE_RETURN
from engine.messages import NO_LINE_END, STOPPED, TOO_LONG
from handlers.lines import NOT_UTF_8
from handlers.uppercase import UppercaseHandler

#: Bytes that a message may have here.
LIMIT = 40


def reference(data, keep_open):
    """Return the replies to *data*, all that a client sends before it closes its side, and how that
    is counted."""
    replies, (*lines, rest) = [], data.split(b"\n")
    for line in lines:
        line = line[:-1] if line.endswith(b"\r") else line
        if len(line) > LIMIT:
            return replies + [TOO_LONG.format(limit=LIMIT)], "served"
        try:
            replies.append(line.decode().upper())
        except UnicodeDecodeError as error:
            replies.append(NOT_UTF_8.format(position=error.start + 1))
        if not keep_open:
            return replies, "served"
    if len(rest) - rest.endswith(b"\r") > LIMIT:
        return replies + [TOO_LONG.format(limit=LIMIT)], "served"
    no_end = NO_LINE_END + ("; " + CARRIAGE_RETURN if rest.endswith(b"\r") else "")
    return (replies + [no_end], "gone") if rest else (replies, "served" if replies else "gone")


def random_data(choose):
    """Return a few messages, some of them odd, the last one maybe without a line feed."""
    messages = []
    for _ in range(choose.randrange(6)):
        length = choose.choice((0, 1, 5, 20, LIMIT - 1, LIMIT, LIMIT + 1, 3 * LIMIT))
        message = choose.choice((b"a" * length, "ç".encode() * (length // 2), b"a\rb", b"\r",
                                 b"\xc3" * length, b"ok \xff no", "日本".encode()[:length]))
        messages.append(message + choose.choice((b"\n", b"\r\n")))
    return b"".join(messages) + choose.choice((b"", b"", b"unfinished", b"a" * (LIMIT + 1), b"a\r"))


def pieces(data, choose):
    """Cut *data* at random places."""
    places = sorted(choose.randrange(len(data) + 1) for _ in range(choose.choice((0, 1, 3, 10))))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)])]


def send(client, data, choose):
    """Send *data* in pieces, each in a packet of its own; the server may have had enough before."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):
        for piece in pieces(data, choose):
            client.sendall(piece)


def all_that_comes(client):
    """Return what comes until the server closes; or resets, since it had closed already when the
    client sent more (docs/mistakes.md)."""
    came = b""
    with contextlib.suppress(ConnectionResetError):
        for piece in iter(lambda: client.recv(65536), b""):
            came += piece
    return came


@pytest.mark.parametrize("lane", [False, True])
@pytest.mark.parametrize("keep_open", [False, True])
def test_the_same_bytes_have_the_same_replies(request, quick_switches, keep_open, lane):
    count = request.config.getoption("--rounds")
    attributes = {"keep_open": keep_open, "max_line": LIMIT, "timeout": 10.0}
    with serving(handler_with(attributes, lane and keep_open), max_threads=3) as server:
        expected = dict.fromkeys(("served", "gone"), 0)
        for seed in range(count):
            choose = random.Random(seed)
            data = random_data(choose)
            replies, outcome = reference(data, keep_open)
            with connect(server) as client:
                send(client, data, choose)
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_WR)
                may_reset = not keep_open and b"\n" in data[:-1]
                came = (all_that_comes if may_reset else read_all)(client).decode().split("\n")
            assert came == [*replies, ""], (seed, data)
            expected[outcome] += 1
            wait_until(lambda: not server.in_service())
            totals = server.totals()
            assert {name: totals[name] for name in expected} == expected, (seed, data)
        assert server.totals()["failed"] == server.totals()["timed out"] == 0


@pytest.mark.parametrize("keep_open", [False, True])
def test_a_stop_in_the_middle_leaves_out_no_reply(request, quick_switches, keep_open):
    """Of those in service; whatever came before the stop is answered, in order, from the first."""
    attributes = {"keep_open": keep_open, "max_line": LIMIT, "timeout": 10.0}
    for seed in range(request.config.getoption("--rounds") // 10):
        choose = random.Random(seed)
        with serving(handler_with(attributes, False), max_threads=3) as server:
            data = random_data(choose)
            replies, _ = reference(data, keep_open)
            client = opened(connect(server))
            wait_until(lambda: server.in_service())
            send(client, data, choose)
            assert server.stop(10) == 0
            came = read_all(client).decode().split("\n")
        stopped = [*replies[:-1], STOPPED] if replies and replies[-1].startswith(NO_LINE_END) else replies
        assert came in ([*replies, ""], [*stopped, ""]), (seed, data)


def handler_with(attributes, lane):
    """Return a handler like the program's, with or without a lane."""
    from engine.lane import Lane
    if lane and Lane.exists_here:
        return type("Handler", (UppercaseHandler,), dict(attributes, lane=Lane()))
    return type("Handler", (UppercaseHandler,), attributes)
