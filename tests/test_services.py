"""docs/services.md: each service in it is typed in as it stands there, and what is said there is said.

Its Portuguese twin has the same programs, with texts in Portuguese: of those only what differs is tried.
"""

import ast
import contextlib
import functools
import importlib.util
import io
import logging
import re
import shlex
import types

import pytest
from conftest import ROOT, Server, ask, connect, needs_processes, read_line, run_client, serving, wait_until
from trying import copy_of_the_project, told_of

from engine import blame, language
from engine.calls import calls_now
from engine.deaths import deaths_told
from engine.lookout import STUCK_AFTER, Lookout
from engine.output import Translated
from handlers.checks.service import check_service
from handlers.lines import LineHandler

class Document:
    """What stands in a document, in the language *spoken*.

    - ``programs``: the services, name of the file -> program;
    - ``samples``: under each service a command, and what it prints;
    - ``rows``: the tables of mistakes: in place of what, what is written, what is said.
    """

    def __init__(self, spoken, name):
        self.spoken, self.text = spoken, (ROOT / "docs" / name).read_text(encoding="utf-8")
        self.programs = dict(re.findall(
            r"(?:[Tt]he file|O arquivo)\s+`(\w+)\.py`:\n\n```python\n([\s\S]*?)^```$", self.text, re.M))
        self.samples = [
            (name, command, printed) for name, program in self.programs.items()
            for command, printed in re.findall(
                r"^    \$ python client.py (.*)\n((?:    [^$].*\n)+)",
                re.split("Now vote|Agora vote|\n## ", self.text.partition(program)[2])[0], re.M)]
        self.rows = re.findall(r"^\| `(.*?)` \| (?:`(.*?)`|nothing|nada) \| `(.*)` \|$", self.text, re.M)
        self.at_start = [row for row in self.rows if re.match(
            r"handlers/\w+\.py, (line|linha) \d+: (?!reply\(\) (returned|retornou))|argument|opção", row[2])]
        self.later = [row for row in self.rows if row not in self.at_start]

    def file_of(self, row):
        """Return the name of the file in which a mistake is made."""
        return next(name for name in [*self.programs, "__init__"]
                    if row[0] in (self.programs.get(name) or MENU))


ENGLISH, PORTUGUESE = Document("en", "services.md"), Document("pt", "services.pt-BR.md")
FAILED = "ERR the service failed on this message: its log says why"

BOTH = pytest.mark.parametrize("document", [ENGLISH, PORTUGUESE], ids=["en", "pt"])

DOCUMENT, PROGRAMS, SAMPLES = ENGLISH.text, ENGLISH.programs, ENGLISH.samples


def with_the_mistake(text, right, wrong):
    """Return *text* with what is *wrong* in place of what is *right*; without the line, if nothing is."""
    assert text.count(right) == 1 or not wrong, right
    return text.replace(right, wrong, 1) if wrong else re.sub(" *" + re.escape(right) + "\n", "", text, count=1)


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
    """What the server says at its start of each of ``at_start``, in order: language -> results."""
    return {document.spoken: told_of(project, [case_of(document, row) for row in document.at_start],
                                     document.spoken) for document in (ENGLISH, PORTUGUESE)}


def case_of(document, row):
    """Return the service that is started for a mistake, and the files that are written for it."""
    name = document.file_of(row)
    files = {"__init__.py": menu(["sum"] if name == "__init__" else [name]).encode()}
    files[name + ".py"] = with_the_mistake(document.programs.get(name) or MENU, *row[:2]).encode()
    return "sum" if name == "__init__" else name, files


@BOTH
def test_nothing_of_the_document_is_left_out(document):
    assert list(document.programs) == ["sum", "vote", "longest", "primes", "job"]
    assert {name for name, command, printed in document.samples} == set(PROGRAMS) - {"longest"}
    assert (len(document.at_start), len(document.later)) == (11, 7)
    assert len(document.rows) + 2 == len(re.findall(r"^\| `|^\|---", re.split(
        "## Shared|## Estado", document.text)[0], re.M))


def test_the_mistakes_in_both_languages_are_the_same():
    assert [row[:2] for row in ENGLISH.rows] == [row[:2] for row in PORTUGUESE.rows]


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs_processes) if "Pool" in PROGRAMS[name] else name
                                  for name in PROGRAMS])
def test_a_service_as_it_is_typed_in(project, name):
    """As a process of its own, as a reader starts it; asked as the reader asks."""
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


