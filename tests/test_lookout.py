"""engine/lookout.py, calls.py, deaths.py, changes.py: what goes wrong in a service without a word."""

import json
import os
import queue
import re
import sys
import threading
import time
import types
import urllib.request

import pytest
from conftest import PATIENCE, connect, read_line, serving, wait_until

from engine import changes
from engine.calls import calls_now
from engine.deaths import deaths_told
from engine.lookout import STUCK_AFTER, Lookout
from handlers.lines import LineHandler


class Waits(LineHandler):
    """Answers when the test lets it."""

    def reply(self, message):
        return self.server.let_go.get(timeout=PATIENCE)


class Loops(LineHandler):
    def reply(self, message):
        ends = time.monotonic() + PATIENCE
        while self.server.let_go.empty() and time.monotonic() < ends:
            sum(range(10))
        return self.server.let_go.get(timeout=PATIENCE)


#: The line in which each of them is at work, from its "def" on.
LINES = {Waits: {1}, Loops: {2, 3}}


def at_work(server, clients):
    """Wait until so many replies are being made."""
    wait_until(lambda: len(calls_now()) == clients and [slot.doing.word for slot in server.in_service()] == [
        "in work"] * clients)


@pytest.mark.parametrize("handler", [Waits, Loops])
def test_a_reply_that_does_not_come_back_is_told_once_with_its_line(handler, caplog):
    with serving(handler, max_threads=3, let_go=queue.Queue()) as server:
        lookout = Lookout(server)
        for number in range(2):
            connect(server).sendall(b"hello %d\n" % number)
            at_work(server, number + 1)
        lookout.look(0)  # they are in work
        lookout.look(1)  # and still are: from here on
        lookout.look(1 + STUCK_AFTER / 2)
        assert lookout.stuck == [] and not caplog.records
        for now in 1 + STUCK_AFTER, 2 + STUCK_AFTER, 1 + 2 * STUCK_AFTER:
            lookout.look(now)
        told, = [record.getMessage() for record in caplog.records]
        match = re.fullmatch(r"reply\(\) has been at work for 10 s on 'hello \d', and on 1 other message\(s\): "
                             r"tests/test_lookout.py, line (\d+)", told)
        assert int(match.group(1)) - handler.reply.__code__.co_firstlineno in LINES[handler]
        assert lookout.stuck[0].startswith("reply() has been at work for 20 s on 'hello ")
        for number in range(2):
            server.let_go.put("BYE")
            wait_until(lambda: len(server.in_service()) == 1 - number)
        lookout.look(2 + 2 * STUCK_AFTER)
        assert lookout.stuck == [] and len(caplog.records) == 1


def test_calls_one_after_the_other_are_not_taken_for_one(caplog):
    """Also when each look finds the same client, in the same thread, at work."""
    with serving(type("Handler", (Waits,), {"keep_open": True}), let_go=queue.Queue()) as server:
        lookout = Lookout(server)
        with connect(server) as client:
            client.sendall(b"x\n" * 6)  # one piece: it counts as answered when all are
            for number in range(6):
                wait_until(lambda: len(calls_now()) == 1)
                frame, = [found[-1] for found in calls_now().values()]
                lookout.look(number * STUCK_AFTER)
                server.let_go.put("BYE")
                wait_until(lambda: frame not in [found[-1] for found in calls_now().values()])
            assert [read_line(client) for _ in range(6)] == ["BYE"] * 6
        assert lookout.stuck == [] and not caplog.records


def test_a_client_that_says_nothing_and_work_in_imitation_are_not_stuck(caplog):
    with serving(type("Handler", (Waits,), {"work": 2.0 * PATIENCE}), let_go=queue.Queue()) as server:
        lookout = Lookout(server)
        with connect(server) as works, connect(server):
            works.sendall(b"x\n")
            wait_until(lambda: sorted(slot.doing.word for slot in server.in_service()) == ["in work", "silent"])
            for now in 0, 1, 1 + STUCK_AFTER, 1 + 2 * STUCK_AFTER:
                lookout.look(now)
            server.let_go.put("BYE")
            assert server.stop(PATIENCE) == 0
        assert lookout.stuck == [] and not [record for record in caplog.records if record.levelname == "WARNING"]


