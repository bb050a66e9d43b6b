"""engine/screen.py: a screen that stands still stops nothing, and what it missed is counted."""

import collections
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import (PATIENCE, Output, Terminal, free_port, needs_terminal, opened, read_all, send_signal,
                      start_program, wait_until)

from engine import output
from engine import screen as module

#: Seconds in which a server stops that need not wait for anybody.
USUAL = 3.0


class Stream:
    """Takes texts as long as it is not *still*."""

    def __init__(self):
        self.text, self.moves, self.held = "", threading.Event(), threading.Event()
        self.moves.set()

    def write(self, text):
        self.held.set()
        assert self.moves.wait(PATIENCE)
        self.text += text

    def flush(self):
        pass


def test_what_is_written_in_pieces_comes_out_in_whole_lines():
    screen, stream = output.Screen(), Stream()
    lines, go_on = output.Lines(stream, screen), threading.Barrier(8)

    def write(number):
        go_on.wait(PATIENCE)
        for turn in range(100):
            print(number, "and", number, file=lines)
    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    print("the end", end="", file=lines, flush=True)
    assert screen.end()
    *whole, end = stream.text.split("\n")
    assert end == "the end" and len(whole) == 800
    assert all(re.fullmatch(r"(\d) and \1", line) for line in whole)


def test_who_writes_never_waits_and_what_was_dropped_is_counted(caplog):
    screen, out, err = output.Screen(), Stream(), Stream()
    out.moves.clear()
    screen.put(out, "first\n")
    assert out.held.wait(PATIENCE)
    for number in range(3000):
        screen.put(err if number % 2 else out, "x" * 999 + "\n")
    out.moves.set()
    wait_until(lambda: "lines were not shown" in caplog.text)
    dropped = int(re.search(r"(\d+) lines were not shown", caplog.text).group(1))
    assert screen.end()
    shown = out.text.count("\n") + err.text.count("\n")
    assert 0 < dropped and shown + dropped == 3001 and out.text.startswith("first\n")


def test_the_end_does_not_wait_for_a_screen_that_stands_still():
    screen, stream = output.Screen(), Stream()
    stream.moves.clear()
    screen.put(stream, "a\n")
    began = time.monotonic()
    assert not screen.end() and time.monotonic() - began < USUAL
    stream.moves.set()


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), AttributeError("flush")])
def test_a_stream_that_is_gone_is_said_once(caplog, error):
    class Gone(Stream):
        def write(self, text):
            raise error
    screen, gone, stream = output.Screen(), Gone(), Stream()
    for turn in range(3):
        screen.put(gone, "x\n")
        screen.put(stream, "y\n")
    assert screen.end() and stream.text == "y\n" * 3


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(port, service, *options, **streams):
    return start_program("server.py", "--port", str(port), "--service", service, *options, **streams)


