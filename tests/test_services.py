"""docs/services.md: each service in it is typed in as it stands there, and what is said there is said."""

import functools
import importlib.util
import logging
import re
import shlex

import pytest
from conftest import ROOT, Server, connect, read_line, run_client, serving, wait_until
from trying import copy_of_the_project, told_of

from engine import blame
from engine.calls import calls_now
from engine.deaths import deaths_told
from engine.lookout import LONG, Lookout
from handlers.checks.service import check_service
from handlers.lines import LineHandler

DOCUMENT = (ROOT / "docs" / "services.md").read_text(encoding="utf-8")

#: The services: name of the file -> program.
PROGRAMS = dict(re.findall(r"[Tt]he file\s+`(\w+)\.py`:\n\n```python\n([\s\S]*?)^```$", DOCUMENT, re.M))

#: The samples under each service: a command, and what it prints.
SAMPLES = [(name, command, printed) for name, program in PROGRAMS.items()
           for command, printed in re.findall(
               r"^    \$ python client.py (.*)\n((?:    [^$].*\n)+)",
               DOCUMENT.partition(program)[2].partition("\n## ")[0].partition("Now vote")[0], re.M)]

#: The tables of mistakes: in place of what, what is written, what is said.
ROWS = re.findall(r"^\| `(.*?)` \| (?:`(.*?)`|nothing) \| `(.*)` \|$", DOCUMENT, re.M)
AT_START = [row for row in ROWS if re.match(r"handlers/\w+\.py, line \d+: (?!reply\(\) returned)|argument", row[2])]
LATER = [row for row in ROWS if row not in AT_START]


def with_the_mistake(text, right, wrong):
    """Return *text* with what is *wrong* in place of what is *right*; without the line, if nothing is."""
    assert text.count(right) == 1 or not wrong, right
    return text.replace(right, wrong, 1) if wrong else re.sub(" *" + re.escape(right) + "\n", "", text, count=1)


def file_of(row):
    """Return the name of the file in which a mistake is made."""
    return next(name for name in [*PROGRAMS, "__init__"] if row[0] in (PROGRAMS.get(name) or MENU))


def menu(names):
    """Return the menu with the line, and the import, for services of these *names* before all others."""
    text = (ROOT / "handlers" / "__init__.py").read_text(encoding="utf-8")
    for name in names:
        handler = re.search(r"class (\w+)\(LineHandler\)", PROGRAMS[name]).group(1)
        text = text.replace("from handlers", "from handlers.{} import {}\nfrom handlers".format(name, handler), 1)
        text = text.replace("SERVICES = {\n", "SERVICES = {{\n    \"{}\": {},\n".format(name, handler))
    return text


