"""The examiner: each small wrong server in tests/servers/ is found by its own check, and accused of nothing
else; right ones of nothing but what is true."""

import ast
import concurrent.futures
import contextlib
import errno
import os
import re
import socket
import subprocess
import sys
import time
from unittest import mock

import pytest
from conftest import (ENVIRONMENT, PATIENCE, ROOT, Server, Terminal, free_port, needs_fork, needs_terminal,
                      pty, run_client, serving, text_of)

from engine import language
from handlers.uppercase import UppercaseHandler
from talk.examiner import pace, slots, wire
from talk.examiner.examination import examine
from talk.examiner.examinee import Examinee, Measures
from talk.examiner.ours import OwnProblem
from talk.examiner.relation import CAPITALS, CONTAINED, NUMBERED, OTHER, SAME, UNCHANGED, Relation
from talk.examiner.table import NEEDED, checks_of
from talk.examiner.verdicts import MEND, NOTE, OK

#: Shorter waits, and smaller crowds, than those of a user.
SHORT = dict(first=1.5, reply=0.5, quiet=0.25, gap=0.05, silent=0.6, rush=1.5, most=8, crowd=12)

#: A file in tests/servers/ -> the checks that find something to mend there: its own, and those that are
#: about the same. A server that serves one client at a time is told that, too.
WRONG = {
    "answers": ["answers"], "answers_a_length": ["answers"], "answers_a_question": ["answers"],
    "answers_at_the_end": ["answers"], "answers_others": ["answers"], "answers_never": ["answers"],
    "answers_with_an_exception": ["answers"], "never_reads": ["answers"], "ends_at_once": ["answers"],
    "greeting": ["greeting"], "greeting_without_an_end": ["greeting"],
    "line_feed": ["line feed"], "line_feed_and_more": ["line feed"],
    "closes": ["closes"], "closes_late": ["closes"], "closes_never": ["closes"],
    "second_message": ["second message"],
    "mixed_up": ["mixed up"], "mixed_up_messages": ["mixed up"], "sent_to_all": ["mixed up"],
    "pieces": ["waits", "pieces"], "last_piece": ["pieces"], "each_piece": ["half a letter"],
    "accents": ["accents"], "capitals_of_bytes": ["accents"], "half_a_letter": ["half a letter"],
    "two_lines": ["two lines"], "carriage_return": ["carriage return"],
    "long_message": ["long message"],
    "at_once": ["at once"], "silent_clients": [], "crowd": ["crowd"], "short_queue": [],
    "empty": ["at once", "empty"], "not_utf_8": ["at once", "not UTF-8"], "slots_lost": ["not UTF-8"],
    "no_word": ["at once", "no word"], "hang_up": ["hang-up"], "endless_loop": ["no word"],
    "reset": ["at once", "reset"], "slower": [], "unread": ["at once", "unread"],
    "missing_field": ["missing field"], "wrong_number": ["wrong number"],
    "wrong_number_kept": ["wrong number"], "empty_name": ["empty name"]}

#: What the last verdict on a server says that did not survive, and what it does not know.
FALLEN = {"empty": "has ended", "not_utf_8": "has ended", "no_word": "has ended", "reset": "has ended",
          "unread": "has ended", "slots_lost": "Perhaps each of them keeps its slot"}

#: Where more may be found, as it depends on the machine: a busy one sees a standstill.
PERHAPS = {"slower": ["reset"]}

#: Servers that then go on for ever, or are slow: for them the examination ends with their own check.
ENDLESS = {"endless_loop": "no word", "hang_up": "hang-up", "slower": "reset"}

#: Servers of temperatures.
READINGS = {"missing_field", "wrong_number", "wrong_number_kept", "empty_name"}

#: Those that a test of another kind asks for.
ALSO = {("slower", "mistake"), ("short_queue", "mistake"), ("each_piece", "mistake"), ("ends_at_once", "mistake"),
        ("--max-per-host 3 --work 0.05", "ours")}

#: So many are examined side by side: most of that is waiting, but not under Wine, where each process
#: is work.
SIDE_BY_SIDE = 6 if os.name == "nt" else 40