def without_texts(program):
    """Return the syntax tree of a *program* as text, with no texts in it, and so no docstrings."""
    tree = ast.parse(program)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_service_in_portuguese(name, handler_of, monkeypatch, capsys):
    """The same program, which says in Portuguese what stands there; here it has no processes."""
    program = PORTUGUESE.programs[name]
    assert without_texts(program) == without_texts(PROGRAMS[name]) and program != PROGRAMS[name]
    here = types.SimpleNamespace(call=lambda function, *arguments: function(*arguments))
    monkeypatch.setattr("engine.processes.Pool", lambda count: contextlib.nullcontext(here))
    samples = [sample[1:] for sample in PORTUGUESE.samples if sample[0] == name]
    shown = ""
    if name == "longest":
        samples = [(re.search("Depois de `python client.py (.*?)`", PORTUGUESE.text).group(1), "BYE\n" * 3)]
        shown = re.search(r"    Ouvindo em .*\n((    .*\n)+)", PORTUGUESE.text).group(1)
    handler = handler_of(name, program)
    with handler.running(), serving(handler) as server:
        for command, printed in samples:
            replies = [ask(server, message.encode() + b"\n").decode() for message in shlex.split(command)]
            assert "".join(replies) == re.sub("^    ", "", printed, flags=re.M)
    assert capsys.readouterr().out == re.sub("^    ", "", shown, flags=re.M)


@pytest.mark.parametrize("row", range(len(ENGLISH.at_start)))
@BOTH
def test_a_mistake_that_is_told_at_the_start(told, document, row):
    said = document.at_start[row][2]
    assert told[document.spoken][row] == [1 if said.startswith("handlers") else 2, "server.py: " + said]


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


@pytest.mark.parametrize("document, row", [
    pytest.param(document, row, id="{}-{}".format(document.spoken, row[0][:20]))
    for document in (ENGLISH, PORTUGUESE) for row in document.later])
def test_a_mistake_that_shows_later(document, row, handler_of, caplog, monkeypatch):
    monkeypatch.setattr(language, "_chosen", language.catalogue(document.spoken))
    monkeypatch.setattr(caplog.handler, "formatter", Translated())
    caplog.set_level(logging.WARNING)
    name = document.file_of(row)
    message = re.search("(?:message was|mensagem era) '(.*)'|$", row[2]).group(1) or (
        "2 3.5" if name == "sum" else "Ana")
    wrong = row[1].replace("\\\\", "\\")
    handler = handler_of(name, with_the_mistake(document.programs[name], row[0], wrong))
    stuck = "acquire" in row[1]
    with deaths_told(), handler.running(), serving(type("Handler", (handler,), {})) as server:
        with connect(server) as client:
            client.sendall(message.encode() + b"\n")
            reply = read_line(client)
            assert reply == language._(FAILED) or stuck or "thread" in row[2]
        if stuck:
            see_it_stuck(server, message, handler, "Ana tem 2" if document is PORTUGUESE else "Ana has 2")
        wait_until(lambda: row[2] in caplog.text, row[2])


def see_it_stuck(server, message, handler, expected):
    """Have the lookout look at a reply that does not come back; then let it come back, as is *expected*."""
    lookout = Lookout(server)
    with connect(server) as client:
        client.sendall(message.encode() + b"\n")
        wait_until(calls_now)
        for now in 0, 1, 1 + STUCK_AFTER:
            lookout.look(now)
        handler.reply.__globals__["lock"].release()
        assert read_line(client) == expected


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


def test_the_queue_survives_a_word_that_its_consumer_cannot_take(handler_of, caplog):
    program = with_the_mistake(PROGRAMS["longest"], "longest = word\n", "longest = word + str(1 / (word != 'bad'))\n")
    handler, out = handler_of("longest", program), io.StringIO()
    with contextlib.redirect_stdout(out), handler.running(), serving(handler) as server:
        for message in b"bad\n", b"good\n":
            with connect(server) as client:
                client.sendall(message)
                assert read_line(client) == "BYE"
        wait_until(lambda: "good" in out.getvalue())
    assert "This word is left out: 'bad'" in caplog.text


def test_the_service_stops_and_tells_its_clients_when_its_consumer_is_dead(handler_of):
    program = PROGRAMS["longest"].replace("iter(words.get, None)", "()").replace("1000)", "2)").replace(
        "timeout=5", "timeout=0.01").replace("timeout=1", "timeout=0.01")
    handler = handler_of("longest", program)
    with handler.running(), serving(handler) as server:
        with connect(server) as client:
            client.sendall(b"one two three\n")
            assert read_line(client) == "ERR too many words are waiting: send it again later"

