"""client.py --crowd: many clients at once, and the picture of who waited."""

import collections
import contextlib
import csv
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import types

import pytest
from conftest import (CLIENT, ENVIRONMENT, PATIENCE, ROOT, Server, Terminal, fake_server, free_port,
                      needs_terminal, read_line, reset, run_client)

import client as program
from talk.crowd.cities import reading_of
from talk.crowd.judging import judge

try:
    import resource
except ImportError:
    resource = None

needs_limits = pytest.mark.skipif(resource is None, reason="this system limits no open files")

PLAIN = dict(ENVIRONMENT, COLUMNS="80", PYTHONIOENCODING="ascii")

LINE = re.compile(r" *(?P<client>\d+) (?P<city>.*?)(?P<bar>-*\.*#*) (?P<waited>\d+\.\d{3}) s"
                  r"(?P<word>( .*)?)")


def lines_of(out):
    """Return the clients' lines in the picture *out*, and the text that follows the picture."""
    lines = out.splitlines()
    assert lines[0].endswith(" connecting  . thinking  # waiting"), out
    axis = next(at for at, line in enumerate(lines) if re.fullmatch(r" +0 +\d+\.\d{3} s", line))
    matches = [LINE.fullmatch(line) for line in lines[1:axis]]
    assert all(matches), out
    return matches, "\n".join(lines[axis + 1:])


def times_in(path):
    """Return the rows of a --csv file: dicts of floats, None where a field is empty."""
    with open(str(path), newline="", encoding="utf-8") as file:
        assert file.readline() == "client,connected,sent,replied\r\n"
        file.seek(0)
        return [{name: float(text) if text else None for name, text in row.items()}
                for row in csv.DictReader(file)]