#: The options of a server.py -> the checks that find something to mend.
OURS = {"": [], "--max-threads 1": ["at once"], "--max-threads 0": [], "--keep-open": [],
        "--service temp": [], "--max-per-host 3 --work 0.05": []}


#: The steps in lesson/, of which only the first serves one client at a time. Processes need fork.
STEPS = sorted(path.name for path in (ROOT / "lesson").glob("*.py")
               if os.name != "nt" or "processes" not in path.name)


def start(name, kind):
    """Start the server of this *name* and *kind*: "mistake" or "mended", "ours", "step"."""
    if kind == "step":
        return Server(program=("lesson/" + name,), port="", stderr=subprocess.DEVNULL)
    if name in WRONG:
        return Server(program=("tests/servers/serve.py", name, kind), port="", stderr=subprocess.DEVNULL)
    return Server(*name.split(), "-q", stderr=subprocess.DEVNULL)


def connected(port, service="upper", **measures):
    return Examinee(socket.create_connection(("127.0.0.1", port), PATIENCE), service, Measures(**measures))


def verdicts_on(port, service="upper", start=None, last=None, **measures):
    """Return the verdicts on the server at *port*: check -> verdict; the first is the one called *start*,
    the last the one called *last*."""
    server, found = connected(port, service, **{**SHORT, **measures}), {}
    try:
        for check, verdict in examine(server, checks_of(service), start):
            found[check.name] = verdict
            if check.name == last:
                break
    finally:
        server.silent = []
        server.leave_all()
    return found


def to_mend(verdicts):
    return [name for name, verdict in verdicts.items() if verdict.mark == MEND]


def tried(started, name, kind):
    """Examine a server, *started* already if that is a future, and stop it; return the verdicts. Of a mended one it is enough to know that its own
    check finds nothing any more; and one that goes on for ever, on a processor of its own, is stopped then."""
    takes_readings = name in READINGS or "temp" in name or kind == "step" and re.search("lock|queue", name)
    service = "temp" if takes_readings else "upper"
    server = started.result() if started else start(name, kind)
    own = WRONG[name][-1] if name in WRONG and WRONG[name] else None
    try:
        return verdicts_on(server.port, service, own if kind == "mended" else None,
                           own if kind == "mended" else ENDLESS.get(name))
    finally:
        server.kill()


@pytest.fixture(scope="module")
def results(request):
    """What comes of all servers that are asked for, and of what else takes long, side by side: a name, or
    (name, kind) -> a future. Most of an examination is waiting."""
    cases = [item.callspec.params.get("case") for item in request.session.items if hasattr(item, "callspec")]
    wanted = ALSO.union(case for case in cases if isinstance(case, tuple))  # it is none where there are no steps
    wanted = sorted(wanted, key=lambda case: ["ours", "step", "mistake", "mended"].index(case[1]))  # the longest first
    with concurrent.futures.ThreadPoolExecutor(6) as pool:  # first, since to start a program is work
        started = {} if os.name == "nt" else {case: pool.submit(start, *case) for case in wanted}
    with contextlib.ExitStack() as stack:
        for future in started.values():
            if future.exception() is None:
                stack.callback(future.result().kill)
        stack.enter_context(mock.patch.object(slots, "FOR_EVER", 1.4))
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE))
        futures = {name: pool.submit(*job) for name, job in LONG.items()}
        futures.update((case, pool.submit(tried, started.get(case), *case)) for case in wanted)
        yield futures


# Wrong servers, and right ones


@pytest.mark.parametrize("case", [(name, "mistake") for name in WRONG], ids="-".join)
def test_a_mistake_is_found_by_its_own_check(results, case):
    found, name = results[case].result(), case[0]
    assert to_mend(found) in (WRONG[name], PERHAPS.get(name)), found
    if name in FALLEN:
        last = list(found)[-1]
        assert FALLEN[name] in found[last].text and '--from "{}"'.format(last) in found[last].text


@pytest.mark.parametrize("case", [(name, "mended") for name in WRONG], ids="-".join)
def test_where_it_is_mended_nothing_is_found(results, case):
    found, name = results[case].result(), case[0]
    assert to_mend(found) == [], found