MENU = menu(["sum"])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project, with all services of the document typed in."""
    folder = copy_of_the_project(tmp_path_factory.mktemp("services"))
    for name, program in PROGRAMS.items():
        (folder / "handlers" / (name + ".py")).write_text(program, encoding="utf-8")
    (folder / "handlers" / "__init__.py").write_text(menu(PROGRAMS), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def told(project):
    """What the server says at its start of each of AT_START, in order."""
    cases = []
    for row in AT_START:
        name = file_of(row)
        files = {"__init__.py": menu(["sum"] if name == "__init__" else [name]).encode()}
        text = PROGRAMS.get(name) or MENU
        files[name + ".py"] = with_the_mistake(text, *row[:2]).encode()
        cases.append(("sum" if name == "__init__" else name, files))
    return told_of(project, cases)


def test_nothing_of_the_document_is_left_out():
    assert list(PROGRAMS) == ["sum", "vote", "longest", "primes", "job"]
    assert {name for name, command, printed in SAMPLES} == set(PROGRAMS) - {"longest"}
    assert len(AT_START) == 11 and len(LATER) == 7 and len(ROWS) + 4 == len(re.findall(r"^\| `|^\|---", DOCUMENT.partition(
        "## Shared")[0], re.M)) + 2


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_service_as_it_is_typed_in(project, name):
    """As a process of its own, as a reader starts it; asked as she asks."""
    server = Server("-q", "--service", name, program=(str(project / "server.py"),))
    try:
        for service, command, printed in SAMPLES:
            arguments = shlex.split(command)
            if service == name:
                assert run_client(server.port, *arguments)[1] == re.sub("^    ", "", printed, flags=re.M)
        if name == "longest":
            command = re.search("After `python client.py (.*?)`", DOCUMENT).group(1)
            assert run_client(server.port, *shlex.split(command))[1] == "BYE\n" * 3
        assert server.stop() == 0
        if name == "longest":
            shown = re.sub("^    ", "", re.search(r"(    Listening .*\n)((    .*\n)+)", DOCUMENT).group(2),
                           flags=re.M)
            assert "\n" + shown in server.out.all()
        assert server.err.all() == ""
    finally:
        server.kill()


@pytest.mark.parametrize("row", range(len(AT_START)))
def test_a_mistake_that_is_told_at_the_start(told, row):
    assert told[row] == [1 if AT_START[row][2].startswith("handlers") else 2, "server.py: " + AT_START[row][2]]


@pytest.fixture
def handler_of(tmp_path, monkeypatch):
    """A function that returns the class in a *program*, which it puts into the file of this *name*."""
    (tmp_path / "handlers").mkdir()
    monkeypatch.setattr(blame, "ROOT", str(tmp_path))
    return functools.partial(load, tmp_path / "handlers")


def load(folder, name, program):
    path = folder / (name + ".py")
    path.write_text(program, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("handlers." + name, str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler = next(value for value in vars(module).values() if isinstance(value, type)
                   and issubclass(value, LineHandler) and value is not LineHandler)
    check_service(handler)
    return handler


@pytest.mark.parametrize("row", LATER, ids=lambda row: row[0][:20])
def test_a_mistake_that_shows_later(row, handler_of, caplog):
    caplog.set_level(logging.WARNING)
    name = file_of(row)
    message = re.search("message was '(.*)'|$", row[2]).group(1) or ("2 3.5" if name == "sum" else "Ana")
    handler = handler_of(name, with_the_mistake(PROGRAMS[name], row[0], row[1].replace("\\\\", "\\")))
    stuck = "has been at work" in row[2]
    with deaths_told(), handler.running(), serving(type("Handler", (handler,), {})) as server:
        with connect(server) as client:
            client.sendall(message.encode() + b"\n")
            reply = read_line(client)
            assert reply.startswith("ERR the service failed") or stuck or "thread" in row[2]
        if stuck:
            see_it_stuck(server, message, handler)
        wait_until(lambda: row[2] in caplog.text, row[2])


def see_it_stuck(server, message, handler):
    """Have the lookout look at a reply that does not come back; then let it come back."""
    lookout = Lookout(server)
    with connect(server) as client:
        client.sendall(message.encode() + b"\n")
        wait_until(calls_now)
        for now in 0, 1, 1 + LONG:
            lookout.look(now)
        handler.reply.__globals__["lock"].release()
        assert read_line(client) == "Ana has 2"


def votes_counted(handler, count):
    """Have *count* clients vote at once; return what the next one is told."""
    with serving(handler, max_threads=4) as server:
        assert "Replies {}, errors 0".format(count) in run_client(
            server.server_address[1], "--crowd", str(count), "Ana")[1]
        return int(re.fullmatch(r"Ana has (\d+)\n", run_client(server.server_address[1], "Ana")[1]).group(1))


def test_with_the_lock_no_vote_is_lost_and_without_it_some_are(handler_of):
    program = PROGRAMS["vote"]
    assert votes_counted(handler_of("vote", program), 60) == 61
    assert votes_counted(handler_of("vote", with_the_mistake(program, "with lock:", "if True:")), 60) < 61


def test_the_queue_survives_a_word_that_its_consumer_cannot_take(handler_of, caplog, capsys):
    program = with_the_mistake(PROGRAMS["longest"], "longest = word\n", "longest = word + str(1 / (word != 'bad'))\n")
    handler = handler_of("longest", program)
    with handler.running(), serving(handler) as server:
        for message in b"bad\n", b"good\n":
            with connect(server) as client:
                client.sendall(message)
                assert read_line(client) == "BYE"
        wait_until(lambda: "good" in capsys.readouterr().out)
    assert "This word is left out: 'bad'" in caplog.text


def test_the_service_stops_and_tells_its_clients_when_its_consumer_is_dead(handler_of):
    program = PROGRAMS["longest"].replace("iter(words.get, None)", "()").replace("1000)", "2)").replace(
        "timeout=5", "timeout=0.01").replace("timeout=1", "timeout=0.01")
    handler = handler_of("longest", program)
    with handler.running(), serving(handler) as server:
        with connect(server) as client:
            client.sendall(b"one two three\n")
            assert read_line(client) == "ERR too many words are waiting: send it again later"

