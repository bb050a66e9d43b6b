"""lesson/: each step serves the lesson's client and ours, survives whatever a client does, waits as
its picture shows, and is what lesson/README.md says of it."""

import ast
import contextlib
import difflib
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys

import pytest
from conftest import (ENVIRONMENT, PATIENCE, ROOT, Server, needs_fork, read_all, reset, run_client,
                      start_program, text_of, wait_until)

STEPS = sorted(path.name for path in (ROOT / "lesson").glob("*.py"))
SOURCES = {name: (ROOT / "lesson" / name).read_text(encoding="utf-8") for name in STEPS}

#: The steps that answer in capitals, and those that take temperatures.
CAPITALS = ["1_one_client.py", "2_threads.py", "3_limited.py",
            pytest.param("6_processes.py", marks=needs_fork), "7_asyncio.py"]
TEMPERATURES = ["4_lock.py", "5_queue.py"]
ALL = CAPITALS + TEMPERATURES

#: Those of which the lesson's next idea is made: step -> the one that it is compared with.
BEFORE = {"2_threads.py": "1_one_client.py", "3_limited.py": "2_threads.py",
          "4_lock.py": "2_threads.py", "5_queue.py": "4_lock.py",
          "6_processes.py": "2_threads.py", "7_asyncio.py": "2_threads.py"}

#: How a process ends that a Ctrl+C has ended: by the signal; on Windows the tests raise it themselves.
ENDED = 3 if os.name == "nt" else -signal.SIGINT

NO_LINE = b"ERR expected a line feed\n"
NO_READING = b"ERR expected city,max,min such as Recife,31.5,24\n"
WORK = "sleep(0)"


def start(program, *arguments, **settings):
    return Server(program=("lesson/" + program if program in STEPS else program, *arguments), port="",
                  **settings)


@pytest.fixture(scope="module")
def running():
    """A function that returns the server of a step, which all tests share; none may do it harm."""
    servers = {}

    def find(name):
        if name not in servers:
            servers[name] = start(name)
        return servers[name]
    yield find
    for server in servers.values():
        server.signal(signal.SIGINT)
    try:
        for server in servers.values():
            assert server.process.wait(PATIENCE) == ENDED
            assert "Traceback" not in server.out.all()
            assert server.err.all() == ""
    finally:
        for server in servers.values():
            server.kill()


@pytest.fixture
def start_step(tmp_path):
    """A function that starts a step of its own, with some text in it replaced by another one."""
    with contextlib.ExitStack() as stack:
        def start_edited(name, *edits, **settings):
            program = name
            if edits:
                source = SOURCES[name]
                for old, new in edits:
                    assert source.count(old) == 1, old
                    source = source.replace(old, new)
                program = str(tmp_path / name)
                pathlib.Path(program).write_text(source, encoding="utf-8")
            server = start(program, **settings)
            stack.callback(server.kill)
            return server
        yield start_edited


def answer(server, *pieces, half_close=False):
    """Send the *pieces* to a server; return all that comes back."""
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def expected(name, city="Recife"):
    """Return a good message for a step, and its reply."""
    if name in TEMPERATURES:
        return "{},31.5,24".format(city), "BYE"
    return city, city.upper()


def silent_clients(server, count):
    """Return *count* connections on which nothing is said."""
    return [server.connect() for number in range(count)]


# What each step is


def test_there_are_seven_and_each_is_one_screen():
    assert [name[0] for name in STEPS] == list("1234567")
    for name, source in SOURCES.items():
        lines = source.splitlines()
        assert len(lines) <= 30, name
        assert max(map(len, lines)) <= 115, name
        first, second = ast.get_docstring(ast.parse(source)).splitlines()
        assert second.startswith("Still wrong: ") and "mend" in second or ".py)" in second, name


def test_each_needs_nothing_of_ours_nor_of_anybody():
    for name, source in SOURCES.items():
        tree = ast.parse(source)
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)], name
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                    for alias in node.names}
        assert imported <= {"asyncio", "contextlib", "queue", "signal", "socketserver", "sys",
                            "threading", "time"}, name
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert imported <= used, name