@pytest.mark.parametrize("case", [(options, "ours") for options in OURS], ids="-".join)
def test_our_own_server_is_accused_of_nothing(results, case):
    found = results[case].result()
    assert to_mend(found) == OURS[case[0]], found
    assert len(found) >= len(checks_of("upper")) - 1


@pytest.mark.parametrize("case", [(name, "step") for name in STEPS], ids=str)
def test_the_steps_of_the_lesson_are_accused_of_nothing_but_what_is_true(results, case):
    found = results[case].result()
    assert to_mend(found) == (["at once"] if case[0].startswith("1_") else []), found


def test_a_server_that_becomes_slower_is_told_so(results):
    """A note. By how much, and after how many, depends on the machine: a busy one may see a standstill."""
    found = results["slower", "mistake"].result()["reset"]
    slower = "as long" in found.text
    assert found.mark == (NOTE if slower else MEND)
    assert re.match(r"After (a client whose connection|5 clients whose connections) broke \(a reset\) "
                    r"(a reply takes \d+ times as long: \d+\.\d ms\.|it answers nobody any more\.)", found.text)


def test_what_is_no_mistake_is_noted(results):
    found = results["short_queue", "mistake"].result()
    assert found["crowd"].mark == NOTE and "listen(12)" in found["crowd"].text
    found = results["each_piece", "mistake"].result()
    assert found["waits"].mark == NOTE and found["pieces"].mark == OK


def test_who_is_turned_away_is_not_taken_for_one_who_waits(results):
    found = results["--max-per-host 3 --work 0.05", "ours"].result()
    assert re.fullmatch("3 at a time; the next one is turned away: 'ERR too many .*'", found["at once"].text)
    assert found["crowd"].mark == NOTE and "were turned away with 'ERR" in found["crowd"].text


@pytest.mark.parametrize("kind, mark, told", [
    ("mistake", MEND, "4 that said nothing kept all others out for 1.5 s, and nothing ended that"),
    ("mended", OK, r"a client that says nothing is let go after \d[.]\d s")])
def test_silent_clients_that_stay_for_ever(results, kind, mark, told):
    found = results["watched for long", kind].result()["silent clients"]
    assert found.mark == mark and re.match(told, found.text), found


def watched_for_long(kind):
    """Examine a server that lets its silent clients go after a second, or never, for longer than that."""
    server = start("silent_clients", kind)
    try:
        return verdicts_on(server.port, start="silent clients", last="silent clients", silent=1.5)
    finally:
        server.kill()


def test_replies_that_change_are_not_taken_for_wrong_ones(results):
    found = results["a clock"].result()
    assert to_mend(found) == [] and "always with 'one'" in found["answers"].text


def examined_clock():
    """Examine a server that gives the same reply for a while, and then another one."""
    times = iter(["one", "one", "one", "two", "two", "three"] + ["four"] * 1000)

    class Clock(UppercaseHandler):
        def reply(self, message):
            return next(times)
    with serving(Clock) as server:
        return verdicts_on(server.server_address[1])


def test_a_greeting_that_comes_late_is_one_nevertheless(results):
    found = results["late"].result()
    assert to_mend(found) == ["greeting"] and "'Message: '" in found["greeting"].text


def examined_late_greeting():
    """Examine a server that asks for the message when that has already been sent, the first time."""
    class Late(UppercaseHandler):
        def setup(self):
            time.sleep(1.3 * SHORT["quiet"])
            self.request.sendall(b"Message: ")
            super().setup()
    with serving(Late) as server:
        return verdicts_on(server.server_address[1], last="greeting")


# The rules


@pytest.mark.parametrize("replies, kind", [
    ([("Ola 1001", "OLA 1001"), ("Ola 1002", "OLA 1002")], CAPITALS),
    ([("Ola 1001", "Ola 1001"), ("Ola 1002", "Ola 1002")], UNCHANGED),
    ([("Ola 1001", "OLA 1001"), ("Ola 1002", "> OLA 1002")], CONTAINED),
    ([("Ola 1001", "1001, hello"), ("Ola 1002", "1002, hello")], NUMBERED),
    ([("Ola 1001", "BYE"), ("Ola 1002", "BYE")], SAME),
    ([("Ola 1001", "12:00:01"), ("Ola 1002", "12:00:02")], OTHER)])