# A thread that died


def fails():
    raise ValueError("no such word")


def run_to_its_end(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join(PATIENCE)


def test_a_thread_that_dies_is_told_with_its_traceback_from_her_file_on(caplog):
    before = threading.excepthook
    with deaths_told() as names:
        run_to_its_end(fails)
        run_to_its_end(lambda: sys.exit(1))  # it is meant to end
        assert names == ["fails"]
    assert threading.excepthook is before
    assert caplog.text.count("A thread of the service has died, in fails(): nobody does its work now.") == 1
    assert "ValueError: no such word" in caplog.text
    assert re.findall(r'File ".*?(\w+\.py)"', caplog.text) == ["test_lookout.py"]


def test_a_thread_of_somebody_else_is_left_to_python(monkeypatch, caplog):
    left = []
    monkeypatch.setattr(threading, "excepthook", lambda death: left.append(death.exc_type))
    with deaths_told() as names:
        run_to_its_end(queue.Queue().get_nowait)
    assert left == [queue.Empty] and names == [] and not caplog.records


def test_who_is_stuck_after_a_thread_died_waits_for_it_perhaps(caplog):
    with serving(Waits, let_go=queue.Queue()) as server, connect(server) as client:
        with Lookout(server) as lookout:
            run_to_its_end(fails)
            client.sendall(b"hello\n")
            at_work(server, 1)
            for now in 0, 1, 1 + STUCK_AFTER:
                lookout.look(now)
        assert caplog.messages[-1].endswith(". Perhaps it waits for the thread in fails(), which has died.")
        server.let_go.put("BYE")


# A file that changed


def test_a_file_that_has_changed_is_told_once(monkeypatch, tmp_path):
    file = tmp_path / "reverse.py"
    file.write_text("one")
    module = types.ModuleType("reverse")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "reverse", module)
    monkeypatch.setattr(changes, "is_students_file", lambda path: path == str(file))
    known = changes.Changes()
    assert known.news() == []
    os.utime(str(file), (1, 1))  # saved as it was
    assert known.news() == []
    file.unlink()
    assert known.news() == []
    file.write_text("two")
    assert [name.rpartition("/")[2] for name in known.news()] == ["reverse.py"]
    file.write_text("three, which is longer")
    assert known.news() == []


# The program

IMPATIENT = """
import sys
import engine.lookout, server
from handlers import SERVICES
from handlers.lines import LineHandler

engine.lookout.INTERVAL, engine.lookout.STUCK_AFTER, server.GRACE = 0.02, 0.05, 0.3


class Stuck(LineHandler):
    def reply(self, message):
        while True:
            pass


SERVICES["upper"] = Stuck
server.leave(server.main(sys.argv[1:]))
"""


def test_the_program_tells_on_its_page_and_at_its_end(start_server):
    server = start_server("--dashboard", "0", program=("-c", IMPATIENT, "--port"), port=None)
    page = server.out.wait_for(r"http://\S+/").group()
    with server.connect() as client:
        client.sendall(b"hello\n")
        server.err.wait_for(r"WARNING reply\(\) has been at work for \d+ s on 'hello': .*, line 1[1-4]$")
        with urllib.request.urlopen(page + "state", timeout=PATIENCE) as reply:
            stuck, = json.loads(reply.read().decode())["stuck"]
        assert stuck.startswith("reply() has been at work for ")
        server.stop()
        said = server.err.all()
    assert re.search(r"1 client\(s\) were cut off: reply\(\) was still at work, as on 'hello': .*, line 1[1-4]$",
                     said, re.M)
    assert "they took too long" not in said and len(re.findall("WARNING reply", said)) == 1