def test_the_limit_is_the_servers_own():
    """The methods of the third step are those of server.py, but for what they do when no thread starts."""
    class Bare(ast.NodeTransformer):
        def visit_FunctionDef(self, node):
            node.body = [statement for statement in node.body if not (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))]
            return self.generic_visit(node)

        def visit_Try(self, node):
            return node.body if node.handlers else node

    def methods(source):
        return {node.name: ast.dump(Bare().visit(node)) for node in ast.walk(ast.parse(source))
                if isinstance(node, ast.FunctionDef) and node.name.startswith("process_request")}
    ours = methods((ROOT / "server.py").read_text(encoding="utf-8"))
    assert len(ours) == 2 and methods(SOURCES["3_limited.py"]) == ours


# Whom they serve


@pytest.mark.parametrize("name", ALL)
def test_the_lessons_client(running, name):
    message, reply = expected(name, "São Luís")
    done = subprocess.run(
        [sys.executable, "tests/lesson/client.py", str(running(name).port)], cwd=str(ROOT),
        env=ENVIRONMENT, input=message.encode() + b"\n", stdout=subprocess.PIPE, timeout=PATIENCE)
    assert text_of(done.stdout).endswith("Entre com uma mensagem: " + reply + "\n")


@pytest.mark.parametrize("name", ALL)
def test_our_client(running, name):
    messages, replies = zip(*(expected(name, city) for city in ("Recife", "São Luís", "João Pessoa")))
    service = ["--service", "temp"] if name in TEMPERATURES else []
    assert run_client(running(name).port, *service, *messages) == (0, "\n".join(replies) + "\n", "")


@pytest.mark.skipif(not shutil.which("nc"), reason="there is no nc here")
@pytest.mark.parametrize("name", ALL)
def test_nc(running, name):
    message, reply = expected(name)
    done = subprocess.run(["nc", "127.0.0.1", str(running(name).port)], stdout=subprocess.PIPE,
                          input=message.encode() + b"\n", timeout=PATIENCE)
    assert done.stdout.decode() == reply + "\n"


# What they say to a client


@pytest.mark.parametrize("name", CAPITALS)
def test_the_conversation_is_the_same_in_all(running, name):
    server = running(name)
    assert answer(server, "olá, mundo\n".encode()) == "OLÁ, MUNDO\n".encode()
    assert answer(server, b"\n") == b"\n"
    assert answer(server, b"telnet\r\n") == b"TELNET\r\n"
    assert answer(server, b"S\xc3", b"\xa3o ", b"Jo\xc3\xa3o\n") == "SÃO JOÃO\n".encode()
    assert answer(server, b"one\ntwo\n") == b"ONE\n"
    assert answer(server, b"a" * 60000 + b"\n") == b"A" * 60000 + b"\n"
    assert answer(server, b"S\xe3o\n") == "S\ufffdO\n".encode()
    assert answer(server, b"half a mess", half_close=True) == NO_LINE
    assert answer(server, half_close=True) == NO_LINE


@pytest.mark.parametrize("name", TEMPERATURES)
def test_bye_is_for_what_is_right(running, name):
    server = running(name)
    for right in ("Recife,31,24", "São Luís,-3.5,-10", "Patos,30,30", " Olinda , 30 ,24", "Natal,31,24\r"):
        assert answer(server, right.encode() + b"\n") == b"BYE\n", right
    for wrong in ("", "Recife", "Recife,31", "Recife,31,24,1", "Recife,31,5,24", "Recife,hot,24",
                  "Recife,,24", "Recife,24,31", "Recife,nan,nan", "Recife,31,nan", "Recife,inf,24",
                  "Recife,31,-inf", "Recife,1e9,24", "Recife,31,-300", ",31,24", " ,31,24",
                  "\x1b[2J,31,24", "Reci\0fe,31,24", "Recife;31;24"):
        assert answer(server, wrong.encode() + b"\n") == NO_READING, wrong
    assert answer(server, b"S\xe3o,31,24\n") == NO_READING
    assert answer(server, b"Recife,31,2", half_close=True) == NO_READING  # 2 and what would have come
    assert answer(server, half_close=True) == NO_READING