def test_the_relation_is_learned(replies, kind):
    relation = Relation(replies)
    assert relation.kind == kind and relation.tells_apart() == (kind < SAME)
    assert all(relation.fits(*pair) for pair in replies) and not relation.fits("Ola 1001", "")
    assert relation.fits("Ola 1001", replies[1][1]) == (kind >= SAME)  # another one's reply


def test_a_machine_that_is_slow_itself_is_not_taken_for_a_slow_server(monkeypatch):
    paces = []
    monkeypatch.setattr(pace, "pace", lambda server: paces.pop(0))

    def slowed(before, *after):
        server = type("", (), {"pace": pace.Pace(*before)})
        paces[:] = [pace.Pace(*each) for each in after]
        return pace.slowed(server)
    assert slowed((0.001, 0.0001), *[(0.2, 0.0001)] * 3) == 200
    assert slowed((0.001, 0.0001), *[(0.2, 0.02)] * 3) == 0  # both are slower
    assert slowed((0.001, 0.0001), (0.2, 0.0001), (0.001, 0.0001)) == 0  # it was for a moment
    assert slowed((0.0001, 0.0001), *[(0.004, 0.0001)] * 3) == 0  # so little may be chance


def test_its_own_shortages_are_not_the_servers_fault(upper_port, monkeypatch):
    def fail(number):
        def failing(*arguments):
            raise OSError(number, os.strerror(number))
        return failing
    server = connected(upper_port)
    for number, told in ((errno.EMFILE, "no more files"), (errno.ENOBUFS, "no more files")):
        with monkeypatch.context() as patch:
            patch.setattr(wire.socket, "socket", fail(number))
            with pytest.raises(OwnProblem, match=told + ".*server is not to blame"):
                wire.new_socket(socket.AF_INET)
    for number, told in ((errno.EADDRNOTAVAIL, "no free port left.*server is not to blame"),
                         (errno.ENETUNREACH, "between this machine and the server")):
        with pytest.raises(OwnProblem, match=told):
            server.open().leave()  # the first one is there already
            connection = wire.Connection(wire.new_socket(socket.AF_INET))
            connection.has_connected(number)
    server.leave_all()


@needs_fork
@pytest.mark.parametrize("most", [64, 200])
def test_the_limit_on_open_files(upper_port, most):
    import resource
    done = subprocess.run(
        [sys.executable, "client.py", "--port", str(upper_port), "--examine", "--from", "unread", "--timeout", "1"],
        cwd=str(ROOT), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, most)))
    if most >= 146:  # the limit is raised
        assert (done.returncode, done.stderr) == (0, b"")
    else:
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr == (b"This system lets the examiner open 64 files, but it needs 146: raise the limit "
                               b"(ulimit -n). The server is not to blame.\n")


def test_the_table_can_be_read():
    names = [check.name for check in checks_of("temp")]
    assert len(names) == len(set(names)) == 26 and len(checks_of("upper")) == 22
    assert names[:NEEDED] == ["answers", "greeting", "line feed", "closes"]


# As a user does


def as_a_user_does(*options):
    server = start("pieces", "mistake")
    try:
        return (server.port, *run_client(server.port, "--examine", "--timeout", "1", *options, timeout=60))
    finally:
        server.kill()


def test_as_a_user_does(results):
    port, status, out, err = results["a user"].result()
    lines = out.splitlines()
    assert (status, err) == (1, "")
    assert lines[0] == ("Examining the server at 127.0.0.1:{}. This may bring it down: do it to a server of your "
                        "own. It takes some 20 s; Ctrl+C ends it.".format(port))
    assert len(lines) == 23 and "ok    answers          a line is answered: in capitals (" in lines[1]
    assert re.match("MEND  pieces           A message that came in two pieces was answered as 'OLA 1'", lines[7])
    assert re.fullmatch(r"\d+ ok, 2 to mend, \d to note, in \d+\.\d s\.", lines[-1])