def test_a_pipe_that_nobody_reads(tmp_path):
    """More than a pipe and the queue hold is logged; all are served, and the count is right."""
    count, long = 4000, "x" * 200
    server = start(0, "upper", "-v", "--keep-open", stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT)
    port = int(server.stdout.readline().decode().rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        sender = threading.Thread(target=client.sendall, args=((long + "\n").encode() * count,))
        sender.start()
        with client.makefile() as replies:
            for turn in range(count):
                assert replies.readline() == long.upper() + "\n"
        sender.join(PATIENCE)
    out = Output(server.stdout)
    dropped = int(out.wait_for(r"WARNING (\d+) lines were not shown").group(1))
    send_signal(server, signal.SIGTERM)
    assert server.wait(PATIENCE) == 0
    shown = out.all().count("Message '")
    assert count <= shown + dropped <= count + 10
    assert "Stopped: accepted 1, served 1" in out.all().splitlines()[-1]


def test_a_stop_while_nobody_reads():
    server = start(0, "upper", "-v", "--keep-open", stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT)
    with server.stdout:
        port = int(server.stdout.readline().decode().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall((b"x" * 200 + b"\n") * 1000)
            client.shutdown(socket.SHUT_WR)
            assert len(read_all(client)) == 201000
        began = time.monotonic()
        send_signal(server, signal.SIGTERM)
        assert server.wait(PATIENCE) == 0 and time.monotonic() - began < USUAL


@needs_terminal
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_ctrl_s_stops_nothing(signum):
    """Neither before the first line nor later: readings are taken, and the stop is as usual."""
    port = free_port()
    leader, follower = os.openpty()
    import termios
    termios.tcflow(follower, termios.TCOOFF)  # what the terminal does at Ctrl+S
    server = start(port, "temp", stdin=subprocess.DEVNULL, stdout=follower, stderr=follower)
    try:
        wait_until(lambda: listens(port))
        for number in range(1100):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.sendall(b"City %d,%d,-5\n" % (number, number))
                assert read_all(client) == b"BYE\n"
        began = time.monotonic()
        send_signal(server, signum)
        assert server.wait(PATIENCE) == 0 and time.monotonic() - began < USUAL
    finally:
        server.kill()
        os.close(leader)
        os.close(follower)


@needs_terminal
def test_what_was_held_back_comes_when_the_terminal_moves_again():
    terminal = Terminal("--port", "0", program=("server.py",))
    port = int(terminal.wait_for(r"Listening on 127.0.0.1:(\d+)").group(1))
    terminal.type("\x13")
    for turn in range(3):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall(b"x\n")
            assert read_all(client) == b"X\n"
    terminal.type("\x11")
    terminal.wait_for("(.*Served client .*\n){3}")
    terminal.type("\x03")
    status, rest = terminal.end()
    assert status == 0 and "Stopped: accepted 3, served 3" in rest


def test_a_text_put_in_the_middle_of_another_wakes_the_screen_all_the_same():
    """Python prints a warning, or a finalizer something, at any line: also within put()."""
    screen, stream = output.Screen(), Stream()

    class Interrupted(collections.deque):
        def append(self, pair):
            super().append(pair)
            if pair[1] == "outer\n":
                screen.put(stream, "inner\n")
    with screen._lock:
        screen._waiting = Interrupted()
    screen.put(stream, "outer\n")
    wait_until(lambda: stream.text == "outer\ninner\n")
    screen.put(stream, "last\n")
    wait_until(lambda: stream.text.endswith("last\n"))
    assert screen.end()


def test_after_the_end_nobody_waits_for_another_ones_stream():
    screen, still, moving = output.Screen(), Stream(), Stream()
    assert screen.end()
    still.moves.clear()
    waits = threading.Thread(target=screen.put, args=(still, "one\n"), daemon=True)
    waits.start()
    assert still.held.wait(PATIENCE)
    screen.put(moving, "two\n")
    assert moving.text == "two\n"
    still.moves.set()
    waits.join(PATIENCE)
    assert still.text == "one\n"


def test_the_end_writes_what_waits_then_and_no_more(caplog, monkeypatch):
    """What comes later is counted; of a thread that is left behind nothing is shown any more."""
    monkeypatch.setattr(module, "PATIENCE", PATIENCE)
    screen, stream, go_on = output.Screen(), Stream(), threading.Event()

    def left_behind():
        assert go_on.wait(PATIENCE)
        screen.put(stream, "left behind\n")
    left = threading.Thread(target=left_behind)
    left.start()
    stream.moves.clear()
    screen.put(stream, "first\n")
    assert stream.held.wait(PATIENCE)
    screen.put(stream, "second\n")
    end = threading.Thread(target=screen.end)
    end.start()
    wait_until(lambda: screen._ending)
    for number in range(3):
        screen.put(stream, "late\n")
    stream.moves.set()
    end.join(PATIENCE)
    go_on.set()
    left.join(PATIENCE)
    screen.put(stream, "the totals\n")
    assert stream.text == "first\nsecond\nthe totals\n"
    assert "3 line(s) were not shown: the program was ending." in caplog.messages


def test_a_service_that_prints_without_end_does_not_cost_the_totals(tmp_path):
    endless = ("import engine.signals, handlers, handlers.lines, server, sys\n"
               "class Endless(handlers.lines.LineHandler):\n"
               "    def reply(self, message):\n"
               "        while True:\n"
               "            print('thinking about', message)\n"
               "handlers.SERVICES['upper'] = Endless\n"
               "server.GRACE = 0.3\n"
               "engine.signals.STOP_LIMIT = 60\n"  # for a busy machine
               "sys.exit(server.main(sys.argv[1:]))")
    port, out = free_port(), tmp_path / "out"
    with open(str(out), "wb") as stream:
        server = start_program("-c", endless, "--port", str(port), stdout=stream, stderr=stream)
    try:
        wait_until(lambda: listens(port))
        clients = [opened(socket.create_connection(("127.0.0.1", port), PATIENCE)) for turn in range(2)]
        for number, client in enumerate(clients):
            client.sendall(b"%d\n" % number)
            wait_until(lambda: b"thinking about %d" % number in out.read_bytes())
        send_signal(server, signal.SIGTERM)
        assert server.wait(PATIENCE) == 0
    finally:
        server.kill()
    assert re.search(r"^Stopped: accepted \d, .* timed out 2, .*\n\Z", out.read_text(), re.M)


def test_the_end_waits_for_a_slow_screen_for_a_while_only(caplog):
    class Slow(Stream):
        def write(self, text):
            threading.Event().wait(0.01)
            super().write(text)
    screen, stream = output.Screen(), Slow()
    for number in range(1000):
        screen.put(stream, "{}\n".format(number))
    began = time.monotonic()
    assert screen.end(0.1) and time.monotonic() - began < USUAL
    lines = stream.text.splitlines()
    assert lines == [str(number) for number in range(len(lines))]
    told = re.search(r"(\d+) line\(s\) were not shown: the program was ending", caplog.text)
    assert len(lines) + int(told.group(1)) == 1000


#: The steps of the screen's thread, and of who puts something, that may find no memory.
STEPS = ["Screen._go_on", "Screen._write_texts", "Screen._write", "Screen._finish", "Screen._keep",
         "Missed.tell", "Missed.add"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("done", [False, True])
def test_a_shortage_of_memory_loses_one_text_at_most_and_it_is_counted(step, done, monkeypatch, caplog):
    """Once, before this step is taken or after it is *done*."""
    owner, name = step.split(".")
    owner = getattr(module, owner)
    usual, failures, raised = getattr(owner, name), [MemoryError("no memory")], []

    def once(*arguments):
        if done or not failures:
            value = usual(*arguments)
        if failures:
            raise failures.pop()
        return value
    monkeypatch.setattr(owner, name, once)
    screen, streams = output.Screen(), [Stream(), Stream()]
    for number in range(300):
        try:
            screen.put(streams[number % 2], "x" * 9999 + "\n")
        except MemoryError:
            raised.append(number)
    wait_until(lambda: not (screen._waiting or screen._dropping))
    screen.put(streams[0], "the last\n")
    assert screen.end() and not failures
    shown = sum(stream.text.count("\n") for stream in streams)
    told = sum(int(number) for number in re.findall(r"(\d+) lines? ?\S* were not shown", caplog.text))
    assert 0 <= shown + told + len(raised) - 301 <= 1
    assert streams[0].text.endswith("the last\n")


def test_a_text_that_there_is_no_memory_for_leaves_no_trace():
    screen, stream = output.Screen(), Stream()

    class Full(collections.deque):
        def append(self, pair):
            raise MemoryError
    with screen._lock:
        screen._waiting = Full()
    with pytest.raises(MemoryError):
        screen.put(stream, "x" * module.MOST_WAITING + "\n")
    with screen._lock:
        screen._waiting = collections.deque()
    screen.put(stream, "one\n")
    wait_until(lambda: stream.text and not screen._size)
    assert screen.end() and stream.text == "one\n"