@pytest.mark.parametrize("threads", [1, 4, 0])
def test_a_staircase_steps_of_four_and_a_wall(start_server, tmp_path, threads):
    work = 0.08 if threads == 1 else 0.5  # six times as long is time enough for a busy machine
    server = start_server("--work", str(work), "--max-threads", str(threads))
    status, out, err = run_client(server.port, "--crowd", "8", "--csv", str(tmp_path / "times"),
                                  env=PLAIN)
    assert (status, err) == (0, "")
    rows = times_in(tmp_path / "times")
    assert [row["client"] for row in rows] == list(range(1, 9))
    assert all(0 < row["connected"] == row["sent"] < row["replied"] for row in rows)

    lines, rest = lines_of(out)
    rows.sort(key=lambda row: row["replied"])
    for line, row in zip(lines, rows):
        assert float(line["waited"]) == pytest.approx(row["replied"], abs=0.001)
    bars, last = [len(line["bar"]) for line in lines], rows[-1]["replied"]
    assert max(bars) > 50 and not any(line["word"] for line in lines)
    for bar, row in zip(bars, rows):
        assert abs(bar - max(bars) * row["replied"] / last) <= 1
    for place, row in enumerate(rows):
        assert row["replied"] >= work * (place // (threads or 8) + 1) - 0.001
    assert {1: last >= 8 * work, 4: last < 6 * work, 0: last < 6 * work}[threads]

    total, slowest, median, rate = map(float, re.fullmatch(
        r"Replies 8, errors 0, total time ([\d.]+) s\.\n"
        r"Slowest ([\d.]+) s, median ([\d.]+) s, ([\d.]+) messages per second\.", rest).groups())
    assert [total, slowest] == pytest.approx([last, last], abs=0.001)
    assert median == pytest.approx((rows[3]["replied"] + rows[4]["replied"]) / 2, abs=0.001)
    assert rate == pytest.approx(8 / last, abs=0.1)


def test_thinking_is_drawn_but_is_no_wait(start_server, tmp_path):
    server = start_server("--max-threads", "1")
    status, out, err = run_client(server.port, "--crowd", "3", "--think", "0.15", "Olá", "--csv",
                                  str(tmp_path / "times"), env=PLAIN)
    assert (status, err) == (0, "")
    for row in times_in(tmp_path / "times"):
        assert row["sent"] - row["connected"] >= 0.149
    lines, rest = lines_of(out)
    assert all("." in line["bar"] and line["bar"].endswith("#") for line in lines)
    slowest = float(re.search(r"Slowest ([\d.]+) s", rest).group(1))
    assert slowest < float(re.search(r"total time ([\d.]+) s", rest).group(1)) - 0.149


def test_what_the_clients_send(start_server):
    said = []

    def answer(connection):
        said.append(read_line(connection))
        connection.sendall(b"OK\n")
    with fake_server(*[answer] * 3) as port:
        assert run_client(port, "--crowd", "3", env=PLAIN)[0] == 0
    assert sorted(said) == ["Olá from client {}".format(number) for number in (1, 2, 3)]
    with fake_server(*[answer] * 2) as port:
        assert run_client(port, "--crowd", "2", "--service", "temp", "olá", env=PLAIN)[0] == 0
    assert said[3:] == ["olá", "olá"]


def test_a_crowd_of_cities(start_server):
    server = start_server("--service", "temp", "-v")
    status, out, err = run_client(server.port, "--service", "temp", "--crowd", "30", env=PLAIN)
    assert (status, err) == (0, "")
    lines, _ = lines_of(out)
    cities = {line["city"].strip() for line in lines}
    assert len(cities) == 30 and {"Recife", "Teresina", "Garanhuns", "Campina Grande"} <= cities
    assert server.stop() == 0
    assert re.findall("^Hottest city: .*", server.out.all(), re.M)[-1] == (
        "Hottest city: Teresina with 38")


def test_every_client_has_a_city_of_its_own():
    readings = [reading_of(number) for number in range(1, 1001)]
    assert len({city for city, _, _ in readings}) == 1000
    assert all(5 <= minimum < maximum <= 42 for _, maximum, minimum in readings)
    assert all(type(degrees) is int for reading in readings for degrees in reading[1:])


@pytest.mark.parametrize("name, options", [
    ("base_server.py", []), ("capped_server.py", []), ("lock_server.py", ["--service", "temp"]),
    ("queue_server.py", ["--service", "temp"])])
def test_the_lessons_servers(name, options):
    server = Server(program=("tests/lesson/" + name,), port="", listening="Ouvindo em")
    try:
        # Two fit the shortest backlog there is; who does not fit comes in a second later.
        status, out, err = run_client(server.port, "--crowd", "2", *options, env=PLAIN)
        assert (status, err) == (0, "") and "Replies 2, errors 0" in out
        if name == "queue_server.py":
            server.out.wait_for("^Cidade mais quente: Teresina com 38\n"
                                "Cidade mais fria: Recife com 23$")
    finally:
        server.kill()


def test_three_hundred_at_once(start_server, tmp_path):
    server = start_server("--backlog", "300", "-q")
    status, out, err = run_client(server.port, "--crowd", "300", "--csv", str(tmp_path / "times"),
                                  env=PLAIN)
    assert (status, err) == (0, "")
    assert len(lines_of(out)[0]) == 300 and "Replies 300, errors 0" in out
    assert server.stop() == 0 and server.totals()["served"] == 300
    assert len(times_in(tmp_path / "times")) == 300


# What goes wrong


def test_nobody_there(tmp_path):
    port = free_port()
    status, out, err = run_client(port, "--crowd", "3", "--csv", str(tmp_path / "times"), env=PLAIN)
    lines, rest = lines_of(out)
    assert (status, err) == (1, "") and [line["word"] for line in lines] == [" refused"] * 3
    assert rest.splitlines() == [
        "Replies 0, errors 3, total time {} s.".format(lines[-1]["waited"]),
        "3 refused: Cannot reach 127.0.0.1:{}: connection refused. Is the server".format(port),
        "running there? Check --host and --port."]
    assert times_in(tmp_path / "times") == [
        {"client": number, "connected": None, "sent": None, "replied": None}
        for number in (1, 2, 3)]


def test_each_way_to_fail_is_told_by_a_word():
    def answer(text):
        def conversation(connection):
            read_line(connection)
            connection.sendall(text)
        return conversation

    def leave_with_a_reset(connection):
        read_line(connection)
        reset(connection)

    def say_nothing(connection):
        read_line(connection)
        assert not connection.recv(1)
    with fake_server(answer(b"OK\n"), answer(b"ERR too \x1b[31mhot\n"), answer(b""),
                     leave_with_a_reset, say_nothing) as port:
        status, out, err = run_client(port, "--crowd", "5", "--timeout", "0.3", env=PLAIN)
    lines, rest = lines_of(out)
    assert (status, err) == (1, "")
    words = sorted(line["word"] for line in lines)
    reset_as = " closed" if words[3] == " closed" and os.name == "nt" else " reset"  # under Wine
    assert words == ["", " ERR", " closed", reset_as, " timed out"]
    assert re.search(r"Replies 1, errors 4, total time (0\.[3-9]|[1-9])", rest)
    assert "\n1 ERR: too \\x1b[31mhot\n" in rest
    assert "\n1 timed out: No reply from 127.0.0.1:{} within 0.3 s.".format(port) in rest


@pytest.mark.parametrize("host, word", [("no-such-host.invalid", "unreachable")])
def test_a_host_that_does_not_exist(host, word):
    status, out, err = run_client(1, "--host", host, "--crowd", "2", env=PLAIN)
    assert (status, err) == (1, "")
    assert [line["word"] for line in lines_of(out)[0]] == [" " + word] * 2
    assert "2 unreachable: Cannot reach no-such-host.invalid:1: " in out


@pytest.mark.parametrize("arguments, told", [
    (["--crowd", "0"], "from 1 to 1000"), (["--crowd", "1001"], "from 1 to 1000"),
    (["--crowd", "many"], "from 1 to 1000"), (["--crowd", "2", "--think", "-1"], "from 0"),
    (["--think", "1", "x"], "--crowd"), (["--csv", "f", "x"], "--crowd"),
    (["--crowd", "2", "one", "two"], "expected one"), (["--crowd", "2", "two\nlines"], "one line"),
    (["--crowd", "2", "--keep-open"], "without it")])
def test_wrong_usage(arguments, told, capsys):
    with pytest.raises(SystemExit) as ended:
        program.main(["--port", "1", *arguments])
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (2, "", 1) and told in err


def test_times_that_cannot_be_written(start_server, tmp_path):
    server = start_server()
    status, out, err = run_client(server.port, "--crowd", "2", "--csv", str(tmp_path))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("Cannot write {}: ".format(tmp_path))
    assert server.stop() == 0 and server.totals()["accepted"] == 0
    if os.path.exists("/dev/full"):
        status, out, err = run_client(free_port(), "--crowd", "2", "--csv", "/dev/full", env=PLAIN)
        assert (status, err.count("\n")) == (1, 1) and err.startswith("Cannot write /dev/full: ")


@needs_limits
@pytest.mark.parametrize("most", [64, 150])
def test_the_limit_on_open_files(start_server, most):
    server = start_server()
    done = subprocess.run(
        [sys.executable, *CLIENT, "--port", str(server.port), "--crowd", "100"], cwd=str(ROOT),
        env=PLAIN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, most)))
    if most >= 132:  # the limit is raised
        assert (done.returncode, done.stderr) == (0, b"")
    else:
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
        assert b"open 64 files, but 100 clients need 132" in done.stderr