def test_it_goes_on_where_it_is_told_to_and_in_portuguese(upper_port):
    for name in "hang-up", "Foi embora":
        status, out, err = run_client(upper_port, "--examine", "--from", name, "--lang", "pt")
        lines = out.splitlines()
        assert (status, err, len(lines)) == (0, "", 1 + NEEDED + 3 + 1)
        assert lines[1].startswith("ok        responde          uma linha é respondida: em maiúsculas (")
        assert lines[5].startswith("ok        foi embora        depois de 5 clientes que foram embora no meio ")
        assert lines[0].startswith("Examinando o servidor em ") and "derrubá-lo" in lines[0]


def test_the_answers_to_temperatures(start_server):
    server = start_server("--service", "temp")
    status, out, err = run_client(server.port, "--examine", "--service", "temp", "--from", "query")
    assert (status, err) == (0, "")
    assert re.search("^ok    query            '[?]Ola 10[0-9]+' is answered with that reading$", out, re.M)
    assert re.search("^ok    wrong number     a wrong number, 'Ola [0-9]+,quente,24', is refused: 'ERR ", out, re.M)
    status, out, err = run_client(server.port, "--examine", "--from", "unread")
    assert re.search("^note  answers .*For a server of temperatures there is --service temp", out, re.M)


def test_who_answers_capitals_is_no_server_of_temperatures(upper_port):
    status, out, err = run_client(upper_port, "--examine", "--service", "temp", "--from", "unread")
    assert re.search("^note  answers .*it is no server of temperatures", out, re.M)


def test_nobody_there():
    port = free_port()
    assert run_client(port, "--examine") == (
        1, "", "Cannot reach 127.0.0.1:{}: connection refused. Is the server running there? Check --host and "
               "--port.\n".format(port))


def test_a_server_that_ends_with_its_first_client(results):
    assert results["ends_at_once", "mistake"].result()["answers"].text == (
        "Its first client was not answered, and it has ended: its screen shows the exception.")


@pytest.mark.parametrize("arguments, told", [
    (["--from", "hang-up"], "--from is about an examination"), (["--examine", "x"], "without MESSAGE"),
    (["--examine", "--crowd", "3"], "without MESSAGE"), (["--examine", "--keep-open"], "without MESSAGE"),
    (["--examine", "--from", "nothing"], "answers, greeting, line feed, "),
    (["--examine", "--from", "query"], "the name of a check")])
def test_wrong_usage(arguments, told):
    status, out, err = run_client(1, *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1) and told in err


def on_a_terminal():
    """Examine a server on a terminal, and end that where it takes long; return the exit status and all
    that came."""
    if pty is None:
        return None
    server = start("silent_clients", "mistake")
    try:
        terminal = Terminal("--port", str(server.port), "--examine", "--from", "at once", COLUMNS="60", LINES="24")
        terminal.wait_for(r"at once \.\.\. \d s")
        terminal.type("\x03")
        return terminal.end()[0], terminal.came.replace("^C", "")
    finally:
        server.kill()


@needs_terminal
def test_on_a_terminal_lines_fit_and_what_takes_long_is_shown(results):
    status, came = results["a terminal"].result()
    assert status == 1 and "Interrupted: the rest was not examined." in came
    shown = re.sub(r"\r +\r", "", came).replace("\r", "")
    assert re.search("note  closes           after its reply it closes the\n {23}connection, as the lesson's", shown)


def test_the_one_file_has_it(tmp_path, upper_port):
    one_file = tmp_path / "client.pyz"
    subprocess.run([sys.executable, "client.py", "--one-file", str(one_file)], cwd=str(ROOT), env=ENVIRONMENT,
                   check=True)
    done = subprocess.run([sys.executable, str(one_file), "--port", str(upper_port), "--examine", "--from",
                           "unread", "--lang", "pt"], env=ENVIRONMENT, cwd=str(tmp_path),
                          stdout=subprocess.PIPE, timeout=60)
    assert done.returncode == 0 and "\nok        não leu           depois de 5 " in text_of(done.stdout)