def test_the_lock_shows_the_dict(start_step):
    server = start_step("4_lock.py")
    assert run_client(server.port, "--service", "temp", "--crowd", "12")[0] == 0
    server.out.wait_for(r"^\{.*\}$", count=12)
    shown = [ast.literal_eval(line) for line in server.out.text.splitlines() if line.startswith("{")]
    assert [len(temp) for temp in shown] == list(range(1, 13))
    assert shown[-1]["Teresina"] == (38.0, 24.0)
    lines = server.out.text.splitlines()[1:]  # the lock keeps apart what two threads print
    assert all(re.fullmatch(r"Client \('[\d.]+', \d+\) sent \[.*\]|\{.*\}", line) for line in lines)


def test_the_consumer_shows_hottest_and_coldest(start_step):
    server = start_step("5_queue.py")
    for message in b"Recife,31.5,24\n", b"Teresina,40,25\n", b"Garanhuns,25,12\n", b"Teresina,30,25\n":
        assert answer(server, message) == b"BYE\n"
    server.out.wait_for("^Coldest", count=4)
    assert server.out.text.splitlines()[1:] == [
        "Hottest city: Recife with 31.5", "Coldest city: Recife with 24.0",
        "Hottest city: Teresina with 40.0", "Coldest city: Recife with 24.0",
        "Hottest city: Teresina with 40.0", "Coldest city: Garanhuns with 12.0",
        "Hottest city: Recife with 31.5", "Coldest city: Garanhuns with 12.0"]


@pytest.mark.parametrize("name", TEMPERATURES)
def test_a_screen_that_cannot_show_the_city(monkeypatch, start_step, name):
    monkeypatch.setitem(ENVIRONMENT, "PYTHONIOENCODING", "ascii")
    server = start_step(name)
    assert answer(server, "São Luís,31,24\n".encode()) == NO_READING
    assert answer(server, b"Recife,31,24\n") == b"BYE\n"
    server.out.wait_for("Recife.*31.0.*$")
    assert re.match(r"Client \('[\d.]+', \d+\) sent \['Recife'|Hottest city: Recife with 31.0$",
                    server.out.text.splitlines()[1]) and server.err.text == ""


# What they survive


@pytest.mark.parametrize("name", ALL)
def test_whatever_a_client_does(running, name):
    server, (message, reply) = running(name), expected(name)
    whole = message.encode() + b"\n"
    for number in range(8):
        for sent in b"", whole[:3], b"\xff\xfe\xfd\n", whole, b"\0" * 100, whole * 50:
            for leave in socket.socket.close, reset:
                connection = server.connect()
                with contextlib.suppress(ConnectionError):  # it may have been answered and closed
                    connection.sendall(sent)
                leave(connection)
    with contextlib.suppress(ConnectionError), server.connect() as connection:
        connection.sendall(b"x" * 200000)  # more than is read: the rest makes the close a reset
        assert read_all(connection) in (NO_LINE, NO_READING, b"")
    assert answer(server, whole) == reply.encode() + b"\n"
    if "process" in name and sys.platform.startswith("linux"):
        wait_until(lambda: not children(server.process.pid), "the zombies to be gone")


