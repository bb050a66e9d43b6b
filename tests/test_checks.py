"""handlers/checks/, engine/loading.py, engine/running.py: what a service's writer is told at the start.

Each mistake is made in a file of its own, in a copy of the project, as a student would make it.
"""

import contextlib
import io
import re
import subprocess
import sys
import threading

import pytest
from conftest import ENVIRONMENT, PATIENCE, ROOT, Server, run_client, wait_until
from trying import copy_of_the_project, run, told_of

from engine import language
from engine.errors import CannotStart
from engine.loading import slowness_told
from engine.running import running
from handlers import SERVICES
from handlers.checks.menu import check_menu
from handlers.checks.service import check_service
from handlers.lines import LineHandler

MENU = """from handlers.reverse import ReverseHandler
from handlers.uppercase import UppercaseHandler

SERVICES = {
    "upper": UppercaseHandler,
    "reverse": ReverseHandler,
}
"""

REVERSE = """import contextlib

from handlers.lines import LineHandler


class ReverseHandler(LineHandler):
    timeout = 5

    def reply(self, message):
        return message[::-1]
"""

BODY = "    timeout = 5\n\n    def reply(self, message):\n        return message[::-1]\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project, with a student's service in it."""
    folder = copy_of_the_project(tmp_path_factory.mktemp("project"))
    (folder / "handlers" / "reverse.py").write_text(REVERSE, encoding="utf-8")
    (folder / "handlers" / "__init__.py").write_text(MENU, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def told(project):
    """What is said of each of CASES, in order."""
    return told_of(project, [
        (case.get("service", "reverse"),
         {"reverse.py": case.get("reverse", REVERSE).encode("latin-1" if number == LATIN_1 else "utf-8"),
          "__init__.py": case.get("menu", MENU).encode()}) for number, (case, *_) in enumerate(CASES)])


def with_lines(*lines):
    """Return a service with these *lines* in place of its own."""
    return REVERSE.replace(BODY, "".join("    {}\n".format(line) for line in lines))


def entry(text, *imports):
    """Return the menu with this *text* in place of the class of that service, and more *imports*."""
    return "".join(each + "\n" for each in imports) + MENU.replace("\"reverse\": ReverseHandler", text)


REVERSES, MENUS = "server.py: handlers/reverse.py, ", "server.py: handlers/__init__.py"

#: What somebody writes, with which exit status the program ends, and how what it says begins: a pattern.
CASES = [
    # While the file is loaded
    ({"reverse": REVERSE.replace("-1]", "-1")}, 1, REVERSES + r"line 1[01]: SyntaxError: .+"),
    ({"reverse": REVERSE.replace("        return", "return")}, 1,
     REVERSES + r"line 10: IndentationError: expected an indented block.*, in 'return message\[::-1\]'$"),
    ({"reverse": REVERSE.replace("import LineHandler", "import LineHander")}, 1,
     REVERSES + "line 3: ImportError: cannot import name 'LineHander' from 'handlers.lines'$"),
    ({"reverse": REVERSE.replace("contextlib", "nothing_of_this_name")}, 1,
     REVERSES + "line 1: ModuleNotFoundError: No module named 'nothing_of_this_name'$"),
    ({"reverse": REVERSE.replace("(LineHandler)", "(LineHandlers)")}, 1,
     REVERSES + "line 6: NameError: name 'LineHandlers' is not defined"),
    ({"reverse": REVERSE + "exit()\n"}, 1,
     REVERSES + "line 11: the program is ended here, while it loads its services: leave that line out$"),
    ({"reverse": REVERSE.replace("    timeout = 5", "    name = 'ação'")}, 1,
     REVERSES + r"line \d+: SyntaxError: (?i:.*utf-8.*)Save the file in UTF-8$"),
    ({"reverse": REVERSE.replace("handlers.lines", "handlers.line")}, 1,
     REVERSES + "line 3: there is no file handlers/line.py. Perhaps handlers/lines.py$"),
    # Before the first client
    ({"reverse": with_lines("def reply(message):", "    return message")}, 1,
     REVERSES + r"line 7: reply\(\) is called with a message alone: .*, not reply\(message\)$"),
    ({"reverse": REVERSE.replace("timeout = 5", "timeout = '5'")}, 1,
     REVERSES + "line 7: timeout = '5': expected seconds from 0.001 to 86400$"),
    ({"reverse": with_lines("@contextlib.contextmanager", "def running(self):", "    yield") + BODY}, 1,
     REVERSES + "line 7: write three lines, one below the other: @classmethod, @contextlib.contextmanager, "),
    ({"reverse": REVERSE.replace("(LineHandler)", "")}, 1,
     REVERSES + r"line 6: ReverseHandler is no LineHandler: write class ReverseHandler\(LineHandler\)$"),
    ({"reverse": with_lines("@classmethod", "@contextlib.contextmanager", "def running(cls):",
                            "    open('no such file')", "    yield") + BODY}, 1,
     REVERSES + r"line 10: FileNotFoundError: \[Errno 2\] No such file or directory: 'no such file'$"),
    ({"reverse": REVERSE.replace("    def", "def").replace("        return", "    return")}, 1,
     REVERSES + r"line 9: reply\(\) stands outside of ReverseHandler: put it into the class, four spaces to the right$"),
    # The menu
    ({"menu": MENU.replace("handlers.reverse", "handlers.revers")}, 1,
     MENUS + ", line 1: there is no file handlers/revers.py. Perhaps handlers/reverse.py$"),
    ({"menu": entry("'reverse': ReverseHandler()")}, 1,
     MENUS + ", line 6: the server makes an object for each client: write the class, without parentheses$"),
    ({"menu": entry("'reverse': 'ReverseHandler'")}, 1,
     MENUS + ", line 6: 'ReverseHandler' in SERVICES is a text: write the class, without quotes, and import"),
    ({"menu": entry("'reverse': ReverseHandler.reply")}, 1, MENUS + ", line 6: 'reverse' in SERVICES is <function"),
    ({"menu": entry("'reverse': reverse", "from handlers import reverse")}, 1,
     MENUS + ", line 7: handlers.reverse in SERVICES is a module: write the class in it, such as ReverseHandler$"),
    ({"menu": entry("ReverseHandler: ReverseHandler")}, 1,
     MENUS + ", line 6: the name ReverseHandler in SERVICES is no text: write it in quotes"),
    ({"menu": entry("reverse: ReverseHandler").replace("from", "import handlers.reverse as reverse\nfrom", 1)}, 1,
     MENUS + ", line 7: the name reverse in SERVICES is no text: write it in quotes"),
    ({"menu": entry("7: ReverseHandler")}, 1, MENUS + ", line 6: the name 7 in SERVICES is no text: write it"),
    ({"menu": entry("ReverseHandler")}, 1, MENUS + ", line [67]: SyntaxError: "),
    ({"menu": "SERVICES = ['upper']\n"}, 1, MENUS + ": SERVICES is list: expected a dict, with a name and a class"),
    ({"menu": entry("")}, 1, MENUS + ", line 6: SyntaxError: "),
    ({"menu": entry("'reverse': BackwardsHandler")}, 1, MENUS + ", line 6: NameError: name 'BackwardsHandler'"),
    # A name that has no line there
    ({"menu": entry("'other': UppercaseHandler")}, 2,
     r".*SERVICES in handlers/__init__.py has no line for 'reverse', only for other, upper; "
     "handlers/reverse.py is there: import its class, and put a line for it there. See server.py --help.$"),
    ({"menu": entry("'backwards': ReverseHandler")}, 2,
     ".* has no line for 'reverse', only for backwards, upper; the service of handlers/reverse.py has the name "
     "backwards. See"),
    *[({"service": name}, 2, ".* has no line for '{}', only for reverse, upper. See".format(name))
      for name in ("nothing", "lines", "dashboard", "../reverse")],
    ({"service": "reverse"}, 0, "")]

#: The case whose file is not in UTF-8.
LATIN_1 = 6


@pytest.mark.parametrize("number", range(len(CASES)))
def test_a_mistake_is_told_in_one_line(told, number):
    case, status, pattern = CASES[number]
    assert told[number][0] == status and "\n" not in told[number][1]
    assert re.match(pattern, told[number][1]), told[number][1]


def test_the_program_says_it_in_portuguese_and_nothing_else(project):
    (project / "handlers" / "wrong.py").write_text(REVERSE.replace("5", "None"), encoding="utf-8")
    (project / "handlers" / "__init__.py").write_text(MENU.replace(".reverse", ".wrong"), encoding="utf-8")
    try:
        assert run(project, "server.py", "--service", "reverse", language="pt_BR") == (
            1, "server.py: handlers/wrong.py, linha 7: timeout = None: deve ser segundos de 0.001 a 86400\n")
    finally:
        (project / "handlers" / "__init__.py").write_text(MENU, encoding="utf-8")


def test_what_is_right_is_served(project):
    server = Server("--service", "reverse", program=(str(project / "server.py"),))
    try:
        assert run_client(server.port, "olleh") == (0, "hello\n", "")
    finally:
        server.kill()


def test_the_client_asks_for_less(upper_port):
    status, out, err = run_client(upper_port, "--service", "reverse", "hello")
    assert (status, out) == (2, "") and "Leave --service out" in err and err.count("\n") == 1


# Each kind, in this process


class Good(LineHandler):
    def reply(self, message):
        return message


def handler(**attributes):
    return type("Handler", (Good,), {"__module__": __name__, **attributes})


async def later(self, message):
    return message


def in_parts(self, message):
    yield message


def takes_three(self, message, client):
    return message


def takes_any(self, *messages, **options):
    return messages[0]


@contextlib.contextmanager
def around(cls):
    yield


def without_a_yield(cls):
    return None


def without_super(self, *args):
    self.hits = 0


def with_super(self, *args):
    super(Good, self).__init__(*args)


def calls_it_elsewhere(self, *args):
    self.prepare(*args)


def of_nothing(self):
    self.hits = 0


@pytest.mark.parametrize("attributes, said", [
    ({"reply": later}, "an async reply() returns no str: write def reply(self, message)"),
    ({"reply": in_parts}, "reply() has a yield in it, so it returns no str: write return"),
    ({"reply": takes_three}, "write def reply(self, message), not reply(self, message, client)"),
    ({"reply": "text"}, "reply is no method: write def reply(self, message)"),
    ({"reply": staticmethod(takes_three)}, "not reply(self, message, client)"),
    ({"reply": takes_any}, None), ({"reply": lambda self, message: message}, None),
    ({"reply": staticmethod(lambda message: message)}, None), ({"reply": classmethod(later)}, "an async reply()"),
    ({"reply": staticmethod(str.upper)}, None), ({"reply": str}, None),
    ({"reply": LineHandler.reply}, "Handler has no reply(): write def reply(self, message) in it"),
    ({"reply": LineHandler.reply, "handle": takes_any}, None),
    ({"running": around}, "write three lines"), ({"running": classmethod(in_parts)}, "write three lines"),
    ({"running": contextlib.contextmanager(classmethod(in_parts))}, "write three lines"),
    ({"running": classmethod(contextlib.contextmanager(without_a_yield))}, "there is no yield in running()"),
    ({"running": classmethod(around)}, None), ({"running": staticmethod(around)}, None),
    ({"running": classmethod(without_a_yield)}, None),  # it may return a context manager
    ({"__init__": of_nothing}, "takes other arguments than a handler gets: leave __init__ out of it"),
    ({"__init__": without_super}, "this __init__() calls no super().__init__(), so no client is served"),
    ({"__init__": with_super}, None), ({"__init__": calls_it_elsewhere, "prepare": with_super}, None),
    ({"timeout": None}, "timeout = None: expected seconds from 0.001 to 86400"),
    ({"timeout": float("inf")}, "timeout = inf: expected"), ({"timeout": float("nan")}, "timeout = nan: expected"),
    ({"timeout": True}, "timeout = True: expected"), ({"timeout": 0}, "timeout = 0: expected"),
    ({"timeout": 5}, None), ({"max_line": None}, "max_line = None: expected a whole number from 1 to 2147483647"),
    ({"max_line": 1.5}, "max_line = 1.5"), ({"max_line": 100}, None),
    ({"keep_open": "no"}, "keep_open = 'no': expected True or False"), ({"waits": 0}, "waits = 0: expected True"),
    ({"work": "1"}, "work = '1': expected seconds from 0 to 86400"), ({"work": 0.5}, None),
    ({"compute": 1}, "compute = 1: expected None, or a Computation of engine.effort")])
def test_what_is_wrong_with_a_class(attributes, said):
    if said is None:
        check_service(handler(**attributes))
        return
    with pytest.raises(CannotStart, match=re.escape(said)) as caught:
        check_service(handler(**attributes))
    assert "tests/test_checks.py" in str(caught.value)


class WithAWrongLimit(Good):
    """The line that is named is that of the attribute."""

    max_line = (
        None)


def test_the_line_of_an_attribute():
    with pytest.raises(CannotStart) as caught:
        check_service(WithAWrongLimit)
    line = int(re.match(r"tests/test_checks.py, line (\d+): max_line", str(caught.value)).group(1))
    source = (ROOT / "tests" / "test_checks.py").read_text(encoding="utf-8").splitlines()
    assert source[line - 1] == "    max_line = ("


def test_the_services_here_can_be_ones():
    check_menu(SERVICES)
    for each in SERVICES.values():
        check_service(each)


def test_who_makes_no_mistake_does_not_wait_for_what_finds_the_lines():
    """To load these would take as long as all our rooms. (In Python 3.14 logging itself does.)"""
    done = subprocess.run([sys.executable, "-c", "import sys, logging; theirs = set(sys.modules); "
                           "import server; server.options_of([]); "
                           "print({'inspect', 'dis', 'ast', 'difflib'} & set(sys.modules) - theirs)"],
                          cwd=str(ROOT), env=ENVIRONMENT, stdout=subprocess.PIPE, check=True)
    assert done.stdout.strip() == b"set()"


# running()


class Ending:
    """A context manager that fails where it is told."""

    def __init__(self, at):
        self.at = at

    def __enter__(self):
        if self.at == "start":
            raise ValueError("at the start")

    def __exit__(self, *error):
        if self.at == "end":
            raise ValueError("at the end")


@pytest.mark.parametrize("manager, said", [
    (None, "running() of Handler returned None: expected a context manager."),
    (Ending("start"), r"tests/test_checks.py, line \d+: ValueError: at the start")])
def test_a_service_that_cannot_run(manager, said):
    with pytest.raises(CannotStart, match=said if isinstance(manager, Ending) else re.escape(said)):
        with running(handler(running=lambda: manager)):
            raise AssertionError("it runs")


def test_a_service_that_fails_at_its_end_is_logged_and_the_program_goes_on(caplog):
    with running(handler(running=lambda: Ending("end"))):
        assert not caplog.text
    assert "running() failed while it ended the service." in caplog.text
    frames = re.findall(r'File ".*?(\w+\.py)"', caplog.text)
    assert frames == ["test_checks.py"]


def test_a_failure_in_between_is_not_the_services():
    with pytest.raises(KeyError):
        with running(handler(running=lambda: Ending(None))):
            raise KeyError


@pytest.mark.parametrize("limit, text, method", [
    ("SLOW_BEGIN", "beginning", "__enter__"), ("SLOW_END", "end", "__exit__")])
def test_where_a_service_is_that_does_not_begin_or_end(monkeypatch, limit, text, method):
    said, told = threading.Event(), []
    monkeypatch.setattr("engine.running." + limit, 0.01)
    monkeypatch.setattr("engine.running.log.warning", lambda text, *values: (told.append(text % values),
                                                                            said.set()))
    slow = type("Slow", (Ending,), {method: lambda *details: said.wait(PATIENCE)})
    with running(handler(running=lambda: slow(None))):
        pass
    assert len(told) == 1 and re.fullmatch(r"running\(\) has been at the {} of the service for 0.01 s: "
                                           r"tests/test_checks.py, line \d+".format(text), told[0])


def test_where_a_file_is_that_does_not_come_to_its_end(monkeypatch):
    """And what is said of one that does: nothing."""
    out = io.StringIO()
    with contextlib.redirect_stderr(out):
        with slowness_told():
            pass
        assert not out.getvalue()
        monkeypatch.setattr("engine.loading.PATIENCE", 0.01)
        with slowness_told():
            wait_until(out.getvalue)
    assert re.fullmatch(r"server\.py: tests/\w+\.py, line \d+: this has been at work for 0\.01 s: "
                        r"what stands outside of functions, and what that calls, runs at the start\n", out.getvalue())


def test_texts_of_checks_are_translated(monkeypatch):
    monkeypatch.setattr(language, "_chosen", language.catalogue("pt"))
    with pytest.raises(CannotStart, match="reply.* é chamado só com a mensagem"):
        check_service(handler(reply=takes_three))