#: What else takes long: a name -> a function and its arguments.
LONG = {"a user": (as_a_user_does,), "um usu\u00e1rio": (as_a_user_does, "--lang", "pt"),
        "a terminal": (on_a_terminal,), "a clock": (examined_clock,), "late": (examined_late_greeting,),
        ("watched for long", "mistake"): (watched_for_long, "mistake"),
        ("watched for long", "mended"): (watched_for_long, "mended")}


# The document


DOCUMENTS = {"en": "examine.md", "pt": "examine.pt-BR.md"}


def sections_of(spoken):
    """Return the checks in a document, in order: (name, its blocks of Python)."""
    text = (ROOT / "docs" / DOCUMENTS[spoken]).read_text(encoding="utf-8")
    parts = re.split("^### `(.*)`$", text, flags=re.M)[1:]
    return [(name, re.findall(r"^```python\n([\s\S]*?)^```$", body, re.M))
            for name, body in zip(parts[::2], parts[1::2])]


def functions_of(name):
    """Return the functions in a file of tests/servers: name -> its lines."""
    source = (ROOT / "tests" / "servers" / (name + ".py")).read_text(encoding="utf-8")
    return {node.name: source.splitlines()[node.lineno - 1:node.end_lineno]
            for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("spoken", DOCUMENTS)
def test_the_document_has_all_checks_in_their_order(spoken):
    names = [language.catalogue(spoken).gettext(check.name) for check in checks_of("temp")]
    assert [name for name, blocks in sections_of(spoken)] == names
    assert [blocks for name, blocks in sections_of(spoken)] == [blocks for name, blocks in sections_of("en")]


@pytest.mark.skipif(sys.version_info < (3, 8), reason="end_lineno")
@pytest.mark.parametrize("check, blocks", [section for section in sections_of("en") if section[1]])
def test_the_mistake_in_eight_lines_and_its_mending_in_three(check, blocks):
    """What stands there is a server of ours, and one that this check finds something in."""
    mistake = blocks[0].replace("def serve(", "def mistake(", 1).splitlines()
    name = next(name for name in WRONG if functions_of(name)["mistake"] == mistake)
    assert not WRONG[name] or WRONG[name][-1] == check
    mending = [line for line in blocks[1].splitlines() if "..." not in line]
    mended = functions_of(name)["mended"]
    assert len(mistake) <= 8 and len(mending) <= 3
    assert [line for line in mended if line in mending] == mending
    known = {line.strip() for line in mistake + mending}
    assert all(line.strip() in known for line in mended[1:])


@pytest.mark.parametrize("spoken, job", [("en", "a user"), ("pt", "um usu\u00e1rio")])
def test_the_report_in_the_document_is_what_comes_out(results, spoken, job):
    port, status, out, err = results[job].result()
    text = (ROOT / "docs" / DOCUMENTS[spoken]).read_text(encoding="utf-8")
    for line in out.replace(":{}".format(port), ":50000").splitlines():
        pattern = re.sub(r"\d+(\\?[.,]\d+)?", r"\\d+([.,]\\d+)?", re.escape(line))
        assert re.search("^    " + pattern + "$", text, re.M), line


@pytest.mark.skipif(os.name == "nt", reason="a loop of a shell")
@pytest.mark.parametrize("spoken, told", [("en", "something to mend"), ("pt", "algo a corrigir")])
def test_the_teachers_loop(upper_port, tmp_path, spoken, told):
    """One server that is right, at two addresses of this machine; at a third there is none."""
    text = (ROOT / "docs" / DOCUMENTS[spoken]).read_text(encoding="utf-8")
    loop = re.search("^    for host in .*?^    done$", text, re.M | re.S).group()
    (tmp_path / "hosts.txt").write_text("127.0.0.1\nlocalhost\nno-such-host.invalid\n")
    program = "{} {} --port {} --from unread".format(sys.executable, ROOT / "client.py", upper_port)
    done = subprocess.run(["sh", "-c", loop.replace("python client.py", program)], cwd=str(tmp_path),
                          env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    assert text_of(done.stdout) == "no-such-host.invalid: {}\n".format(told)
    assert "unread" in (tmp_path / "localhost.txt").read_text(encoding="utf-8")