def test_threads_that_run_out(monkeypatch, capsys):
    started, start = [], threading.Thread.start

    def scarce(thread):
        if len(started) == 5:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)
    monkeypatch.setattr(threading.Thread, "start", scarce)
    assert program.main(["--port", str(free_port()), "--crowd", "10"]) == 1
    assert capsys.readouterr() == (
        "", "This system gave 5 threads for 10 clients: start fewer clients.\n")


def test_output_that_nobody_reads(upper_port):
    port = str(upper_port)
    crowd = subprocess.Popen([sys.executable, *CLIENT, "--port", port, "--crowd", "200"],
                             cwd=str(ROOT), env=PLAIN, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    crowd.stdout.close()
    assert crowd.wait(PATIENCE) == 1
    with crowd.stderr:
        assert crowd.stderr.read() == b""
    if os.name != "nt":
        done = subprocess.run("exec {} {} --port {} --crowd 2 >&-".format(
            sys.executable, *CLIENT, port), shell=True, cwd=str(ROOT), env=PLAIN, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (0, b"")


@contextlib.contextmanager
def answering_one_of_two():
    """A server that answers the first client, and keeps the second one waiting; yields its port
    and an event: the second one has been heard."""
    def answer(connection):
        read_line(connection)
        connection.sendall(b"OK\n")

    def keep(connection):
        read_line(connection)
        heard.set()
        with contextlib.suppress(OSError):
            connection.recv(1)
    heard = threading.Event()
    with fake_server(answer, keep) as port:
        yield port, heard


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl+C to one process")
def test_ctrl_c_shows_what_came(tmp_path):
    with answering_one_of_two() as (port, heard):
        crowd = subprocess.Popen(
            [sys.executable, *CLIENT, "--port", str(port), "--crowd", "2", "--csv",
             str(tmp_path / "times")], cwd=str(ROOT), env=PLAIN, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        assert heard.wait(PATIENCE)
        crowd.send_signal(signal.SIGINT)
        out, err = crowd.communicate(timeout=PATIENCE)
    assert crowd.returncode == 1
    # The first client may just have been reading its reply.
    waiting = int(re.fullmatch(r"Interrupted: ([12]) of 2 clients had no reply yet\.\n",
                               err.decode()).group(1))
    lines, rest = lines_of(out.decode())
    assert [line["word"] for line in lines] == [""] * (2 - waiting) + [" waiting"] * waiting
    assert "Replies {}, errors 0".format(2 - waiting) in rest
    rows = times_in(tmp_path / "times")
    assert [row["replied"] for row in rows].count(None) == waiting


# What the replies show side by side


def crowd_with(replies, messages=None, after=()):
    """Return a crowd to which these *replies* came; the first one got *after* behind its own."""
    messages = messages or ["Ol\u00e1 from client {}".format(number) for number in range(1, len(replies) + 1)]
    return [types.SimpleNamespace(message=message, reason=reply, outcome="", after=line)
            for message, reply, line in itertools.zip_longest(messages, replies, after, fillvalue="")]


CAPITALS = ["OL\u00c1 FROM CLIENT {}".format(number) for number in range(1, 13)]
READINGS = ["Recife,30,23", "Natal,29,23", "Recife 2,30,23"]


@pytest.mark.parametrize("members, outcomes", [
    (crowd_with(CAPITALS), {"": 12}), (crowd_with([reply.title() for reply in CAPITALS]), {"": 12}),
    (crowd_with(CAPITALS[1:] + CAPITALS[:1]), {"mixed up": 12}),
    (crowd_with(CAPITALS[:10] + CAPITALS[:2]), {"": 10, "mixed up": 2}),
    (crowd_with(["OK, {}".format(reply) for reply in CAPITALS]), {"": 12}),
    (crowd_with(["BYE"] * 3), {"": 3}), (crowd_with(["BYE"] * 3, READINGS), {"": 3}),
    (crowd_with(READINGS, READINGS), {"": 3}), (crowd_with(READINGS[::-1], READINGS), {"mixed up": 2, "": 1}),
    (crowd_with(["HI"] * 3, ["hi"] * 3), {"": 3}), (crowd_with(["12:00", "12:00", "12:01"]), {"": 3}),
    (crowd_with(["OL\u00c1 FROM"] * 3), {"all alike": 3}),
    (crowd_with(CAPITALS[:2] + ["BUSY", "BUSY"]), {"": 2, "all alike": 2}),
    (crowd_with(["OL\u00e1 FROM CLIENT 1", "OL\u00c3\u00a1 FROM CLIENT 2", "OL\\xc1 FROM CLIENT 3", "OL? FROM CLIENT 4"]),
     {"broken accents": 4}),
    (crowd_with(["Welcome!"] * 3, after=[CAPITALS[0]]), {"a greeting": 3}),
    (crowd_with(["Welcome!"] * 3, READINGS, after=["BYE"]), {"a greeting": 3})])
def test_what_is_wrong_with_replies_is_seen_side_by_side(members, outcomes):
    judge(members)
    assert collections.Counter(member.outcome for member in members) == outcomes
    for member in members:
        assert not member.outcome or member.message in member.reason or "came first" in member.reason


def test_replies_that_are_mixed_up_are_named_below_the_picture():
    def answer_with(number):
        def conversation(connection):
            connection.sendall(b"" if number else b"Hello!\n")
            read_line(connection)
            connection.sendall("OL\u00c1 FROM CLIENT {}\n".format(2).encode())
        return conversation
    with fake_server(answer_with(1), answer_with(1)) as port:
        status, out, err = run_client(port, "--crowd", "2", env=PLAIN)
    lines, rest = lines_of(out)
    assert (status, err) == (1, "") and sorted(line["word"] for line in lines) == ["", " mixed up"]
    assert "Replies 1, errors 1, total time" in rest
    assert ("1 mixed up: 'Ol\\xe1 from client 1' was answered with 'OL\\xc1 FROM CLIENT 2', which is another client's reply. "
            "Perhaps the threads share a variable: keep the message and the socket in local ones."
            ) in " ".join(rest.split())
    with fake_server(answer_with(0)) as port:
        status, out, err = run_client(port, "--crowd", "1", env=PLAIN)
    lines, rest = lines_of(out)
    assert (status, err, lines[0]["word"]) == (1, "", " a greeting")
    assert "1 a greeting: 'Hello!' came first, and only then 'OL\\xc1 FROM CLIENT 2'" in " ".join(rest.split())


# How it looks


@pytest.fixture(scope="module")
def temp_port():
    """The port of one server of temperatures for all pictures."""
    server = Server("--service", "temp")
    yield server.port
    server.kill()


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
@pytest.mark.parametrize("encoding, full", [("utf-8", "█"), ("cp437", "█"), ("cp1252", "#")])
def test_it_fits_the_width_and_the_characters(temp_port, columns, encoding, full):
    env = dict(ENVIRONMENT, COLUMNS=str(columns), PYTHONIOENCODING=encoding)
    done = subprocess.run(
        [sys.executable, *CLIENT, "--port", str(temp_port), "--service", "temp",
         "--crowd", "12"], cwd=str(ROOT), env=env, stdout=subprocess.PIPE, timeout=PATIENCE)
    lines = done.stdout.decode(encoding).splitlines()
    assert done.returncode == 0 and all(len(line) < columns for line in lines), lines
    assert all(full in line for line in lines[1:13]) and not any("\\" in line for line in lines)
    assert max(len(line) for line in lines[1:14]) == columns - 1


def on_screen(came):
    """Return the lines that a terminal shows, having received *came*; colours are dropped."""
    rows, row, column = [""], 0, 0
    for count, code, character in re.findall(r"\x1b\[(\d*)([A-Z])|([^\x1b])",
                                             re.sub(r"\x1b\[\d*m", "", came)):
        if code == "A":
            row -= int(count)
            assert row >= 0
        elif code == "K":
            rows[row] = rows[row][:column]
        elif code == "J":
            rows[row:] = [rows[row][:column]]
        elif character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            rows.extend([""] * (row + 1 - len(rows)))
        else:
            assert not code, code
            rows[row] = rows[row][:column].ljust(column) + character + rows[row][column + 1:]
            column += 1
    return "\n".join(rows)


@needs_terminal
@pytest.mark.parametrize("no_color", ["", "1"])
def test_on_a_terminal_it_is_drawn_while_the_crowd_waits(no_color):
    with answering_one_of_two() as (port, heard):
        terminal = Terminal("--port", str(port), "--crowd", "2", COLUMNS="60", LINES="24",
                            TERM="xterm", NO_COLOR=no_color)
        terminal.wait_for(r"1 of 2 answered, 0 with an error, (0\.[3-9]|[1-9])")
        terminal.wait_for(r"0 with an error")  # to the end of a picture
        picture = on_screen(terminal.came).splitlines()
        assert re.fullmatch(r"[12] ·*█+ \d\.\d{3} s", picture[1])
        assert re.fullmatch(r"[12] ·*█{20,} +\d\.\d{3} s waiting", picture[2])
        assert len(picture) == 5
        terminal.type("\x03")
        status, _ = terminal.end()
    assert status == 1 and "Traceback" not in terminal.came
    screen = on_screen(terminal.came.replace("^C", ""))  # the terminal's echo may come late
    assert re.fullmatch(
        r"· connecting  ░ thinking  █ waiting\n"
        r"[12] ·*█+ \d\.\d{3} s\n"
        r"[12] ·*█{20,} +\d\.\d{3} s waiting\n"
        r"  0 +\d\.\d{3} s\n"
        r"Replies 1, errors 0, total time \d\.\d{3} s\.\n"
        r"Slowest \d\.\d{3} s, median \d\.\d{3} s, \d\.\d messages per second\.\n"
        r"Interrupted: 1 of 2 clients had no reply yet\.\n", screen), screen
    assert ("\x1b[3" in terminal.came) == (not no_color)


@needs_terminal
def test_in_a_window_too_small_for_all_it_is_folded(start_server):
    """It never goes up beyond the window's first line; at the end there are all, and nothing twice."""
    server = start_server("--work", "0.12", "--max-threads", "1")
    terminal = Terminal("--port", str(server.port), "--crowd", "12", COLUMNS="90", LINES="11", TERM="xterm")
    terminal.wait_for(r"[0-6] more above, [0-6] below: the window has 11 lines\. At the end there are all\.")
    terminal.wait_for(r"with an error")  # to the end of a picture
    picture = [line for line in on_screen(terminal.came).splitlines() if line]
    assert len(picture) == 10 and [line for line in picture[2:8] if not re.match(r" ?\d+ ", line)] == []
    assert terminal.end()[0] == 0
    ups = re.findall(r"\x1b\[(\d+)A", terminal.came)
    assert ups and max(map(int, ups)) <= 10
    lines, rest = lines_of(on_screen(terminal.came).translate(str.maketrans("·░█", "-.#")))
    assert len(lines) == 12 and "above" not in rest and rest.startswith("Replies 12,")


@needs_terminal
@pytest.mark.parametrize("term, lines, coloured", [("dumb", "24", False), ("xterm", "4", True)])
def test_elsewhere_a_line_tells_how_far_it_is(start_server, term, lines, coloured):
    server = start_server("--work", "0.12", "--max-threads", "1")
    terminal = Terminal("--port", str(server.port), "--crowd", "3", COLUMNS="60", LINES=lines,
                        TERM=term)
    terminal.wait_for(r"[012] of 3 answered, 0 with an error, 0\.\d s")
    assert terminal.end()[0] == 0
    assert ("\x1b[32m" in terminal.came) == coloured
    assert not re.search(r"\x1b\[\d*[A-Z]", terminal.came)
    assert on_screen(terminal.came).startswith("· connecting  ░ thinking  █ waiting")
    assert on_screen(terminal.came).count("answered") == 0


@needs_terminal
def test_progress_while_the_picture_goes_to_a_file(start_server, tmp_path):
    server = start_server("--work", "0.2", "--max-threads", "1")
    with open(str(tmp_path / "picture"), "wb") as picture:
        terminal = Terminal("--port", str(server.port), "--crowd", "2", COLUMNS="60",
                            TERM="xterm", redirect=picture)
        terminal.wait_for(r"[01] of 2 answered, 0 with an error, 0\.\d s")
        assert terminal.end()[0] == 0
    assert on_screen(terminal.came).strip() == ""
    text = (tmp_path / "picture").read_text(encoding="utf-8")
    assert "\x1b" not in text and "Replies 2, errors 0" in text


@pytest.mark.parametrize("columns", ["1", "2", "5"])
def test_a_window_of_hardly_any_columns(upper_port, columns):
    status, out, err = run_client(upper_port, "--crowd", "2",
                                  env=dict(ENVIRONMENT, COLUMNS=columns))
    assert (status, err) == (0, "") and out


@needs_terminal
def test_a_window_that_is_resized_is_drawn_anew(upper_port):
    import fcntl
    import struct
    import termios
    terminal = Terminal("--port", str(upper_port), "--crowd", "2", "--think", "60", TERM="xterm")

    def resize(columns):
        fcntl.ioctl(terminal.leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    resize(70)
    terminal.wait_for("s thinking")  # nobody waits who thinks
    resize(30)
    terminal.wait_for("\x1b\\[H\x1b\\[2J.*connecting")
    terminal.wait_for("thinking")
    assert "waiting" not in terminal.came.replace("█ waiting", "")
    terminal.type("\x03")
    assert terminal.end()[0] == 1


#: Asks a console of Windows as client.py does, though our streams are pipes. 3: its first mode.
ASK_CONSOLE = """
import ctypes, msvcrt, sys
kernel, mode = ctypes.windll.kernel32, ctypes.c_ulong()
kernel.AllocConsole()  # which does nothing where there is one
try:
    sys.stdout = sys.__stdout__ = open("CONOUT$", "w")
except OSError:
    sys.exit("no console")
console = msvcrt.get_osfhandle(sys.stdout.fileno())
kernel.SetConsoleMode(console, 3)
kernel.SetStdHandle(-11, console)
from talk.crowd.picture import obeys_codes
obeys = obeys_codes(sys.stdout)
kernel.GetConsoleMode(console, ctypes.byref(mode))
sys.exit("it obeys" if obeys and mode.value & 4 else "it does not obey")
"""


@pytest.mark.skipif(os.name != "nt", reason="this system has no consoles")
def test_a_console_is_asked_to_obey():
    done = subprocess.run([sys.executable, "-c", ASK_CONSOLE], cwd=str(ROOT), env=ENVIRONMENT,
                          stderr=subprocess.PIPE)
    if done.stderr.strip() == b"no console":
        pytest.skip("Wine makes a console in a terminal only")
    assert done.stderr.strip() == b"it obeys"