def children(pid):
    """Return the processes whose parent is *pid*, those that have ended among them (Linux)."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(stat.parent.name)
    return found


@pytest.mark.parametrize("name", ALL)
def test_ctrl_c_ends_it_at_once_whatever_it_waits_for(start_step, name):
    """A silent client in the main thread (1), or all slots taken and one more client (3). Then it can
    be started again at once, though clients are still there."""
    server, (message, reply) = start_step(name), expected(name)
    assert server.ask(message) == reply  # its end closes first: the system keeps the port for a while
    silent = silent_clients(server, 6)
    if name not in TEMPERATURES:
        served = {"1": 1, "3": 4}.get(name[0], 6)
        server.out.wait_for("Serving client", count=1 + served)
    assert server.stop(signal.SIGINT) == ENDED
    again = start(name, str(server.port))
    try:
        assert again.port == server.port and again.ask(message) == reply
    finally:
        again.kill()
    for connection in silent:
        connection.close()
    assert "Traceback" not in server.out.all() and server.err.all() == ""


@pytest.mark.parametrize("name", ["2_threads.py", "7_asyncio.py"])
def test_no_two_share_a_port(running, name):
    """On Windows SO_REUSEADDR would allow it."""
    assert cannot_listen(name, str(running(name).port))


@pytest.mark.parametrize("port", ["x", "99999"])
@pytest.mark.parametrize("name", ["2_threads.py", "7_asyncio.py"])
def test_a_port_that_is_none(name, port):
    assert cannot_listen(name, port)


def cannot_listen(name, port):
    """Tell whether a step says in one line that it cannot listen on this port."""
    program = start_program("lesson/" + name, port, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = program.communicate(timeout=PATIENCE)
    return (program.returncode == 1 and out == b""
            and re.fullmatch(rb"Cannot listen \(.*\): take another port\r?\n", err))


def test_where_there_is_no_fork(tmp_path):
    """As on Windows, where socketserver has no ForkingTCPServer."""
    done = subprocess.run(
        [sys.executable, "-c", "import runpy, socketserver\n"
         "vars(socketserver).pop('ForkingTCPServer', None)\n"
         "runpy.run_path('lesson/6_processes.py', run_name='__main__')"], cwd=str(ROOT),
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (1, b"")
    assert text_of(done.stderr) == (
        "This needs fork(), which Windows does not have: run 2_threads.py there.\n")


# Who waits for whom


def nothing_comes(connection):
    """Tell whether nothing comes for a moment. (Of a server that does not answer this is true always.)"""
    return not select.select([connection], [], [], 0.1)[0]


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("1_one_client.py", "3_limited.py")])
def test_silent_clients_keep_nobody_waiting(start_step, name):
    server = start_step(name)
    silent_clients(server, 20)
    assert server.ask(expected(name)[0]) == expected(name)[1]


#: The limit's lines, and where they go in the steps after it, as lesson/README.md says.
LIMIT = SOURCES["3_limited.py"].partition("listen(5)\n")[2].partition("signal.signal")[0]
WITH_LIMIT = ("listen(5)\n", "listen(5)\n" + LIMIT)


@pytest.mark.parametrize("name, edits, slots", [
    ("1_one_client.py", [], 1), ("3_limited.py", [], 4), ("4_lock.py", [WITH_LIMIT], 4),
    ("5_queue.py", [WITH_LIMIT], 4),
    pytest.param("6_processes.py", [("listen(5)\n", "listen(5)\n    max_children = 4\n")], 4,
                 marks=needs_fork)])
def test_silent_clients_hold_the_slots(start_step, name, edits, slots):
    server, (message, reply) = start_step(name, *edits), expected(name)
    silent = silent_clients(server, slots - 1)
    assert server.ask(message) == reply  # there is one slot left
    silent += silent_clients(server, 1)
    late = server.connect()
    late.sendall(message.encode() + b"\n")
    assert nothing_comes(late)
    silent[0].sendall(message.encode() + b"\n")
    assert read_all(silent[0]) == read_all(late) == reply.encode() + b"\n"


@pytest.mark.parametrize("name", ["1_one_client.py", "3_limited.py"])
def test_the_time_out_that_mends_it(start_step, name):
    handler = "(socketserver.StreamRequestHandler):\n"
    server = start_step(name, (handler, handler + "    timeout = 0.1\n"))
    silent = silent_clients(server, 5)
    assert server.ask("hello") == "HELLO"
    assert [read_all(connection) for connection in silent] == [b""] * 5
    assert server.err.text == ""


# What lesson/README.md says of them

READMES = ["README.md", "README.pt-BR.md"]


def text_of_readme(document):
    return (ROOT / "lesson" / document).read_text(encoding="utf-8")


def section(document, name):
    """Return what a document says of a step."""
    return re.search(r"^## \d\. [^\n]*`{}`\n(.*?)(?=^## )".format(re.escape(name)),
                     text_of_readme(document), re.M | re.S).group(1)


def blocks(text):
    """Return the indented blocks of a document, each without its indentation."""
    found = re.findall(r"(?:^(?:    .*)\n)+", text, re.M)
    return [re.sub("^    ", "", block, flags=re.M) for block in found]


def comparison(name):
    """Return how a step differs from the one before, without the text that says what it is."""
    old, new = [SOURCES[step].splitlines()[2:] for step in (BEFORE[name], name)]
    lines = list(difflib.unified_diff(old, new, n=0, lineterm=""))[3:]
    return "\n".join("" if line.startswith("@@") else line for line in lines) + "\n"


@pytest.mark.parametrize("document", READMES)
def test_the_comparisons(document):
    assert "```python\n{}```".format(SOURCES[STEPS[0]]) in section(document, STEPS[0])
    for name in STEPS[1:]:
        assert "```diff\n{}```".format(comparison(name)) in section(document, name), name
        if BEFORE[name] != STEPS[STEPS.index(name) - 1]:  # else it is the one above
            assert "`{}`".format(BEFORE[name]) in section(document, name), name
    table = re.findall(r"^\| \[`(\S+)`\]\((\S+)\) \| (\d+) \|", text_of_readme(document), re.M)
    assert table == [(name, name, str(len(SOURCES[name].splitlines()))) for name in STEPS]


def test_both_readmes_have_the_same_commands():
    english, portuguese = [re.findall(r"^    python .*$|`python [^`]*`", text_of_readme(document), re.M)
                           for document in READMES]
    assert english == portuguese and len(english) > 8


def picture(document, name):
    """Return the seconds in the picture of a step, in the order of its rows."""
    drawn = [block for block in blocks(section(document, name)) if block.startswith("· ")]
    assert len(drawn) == 1, name
    rows = re.findall(r"^ ?\d+ (?:[\w ]+?)? *·*█+ (\d+[.,]\d+) s$", drawn[0], re.M)
    assert len(rows) == 12, name
    return [float(seconds.replace(",", ".")) for seconds in rows]


def crowd(server, name, path):
    """Send twelve clients at once; return the seconds after which each had its reply, in this order."""
    service = ["--service", "temp"] if name in TEMPERATURES else []
    status, out, err = run_client(server.port, *service, "--crowd", "12", "--csv", str(path))
    assert (status, err) == (0, ""), out
    rows = path.read_text(encoding="utf-8").splitlines()[1:]
    return sorted(float(row.rpartition(",")[2]) for row in rows)


def is_as_drawn(replied, floors, work):
    """Check that each of twelve clients has waited for as many messages as in the picture."""
    for floor, seconds in zip(floors, replied):
        assert seconds >= 0.9 * floor * work  # a clock may tick every 16 ms only
    assert floors[-1] == 12 or replied[-1] < 12 * work


@pytest.mark.parametrize("name", ALL)
def test_the_pictures(start_step, tmp_path, name):
    floors, translated = [[int(seconds) for seconds in picture(document, name)] for document in READMES]
    assert floors == translated
    work = 0.06 if floors[-1] == 12 else 0.4
    server = start_step(name, (WORK, "sleep({})".format(work)))
    is_as_drawn(crowd(server, name, tmp_path / "times"), floors, work)


def test_work_without_await_stops_everybody(start_step, tmp_path):
    name = "7_asyncio.py"
    for document in READMES:
        assert "`import time; time.sleep(1)`" in section(document, name)
    server = start_step(name, ("await asyncio.sleep(0)", "import time; time.sleep(0.06)"))
    is_as_drawn(crowd(server, name, tmp_path / "times"), range(1, 13), 0.06)


@pytest.mark.parametrize("document", READMES)
def test_what_the_consumers_screen_shows(start_step, document):
    command, replies, screen = blocks(section(document, "5_queue.py"))[:3]
    server = start_step("5_queue.py")
    arguments = re.findall(r'"([^"]*)"', command)
    assert command.startswith("python client.py --service temp ") and len(arguments) == 4
    assert run_client(server.port, "--service", "temp", *arguments)[1] == replies
    server.out.wait_for("^Coldest", count=3)
    assert server.out.text.partition("\n")[2] == screen
