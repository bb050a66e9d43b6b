"""client.py: run as users run it, with arguments, with a file, and at a terminal."""

import contextlib
import errno
import io
import math
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from conftest import (CLIENT, ENVIRONMENT, PATIENCE, ROOT, Terminal, fake_server, free_port, needs_terminal,
                      read_line, reset, run_client, short, text_of, wait_until)

from engine.escapes import printable
from talk import connecting, conversation, waiting
from talk.answers import SERVES_CAPITALS, SERVES_TEMPERATURES, is_error, told
from talk.keyboard import Keyboard
from talk.problems import ServerProblem
from talk.spreadsheets import Spreadsheet

#: Runs the client, whose file comes first, with a patience of a third of a second.
IMPATIENT = """
import runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0])
from talk.conversation import Conversation
Conversation.patience = 0.3
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("server_options", [[], ["--keep-open"]])
@pytest.mark.parametrize("client_options", [[], ["--keep-open"]])
def test_messages_as_arguments(start_server, server_options, client_options):
    port = start_server(*server_options).port
    assert run_client(port, *client_options, "one", "olá", "three") == (0, "ONE\nOLÁ\nTHREE\n", "")


@pytest.mark.parametrize("client_options", [[], ["--keep-open"]])
def test_each_line_of_standard_input_is_a_message(upper_port, client_options):
    port = upper_port
    lines = "\ufeffone\r\n\ntwo, ação\nlast without end"
    assert run_client(port, *client_options, text=lines) == (
        0, "ONE\n\nTWO, AÇÃO\nLAST WITHOUT END\n", "")


def test_readings_from_a_file(start_server):
    server = start_server("--service", "temp")
    readings = "Recife,31,24\n\"Olho d'Água, AL\",35,22\nTeresina,quente,25\n"
    status, out, err = run_client(server.port, "--service", "temp", text=readings)
    assert status == 1 and err == "2 line(s) taken, 1 refused: line 3\n"
    assert out.splitlines()[:2] == ["BYE", "BYE"]
    assert out.splitlines()[2].startswith("ERR field 2 (max) 'quente'")
    server.out.wait_for("^Coldest city: Olho d'Água, AL with 22$")


def test_with_keep_open_one_connection_serves_all(start_server):
    server = start_server("--keep-open")
    assert run_client(server.port, "--keep-open", "a", "b", "c")[1] == "A\nB\nC\n"
    assert server.stop() == 0
    assert server.totals()["accepted"] == 1


def test_capitals_that_look_like_an_error_are_none(upper_port):
    port = upper_port
    assert run_client(port, "err is human") == (0, "ERR IS HUMAN\n", "")


def test_what_is_not_utf_8_goes_out_as_it_came(upper_port):
    status, out, err = run_client(upper_port, text=b"ol\xe1\n")
    assert (status, err) == (1, "") and out.startswith("ERR the message is not valid UTF-8")


def test_a_console_that_cannot_show_the_reply(upper_port):
    env = dict(ENVIRONMENT, PYTHONIOENCODING="ascii")
    status, out, err = run_client(upper_port, "ação", env=env)
    assert (status, out, err) == (0, "A\\xc7\\xc3O\n", "")


def test_an_answer_to_a_message_too_long_is_shown(upper_port):
    status, out, err = run_client(upper_port, text=b"x" * 5000000 + b"\n")
    assert (status, err) == (1, "")
    assert out == "ERR message too long: at most 65536 bytes before the line feed\n"


def test_nobody_there():
    port = free_port()
    assert run_client(port, "x") == (1, "", "Cannot reach 127.0.0.1:{}: connection refused. "
                                     "Is the server running there? Check --host and --port.\n".format(port))


@pytest.mark.parametrize("host, told", [("no-such-host.invalid", "no host of that name"),
                                        ("a..b", "no host of that name")])
def test_a_host_that_does_not_exist(host, told):
    status, out, err = run_client(1, "--host", host, "x")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("Cannot reach {}:1: ".format(host)) and told in err


@pytest.mark.parametrize("answer, told", [
    (b"", "The server at {server} closed the connection without a reply to 'x'. It may have ended on this message: "
          "then its screen shows the exception.\n"),
    ("OLÁ 1".encode(), "'OLÁ 1' came from {server}, but no line feed at its end: the server's reply is not complete "
                       "without one.\n")])
def test_a_server_that_goes_away(answer, told):
    def leave(connection):
        assert read_line(connection) == "x"
        connection.sendall(answer)
    with fake_server(leave) as port:
        assert run_client(port, "x") == (1, "", told.format(server="127.0.0.1:{}".format(port)))


CAUSES = re.compile("address.*--host 0.0.0.0.*firewall.*another network")


@pytest.mark.parametrize("host, error, told", [
    ("127.0.0.1", ConnectionRefusedError(), "connection refused. Is the server running there? Check --host"),
    ("localhost", ConnectionRefusedError(), "connection refused. Is the server running there? Check --host"),
    ("192.0.2.7", ConnectionRefusedError(), "refused. Is the server running there, with --host 0.0.0.0? Check"),
    ("192.0.2.7", socket.timeout(), "no answer within 10 s. Perhaps, the likeliest first: the address is another"),
    ("192.0.2.7", OSError(errno.EHOSTUNREACH, "No route to host"), "No route to host. Perhaps the address is"),
    ("192.0.2.7", OSError(errno.ENETUNREACH, "Network is unreachable"), "or this machine is in another network."),
    ("192.0.2.7", OSError(errno.EACCES, "Permission denied"), "Permission denied. Check --host and --port.")])
def test_why_a_server_cannot_be_reached(monkeypatch, host, error, told):
    def fail(address, limit):
        raise error
    monkeypatch.setattr(connecting, "connected", fail)
    with pytest.raises(ServerProblem) as problem:
        connecting.open_connection((host, 50000), 10.0, print)
    text = str(problem.value)
    assert text.startswith("Cannot reach {}:50000: ".format(host)) and told in text and "\n" not in text
    assert bool(CAUSES.search(text)) == ("no answer" in text)


def test_a_server_that_breaks_off():
    def leave(connection):
        read_line(connection)
        reset(connection)
    with fake_server(leave) as port:
        status, out, err = run_client(port, "x")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "before the reply to 'x'" in err or os.name == "nt" and "without a reply to 'x'" in err  # under Wine
    assert "may have ended on this message: then its screen shows the exception." in err


def test_a_reply_without_its_end_is_shown():
    """Also while it is waited for; then nobody says that the client waits for a slot."""
    def answer(connection):
        read_line(connection)
        connection.sendall(b"OK 1")
        assert not connection.recv(1)
    with fake_server(answer) as port:
        done = subprocess.run([sys.executable, "-c", IMPATIENT, *CLIENT, "--port", str(port), "--timeout", "1",
                               "x"], cwd=str(ROOT),
                              env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    said = ("'OK 1' has come, but no line feed at its end: the server's reply is not complete without one. Waiting "
            "for it...\n'OK 1' came from 127.0.0.1:{}, but in 1 s no line feed at its end: the server's reply is not "
            "complete without one.\n")
    assert (done.returncode, text_of(done.stderr)) == (1, said.format(port))


def test_a_server_that_is_silent():
    with fake_server(lambda connection: connection.recv(100) and connection.recv(100)) as port:
        status, out, err = run_client(port, "--timeout", "0.1", "x")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "No reply from 127.0.0.1:{} within 0.1 s".format(port) in err


def test_waiting_for_a_slot_is_said_after_two_seconds():
    """Two in the program; a third of one here."""
    assert conversation.Conversation.patience == conversation.PATIENCE == 2

    def answer_late(connection):
        read_line(connection)
        waited.wait(PATIENCE)
        connection.sendall(b"LATE\n")
    waited = threading.Event()
    with fake_server(answer_late) as port:
        began = time.monotonic()
        client = subprocess.Popen([sys.executable, "-c", IMPATIENT, *CLIENT, "--port",
                                   str(port), "x"],
                                  cwd=str(ROOT), env=ENVIRONMENT, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        said = client.stderr.readline()
        assert 0.3 <= time.monotonic() - began
        waited.set()
        out, err = client.communicate(timeout=PATIENCE)
    assert said.decode().startswith("Waiting for a free slot")
    assert (client.returncode, text_of(out), err) == (0, "LATE\n", b"")


def test_a_connection_let_go_between_messages_is_opened_again():
    def first(connection):
        assert read_line(connection) == "one"
        connection.sendall(b"1\nERR no complete message within 60 s\n")

    def second(connection):
        assert read_line(connection) == "two"
        connection.sendall(b"2\n")

    def third(connection):  # takes the message and closes: the message is sent once more
        read_line(connection)

    def fourth(connection):
        assert read_line(connection) == "three"
        connection.sendall(b"3\n")
    with fake_server(first, second) as port:
        assert run_client(port, "--keep-open", "one", "two") == (0, "1\n2\n", "")

    def second_and_third(connection):
        second(connection)
        third(connection)
    with fake_server(first, second_and_third, fourth) as port:
        assert run_client(port, "--keep-open", "one", "two", "three") == (0, "1\n2\n3\n", "")


def test_a_reading_is_not_sent_twice():
    """The server takes the second one, and is gone before its reply; a query may go again."""
    def crash(connection):
        for _ in range(2):
            message = read_line(connection)
            taken.append(message)
            connection.sendall(b"BYE\n" * (len(taken) < 2))

    def answer(connection):
        taken.append(read_line(connection))
        connection.sendall(b"cities,0\n")
    taken = []
    with fake_server(crash) as port:
        status, out, err = run_client(port, "--service", "temp", "--keep-open", "A,2,1", "B,2,1")
    assert (status, out, taken) == (1, "BYE\n", ["A,2,1", "B,2,1"])
    assert "broke before the reply to 'B,2,1'" in err and "may be there twice" in err
    taken = []
    with fake_server(crash, answer) as port:
        assert run_client(port, "--service", "temp", "--keep-open", "A,2,1", "?")[0] == 0
    assert taken == ["A,2,1", "?", "?"]


@pytest.mark.parametrize("arguments", [
    ["--port", "0", "x"], ["--port", "70000", "x"], ["--port", "x"], ["--timeout", "0", "x"],
    ["--service", "none"], ["--nonsense"], ["two\nlines"]])
def test_wrong_usage(arguments):
    done = subprocess.run([sys.executable, *CLIENT, *arguments], cwd=str(ROOT),
                          env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert b"expected" in done.stderr or b"--help" in done.stderr


def test_help_and_version():
    out = run_client(1, "--help")[1]
    for option in "--service", "--host", "--port", "--timeout", "--keep-open", "MESSAGE":
        assert option in out
    assert re.fullmatch(os.path.basename(CLIENT[0]) + r" [\d.]+\n", run_client(1, "--version")[1])


def test_output_that_nobody_reads(upper_port):
    client = subprocess.Popen(
        [sys.executable, *CLIENT, "--port", str(upper_port)] + ["x" * 1000] * 100,
        cwd=str(ROOT), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    client.stdout.close()
    assert client.wait(PATIENCE) == 1
    with client.stderr:
        assert client.stderr.read() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no /dev/full")
def test_output_that_cannot_be_written(upper_port):
    port = str(upper_port)
    for redirection, status, told in (">/dev/full", 1, b"Cannot go on"), (">&-", 0, b""):
        done = subprocess.run(
            "exec {} {} --port {} x {}".format(sys.executable, *CLIENT, port, redirection),
            shell=True, cwd=str(ROOT), env=ENVIRONMENT, stderr=subprocess.PIPE, timeout=PATIENCE)
        assert done.returncode == status
        assert done.stderr.count(b"\n") == (1 if told else 0) and done.stderr.startswith(told)


def test_nothing_on_standard_input_is_no_terminal(upper_port):
    done = subprocess.run([sys.executable, *CLIENT, "--port", str(upper_port)], cwd=str(ROOT),
                          env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_file_of_replies_is_in_utf_8(upper_port, tmp_path):
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONIOENCODING"}
    with open(str(tmp_path / "replies"), "w+b") as file:
        subprocess.run([sys.executable, *CLIENT, "--port", str(upper_port), "日本 ação €"],
                       cwd=str(ROOT), env=environment, stdout=file, timeout=PATIENCE, check=True)
        file.seek(0)
        assert text_of(file.read()) == "日本 AÇÃO €\n"


# At a terminal


@needs_terminal
@pytest.mark.parametrize("options, typed, reply, told", [
    ([], "Ol\u00e1", "OL\u00c1", "This server speaks first: 'Welcome!' is a greeting, not the reply."),
    (["--service", "temp"], "Recife,31,24", "BYE", "Two lines came, 'Welcome!' and 'BYE': the server speaks first, or")])
def test_a_greeting_is_said_to_be_one(options, typed, reply, told):
    def greet(connection):
        connection.sendall(b"Welcome!\n")
        assert read_line(connection) == typed
        connection.sendall(reply.encode() + b"\n")
    with fake_server(greet, greet) as port:
        terminal = Terminal("--port", str(port), *options, COLUMNS="200")
        for said in told, "Connected to":  # it is said once
            terminal.wait_for("ends\\): ")
            terminal.type(typed + "\n")
            terminal.wait_for(re.escape(said))
            terminal.wait_for("^.*\n" + reply + "\n")
        terminal.wait_for("ends\\): ")
        terminal.type("\n")
        assert terminal.end()[0] == 0


@needs_terminal
@pytest.mark.parametrize("goodbye", ["\n", "\x04", "\x03"], ids=["empty", "ctrl-d", "ctrl-c"])
def test_a_conversation(upper_port, goodbye):
    port = str(upper_port)
    terminal = Terminal("--port", port)
    for message in "olá", "and again":
        terminal.wait_for("Message.*: ")
        terminal.type(message + "\n")
        terminal.wait_for(r"\nConnected to 127\.0\.0\.1:%s from 127\.0\.0\.1:\d+\n" % port
                          + message.upper() + "\n")
    terminal.wait_for("Message.*: ")
    terminal.type(goodbye)
    status, rest = terminal.end(again=goodbye)
    assert status == 0 and "Traceback" not in rest


@needs_terminal
def test_asking_for_a_reading(start_server):
    server = start_server("--service", "temp")
    terminal = Terminal("--port", str(server.port), "--service", "temp")
    terminal.wait_for("City.*: ")
    terminal.type("Olho d'Água, AL\n")
    terminal.wait_for("Max.*: ")
    terminal.type("quente\n")
    terminal.wait_for("'quente' is not a number.*\nMax.*: ")
    terminal.type("31,5\n")
    terminal.wait_for("Min.*: ")
    terminal.type("-3\n")
    terminal.wait_for("\nConnected to .*\nBYE\n")
    server.out.wait_for("^Hottest city: Olho d'Água, AL with 31.5\nColdest city: .* with -3$")
    terminal.wait_for("City.*: ")
    terminal.type("Olho dagua\n31\n\n")  # a mistake: back to the city
    terminal.wait_for("Min.*: \nCity.*: ")
    terminal.type("X\n1\n2\n")
    terminal.wait_for("The maximum 1 is below the minimum 2: type both again.\nMax.*: ")
    terminal.type("\n")
    terminal.wait_for("City.*: ")
    terminal.type("help\n")
    terminal.wait_for("an empty line  ends\n")
    for query, reply in [("?", r"Hottest city: Olho d'Água, AL with 31\.5\. Coldest city: "
                               r"Olho d'Água, AL with -3\. Cities: 1\.\n"),
                         ("?olho d'água, al", "ERR no reading of .* did you mean"),
                         (" ? Olho d'Água, AL", r"Olho d'Água, AL: maximum 31\.5, minimum -3\.\n"),
                         ("Recife,31,24", "BYE\n"), ("Recife;31;24", "ERR .*semicolons"),
                         ("Recife|31|24", "ERR .*vertical bars"), ("Recife,31", "ERR one temp"),
                         ("Campina Grande 29 19", "ERR .*spaces"), ('"Recife', "ERR .*quotes"),
                         ("Recife-31-24", "ERR there is a city, but")]:
        terminal.wait_for("City.*: ")
        terminal.type(query + "\n")
        terminal.wait_for("\nConnected to .*\n" + reply)
    terminal.wait_for("City.*: ")
    terminal.type("Olinda,30,24\nNatal,29,23\n")  # pasted
    terminal.wait_for("BYE\n(.*\n)*.*BYE\n")
    terminal.wait_for("City.*: ")
    terminal.type("31,5\n")
    terminal.wait_for("31,5 is a number: expected the name of a city first.\nCity.*: ")
    terminal.type("exit\n")
    assert terminal.end()[0] == 0


@needs_terminal
def test_nobody_waits_for_somebody_who_thinks(start_server):
    """A class at its prompts, many more than there are threads; all but the last are still thinking."""
    server = start_server("--service", "temp", "--max-threads", "4")
    with contextlib.ExitStack() as stack:
        students = [Terminal("--port", str(server.port), "--service", "temp")
                    for _ in range(30)]
        for student in students:
            stack.callback(student.process.wait)
            stack.callback(student.process.kill)
        for student in students:
            student.wait_for("City.*: ")
        began = time.monotonic()
        students[-1].type("Recife,31,24\n")
        students[-1].wait_for("BYE\n")
        assert time.monotonic() - began < 1
        students[-1].wait_for("City.*: ")
        students[-1].type("\n")
        assert students[-1].end()[0] == 0
    assert server.stop() == 0
    assert server.totals()["accepted"] == 1


@needs_terminal
def test_sigterm_at_the_prompt_leaves_the_terminal_as_it_was(upper_port):
    import termios
    terminal = Terminal("--port", str(upper_port))
    terminal.wait_for("Message.*: ")
    wait_until(lambda: termios.tcgetattr(terminal.leader) != terminal.before, "the prompt to be ready")
    terminal.process.send_signal(signal.SIGTERM)
    again = time.monotonic() + 2

    def is_as_it_was():
        """As for Ctrl+C in `Terminal.end`: just before the wait for a key, the next one counts."""
        nonlocal again
        if time.monotonic() > again:
            terminal.process.send_signal(signal.SIGTERM)
            again = math.inf
        return termios.tcgetattr(terminal.leader) == terminal.before
    wait_until(is_as_it_was, "the terminal")
    status, rest = terminal.end()
    assert status == 1 and "Traceback" not in rest


@pytest.mark.skipif(os.name == "nt", reason="a shell there closes nothing")
@pytest.mark.parametrize("closed, out", [("2>&-", "X\nY\n"), (">&-", ""), ("<&-", "X\nY\n"),
                                         (">&- 2>&- <&-", "")])
def test_streams_that_are_closed(upper_port, closed, out):
    done = subprocess.run(["sh", "-c", 'exec "$@" ' + closed, "sh", sys.executable, *CLIENT,
                           "--port", str(upper_port), "x", "y"], cwd=str(ROOT), env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, out, b"")


@pytest.mark.skipif(os.name == "nt", reason="a shell there closes nothing")
def test_what_is_for_standard_error_is_not_printed_among_the_replies():
    done = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, *CLIENT,
                           "--port", str(free_port()), "x"], cwd=str(ROOT), env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (1, b"")


@needs_terminal
def test_what_was_typed_outlives_the_server():
    port = free_port()
    terminal = Terminal("--port", str(port), "--service", "temp")
    terminal.wait_for("City.*: ")
    terminal.type("Recife,31,24\n")
    terminal.wait_for("Cannot reach .*refused.*\nEnter tries again to send 'Recife,31,24'.*: ")
    with contextlib.closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        terminal.type("\n")
        with listener.accept()[0] as connection:
            assert read_line(connection) == "Recife,31,24"
            connection.sendall(b"BYE\n")
        terminal.wait_for("BYE\n")
    terminal.wait_for("City.*: ")
    terminal.type("\n")
    assert terminal.end()[0] == 0


@pytest.mark.parametrize("message, reply, is_one", [
    ("x", "ERR no", True), ("err 404", "ERR 404", False), ("err 404\r", "ERR 404", False),
    ("?ERR 1", "ERR 1,30,20", False), ("?x", "ERR no reading", True)])
def test_what_is_an_error(message, reply, is_one):
    assert is_error(message, reply) is is_one


def test_the_wrong_service_is_noticed(upper_port, start_server):
    for arguments, text in (["Recife,31,24"], None), ([], "A,2,1\nB,2,1\n"), (["--crowd", "2"], None):
        status, out, err = run_client(upper_port, "--service", "temp", *arguments, text=text)
        told = " ".join((out + err).split())
        assert status == 1 and "runs the service upper" in told
        assert "server.py --service temp" in told
    port = start_server("--service", "temp").port
    status, _, err = run_client(port, "hello", "again")
    assert status == 1 and err.count("it runs the service temp") == 1


def test_a_connection_to_itself_is_no_server(monkeypatch):
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        own.connect(own.getsockname())
        monkeypatch.setattr(connecting.socket, "create_connection", lambda *args, **kwargs: own)
        with pytest.raises(ServerProblem, match="connection refused"):
            conversation.Conversation("127.0.0.1", own.getsockname()[1], 5).ask("x")


@needs_terminal
def test_a_server_that_resets_at_once_loses_nothing_either():
    def reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with fake_server(reset) as port:
        terminal = Terminal("--port", str(port))
        terminal.wait_for("Message.*: ")
        terminal.type("olá\n")
        terminal.wait_for("Enter tries again to send 'olá'")
        terminal.type("\x03")
        assert terminal.end("\x03")[0] == 1


def test_a_reset_connection_is_not_taken_for_one_to_itself():
    with socket.socket() as never_connected:
        assert not connecting.reaches_itself(never_connected)


def test_joiners_are_shown_as_they_are():
    assert printable("می\u200cخواهم\u200b") == "می\u200cخواهم\\u200b"


def test_ports_that_run_out_in_a_long_file_are_waited_for(upper_port, monkeypatch):
    connect, failures, said = connecting.connected, [], []
    monkeypatch.setattr(connecting, "LONGEST_WAIT", 0.01)
    talk = conversation.Conversation("127.0.0.1", upper_port, 5, say=said.append)
    assert talk.ask("one") == "ONE"

    def fails_twice(*args, **kwargs):
        if len(failures) < 2:
            failures.append(OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"))
            raise failures[-1]
        return connect(*args, **kwargs)
    monkeypatch.setattr(connecting, "connected", fails_twice)
    assert talk.ask("two") == "TWO"
    assert said == [connecting.PORTS_RAN_OUT] and len(failures) == 2


def test_a_conversation_with_nobody_to_tell(monkeypatch):
    """Its patience ends before the reply comes: that is said to whoever is there."""
    monkeypatch.setattr(waiting, "LONGEST_WAIT", 0.01)
    monkeypatch.setattr(waiting, "_", lambda text: said.set() or text)
    said = threading.Event()

    def answer_late(connection):
        read_line(connection)
        assert said.wait(PATIENCE)
        connection.sendall(b"LATE\n")
    for say in {}, {"say": None}:
        said.clear()
        with fake_server(answer_late) as port:
            talk = conversation.Conversation("127.0.0.1", port, PATIENCE, **say)
            talk.patience = 0.0
            assert talk.ask("x") == "LATE"


def test_a_reply_without_end_is_cut_off():
    def pour(connection):
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"x" * 65536)
    with fake_server(pour) as port:
        status, out, err = run_client(port, "x")
    assert (status, out) == (1, "") and err.count("\n") == 1
    assert "bytes without a line feed" in err


@pytest.mark.parametrize("file", [
    "Cidade;Máxima;Mínima\r\nSão Paulo;31,5;20\r\n;;\r\nMaceió;30;24,5;\r\n".encode("cp1252"),
    "Cidade\tMáxima\tMínima\nSão Paulo\t31,5\t20\n\nMaceió\t30\t24,5".encode("utf-8-sig"),
    "cidade,max,min\nSão Paulo,31.5,20\n\n\"Maceió\",30,\"24,5\"\n".encode(),
    "Cidade\tMáxima\tMínima\r\nSão Paulo\t31,5\t20\r\n\r\nMaceió\t30\t24,5\r\n".encode("utf-16")])
def test_what_spreadsheets_save(file, start_server):
    server = start_server("--service", "temp")
    status, out, err = run_client(server.port, "--service", "temp", text=file)
    assert (status, out) == (0, "BYE\nBYE\n")
    assert "is a header and is not sent" in err and err.endswith("2 line(s) taken.\n")
    assert server.ask("?") == "hottest,São Paulo,31.5,coldest,São Paulo,20,cities,2"
    assert server.ask("?Maceió") == "Maceió,30,24.5"


@pytest.mark.parametrize("before", ["Turma A\nCidade;Max;Min\n", "sep=;\nCidade;Max;Min\n"])
def test_a_header_may_come_later(start_server, before):
    port = start_server("--service", "temp").port
    _, out, err = run_client(port, "--service", "temp", text=before + "Recife;31,5;24\nNatal;;2\n")
    assert "not sent: Cidade;Max;Min\n" in err and "BYE\nERR field 2 (max) is empty" in out


def test_only_one_header_is_left_out_and_none_with_digits(start_server):
    port = start_server("--service", "temp").port
    for text, sent in (("Recife,31 C,20 C\nNatal,30 C,21 C\n", 2), ("City,Max,Min\nRecife,N/A,N/A\n", 1)):
        status, out, err = run_client(port, "--service", "temp", text=text)
        assert (status, out.count("ERR ")) == (1, sent), out


@pytest.mark.parametrize("beginning", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_a_workbook_is_not_sent(upper_port, beginning):
    status, out, err = run_client(upper_port, "--service", "temp", text=beginning + b"\0\n\n")
    assert (status, out) == (1, "") and "save it as CSV" in err


def test_a_server_that_goes_away_in_the_middle_of_a_file():
    def answer(connection):
        read_line(connection)
        connection.sendall(b"BYE\n")
    with fake_server(answer, read_line) as port:
        status, out, err = run_client(port, "--service", "temp", text="A,2,1\n\nB,2,1\nC,2,1\n")
    assert (status, out) == (1, "BYE\n")
    assert "1 line(s) taken. It stopped at line 3: begin again there.\n" in err


def test_lines_are_counted_when_their_replies_come():
    """Not when somebody reads ahead in the file."""
    table = Spreadsheet(io.BytesIO(b"A,2,1\n\nB,2,1\nC,2,1\n"), print)
    assert list(table) == ["A,2,1", "B,2,1", "C,2,1"]
    assert table.summary(1, []) == "1 line(s) taken. It stopped at line 3: begin again there."
    assert table.summary(3, [1]) == "2 line(s) taken, 1 refused: line 3"


@pytest.mark.parametrize("file, messages, numbers", [
    ('Cidade,"Temp.\nm\u00e1x",Min\n"Campo\nGrande",31,24\nRecife,31,24\n', ["Campo Grande,31,24", "Recife,31,24"], [3, 5]),
    ('"Maria; Bairro",31,24\nNatal,30,20\n', ["Maria; Bairro,31,24", "Natal,30,20"], [1, 2]),
    ('"Bairro, Maria";31,5;24\n', ['"Bairro, Maria",31.5,24'], [1]),
    ('"a;b"\t3\t2\n\n"x\ty"\t1,5\t0', ["a;b,3,2", "x\ty,1.5,0"], [1, 3]),
    ("A,1,0\rB,2,1\r", ["A,1,0", "B,2,1"], [1, 2]), ("A;1;0\r\n\x1a", ["A,1,0"], [1]),
    ("A,1,0\nB;2;1\n;;\n", ["A,1,0", "B;2;1"], [1, 2]), ("A,\u22125,\u22126\n", ["A,-5,-6"], [1]),
    ('Recife",31,24\nA,1,0\n', ['Recife",31,24', "A,1,0"], [1, 2]),
    ('"Recife,31,24\n' + "A,1,0\n" * 14, ['"Recife,31,24'] + ["A,1,0"] * 14, list(range(1, 16))),
    ('"Recife,31,24\n"Macei\u00f3, AL",30,24\n', ['"Recife,31,24', '"Macei\u00f3, AL",30,24'], [1, 2]),
    ("?Recife\n?\n", ["?Recife", "?"], [1, 2]), ("\x1a", [], []),
    ('"A ""b"" c" ,3,2\n', ['"A ""b"" c",3,2'], [1])], ids=short)
@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
def test_a_record_is_a_message(file, messages, numbers, charset):
    table = Spreadsheet(io.BytesIO(file.encode(charset)), lambda text: None)
    assert (list(table), table.numbers) == (messages, numbers)


def test_a_record_waits_for_no_line_that_it_does_not_need():
    came = []

    class Stream:
        def __iter__(self):
            for line in b"A,1,0\n", b"B,1,0\n":
                came.append(line)
                yield line
    table = iter(Spreadsheet(Stream(), print))
    assert (next(table), came) == ("A,1,0", [b"A,1,0\n"])


@pytest.mark.skipif(not os.path.exists("/dev/full") or os.name == "nt", reason="needs /dev/full")
def test_a_reply_that_cannot_be_shown_has_come_all_the_same(start_server):
    port = str(start_server("--service", "temp").port)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, *CLIENT, "--service", "temp", "--port", port],
                              cwd=str(ROOT), env=ENVIRONMENT, input=b"A,2,1\nB,2,1\n",
                              stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
    assert done.returncode == 1
    assert text_of(done.stderr).startswith("1 line(s) taken.\nCannot go on")


def test_capitals_take_no_line(upper_port):
    status, out, err = run_client(upper_port, "--service", "temp", text="A,b,1\nB,2,1\n")
    assert (status, out) == (1, "A,B,1\n")
    assert err.startswith("0 line(s) taken. It stopped at line 1: begin again there.\n")


def test_which_lines_of_a_file_were_refused(start_server):
    port = start_server("--service", "temp").port
    status, out, err = run_client(port, "--service", "temp",
                                  text="Recife,31,24\n\nOlinda,quente,2\n?Recife\nNatal\n")
    assert (status, out.count("\n")) == (1, 4) and "Recife,31,24\n" in out
    assert err == "2 line(s) taken, 2 refused: line 3, 5\n"


@pytest.mark.parametrize("options, told", [
    (["--host", "127.0.0.1:51000"], "expected --host 127.0.0.1 --port 51000"),
    (["--host", "[::1]:51000"], "expected --host ::1 --port 51000"),
    (["--host", "tcp://teacher:80/"], "expected --host teacher --port 80"),
    (["--host", "http://192.168.0.10:8080/"],
     "8080 is the port of the page in 'http://192.168.0.10:8080/', the service has another: "
     "expected --host 192.168.0.10, and --port only"),
    (["--host", "http://teacher"], "expected --host teacher, not"),
    (["--host", "[::1]"], "expected --host ::1, not"),
    (["--host", "192.168.0.10 "], "expected --host 192.168.0.10, not '192.168.0.10 '"),
    (["192.168.0.10"], "'192.168.0.10' is an address, not a message: expected --host 192.168.0.10; to send"),
    (["192.168.0.10:50000", "Ol\u00e1"], "expected --host 192.168.0.10;"),
    (["http://192.168.0.10:8080/"], "expected --host 192.168.0.10;"), (["::1"], "expected --host ::1;"),
    (["teacher.local"], "expected --host teacher.local;"), (["localhost"], "expected --host localhost;"),
    (["\u2014host", "127.0.0.1"], "'\u2014host' is no option: expected --host, with two minus signs"),
    (["\u2013-service", "temp"], "expected --service,"), (["\u2212crowd=3"], "expected --crowd,"),
    (["-host", "127.0.0.1"], "'-host' is no option: expected --host,"), (["-Port", "1"], "expected --port,"),
    (["README.md"], "'README.md' is a file here, not a message: to send its lines type: "),
    (["README.md"], "python client.py --port 1 < README.md"),
    (["--service", "temp", "--host", "192.0.2.7", "docs/page.md"],
     "python client.py --service temp --host 192.0.2.7 --port 1 < docs/page.md"),
    (["--host", "192.0.2.7", "-;5;3"],  # from 3.14 on "-5,3" is a message to argparse
     "as in: python client.py --host 192.0.2.7 --port 1 -- -;5;3. See client.py"),
    (["-;5;3"], " -- -;5;3. See client.py")])
def test_wrong_usage_is_answered_with_the_remedy(options, told):
    status, out, err = run_client(1, *options)
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert told in err.replace("client.pyz", "client.py")


@pytest.mark.parametrize("address, client, server", [
    (("127.0.0.1", 50000), "python client.py --service temp", "python server.py --service temp"),
    (("127.0.0.1", 50001), "python client.py --service temp --port 50001",
     "python server.py --service temp --port 50001"),
    (("localhost", 50000), "python client.py --service temp --host localhost",
     "python server.py --service temp"),
    (("192.0.2.7", 50001), "python client.py --service temp --host 192.0.2.7 --port 50001",
     "python server.py --service temp --host 0.0.0.0 --port 50001")])
def test_a_hint_leads_to_the_server_that_was_named(address, client, server):
    assert told(SERVES_TEMPERATURES, address).endswith("For that there is: " + client)
    assert told(SERVES_CAPITALS, address).endswith("Start the other one with: " + server)


@pytest.mark.parametrize("message", [
    "\u2014Ol\u00e1!", "\u2014 host", "1.2", "10,5", "127.0.0.1 is here", "docs", "a.b", "--host", "192.168.0.10",
    "README.md", "12:30"])
def test_what_looks_like_a_slip_can_be_sent(upper_port, message):
    """By itself where it is none, else after two minus signs."""
    slips = message in ("--host", "192.168.0.10", "README.md")
    status, out, err = run_client(upper_port, *(["--"] if slips else []), message)
    assert (status, out, err) == (0, message.upper() + "\n", "")


@needs_terminal
@pytest.mark.parametrize("service, lines", [("upper", ["a", "", "b", "", "", "c"]),
                                            ("temp", ["Recife,31,24", "", "Olinda,30,25", "", "?Olinda"])])
@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_an_empty_line_in_what_is_pasted_does_not_end_it(start_server, service, lines, term):
    """Else the shell would get the rest. Of its own it does."""
    port = str(start_server("--service", service).port)
    terminal = Terminal("--service", service, "--port", port, TERM=term)
    terminal.wait_for("empty line ends.: ")
    terminal.type("\n".join(lines) + "\n")
    terminal.wait_for("\nC\n" if service == "upper" else "\nOlinda: maximum 30, minimum 25\\.\n")
    terminal.wait_for("empty line ends.: ")
    terminal.type("\n")
    assert terminal.end()[0] == 0
    assert len(re.findall("^(BYE|B)\r?$", terminal.came, re.M)) == (1 if service == "upper" else 2)


@needs_terminal
def test_lines_that_come_in_one_answer(monkeypatch):
    """A readline that takes a text in brackets returns it whole, with its line feeds."""
    answers = ["a\n\nb", "c"]
    monkeypatch.setattr("builtins.input", lambda question: answers.pop(0))
    keyboard = Keyboard()
    assert [keyboard.ask("?") for _ in range(2)] == ["a", ""] and keyboard.has_more()
    assert [keyboard.ask("?") for _ in range(2)] == ["b", "c"] and not keyboard.lines


def press_until(terminal, key, pattern):
    """Press a *key* that makes a signal until *pattern* is on the screen: between two keys it is noticed
    with the next one only (CPython's readline module)."""
    deadline = time.monotonic() + PATIENCE
    while not re.search(pattern, terminal.screen):
        assert time.monotonic() < deadline, terminal.screen
        terminal.type(key)
        while not re.search(pattern, terminal.screen) and select.select([terminal.leader], [], [], 1)[0]:
            terminal.read()
    terminal.wait_for(pattern)


@needs_terminal
@pytest.mark.skipif(shutil.which("bash") is None, reason="it is the shell that stops and resumes it")
@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_after_a_stop_the_prompt_is_there_again(upper_port, term):
    """And so is what was typed before, and it can be edited."""
    shell = "import os, sys; os.execvp('bash', ['bash', '--norc', '--noediting', '-i'])"
    terminal = Terminal(program=("-c", shell), TERM=term, PS1="shell> ", HISTFILE="")
    terminal.wait_for("shell> ")
    terminal.type("'{}' {} --port {}\n".format(sys.executable, CLIENT[0], upper_port))
    terminal.wait_for("Message .an empty line ends.: ")
    terminal.type("hellx")
    terminal.wait_for("hellx")
    press_until(terminal, "\x1a", "(?i)stopped(.|\n)*shell> ")
    terminal.type("fg\n")
    terminal.wait_for("Message .an empty line ends.: hellx")
    terminal.type("\x7fo\n")
    terminal.wait_for("\nHELLO\n(.|\n)*Message .an empty line ends.: ")
    terminal.type("\n")
    terminal.wait_for("shell> ")
    terminal.type("exit\n")
    terminal.end()


@needs_terminal
@pytest.mark.parametrize("typed, told", [
    ("31C", "'31C' has a unit: expected the number alone, such as 31."), ("31,5 \u00baC", "such as 31.5."),
    ("31 graus", "such as 31."), ("88F", "'88F' is not a number"), ("quente", "'quente' is not a number")])
def test_a_number_with_its_unit(typed, told):
    terminal = Terminal("--service", "temp")
    terminal.wait_for("City.*: ")
    terminal.type("Recife\n")
    terminal.wait_for("Maximum.*: ")
    terminal.type(typed + "\n")
    terminal.wait_for(re.escape(told))
    terminal.type("\n")
    terminal.wait_for("City.*: ")
    terminal.type("\n")
    assert terminal.end()[0] == 0


@needs_terminal
def test_interrupted_while_waiting():
    def never_answer(connection):
        read_line(connection)
        asked.set()
        assert connection.recv(1) == b""
    asked = threading.Event()
    with fake_server(never_answer) as port:
        terminal = Terminal("--port", str(port))
        terminal.wait_for("Message.*: ")
        terminal.type("x\n")
        assert asked.wait(PATIENCE)
        terminal.type("\x03")
        status, rest = terminal.end()
    assert status == 1 and "no reply to 'x' yet" in rest and "Traceback" not in rest


@needs_terminal
def test_nobody_there_at_a_terminal():
    terminal = Terminal("--port", str(free_port()))
    terminal.wait_for("Message.*: ")
    terminal.type("olá\n")
    terminal.wait_for("Cannot reach 127.0.0.1:.*connection refused. Is the server running there.*\n"
                      "Enter tries again to send 'olá' .Ctrl.C ends.: ")
    terminal.type("mundo\n")  # what is typed instead is not dropped without a word
    terminal.wait_for("Not sent: mundo\n(.*\n)*Enter tries again to send 'olá'.*: ")
    terminal.type("\x03")
    status, rest = terminal.end("\x03")
    assert status == 1 and "Not sent: olá\n" in rest


@needs_terminal
def test_a_reply_cannot_drive_the_terminal(upper_port):
    terminal = Terminal("--port", str(upper_port), "\x1b]0;title\x07")
    terminal.wait_for(r"\\x1b\]0;TITLE\\x07\n")
    assert terminal.end()[0] == 0


@needs_terminal
def test_progress_on_a_terminal_while_replies_go_to_a_file(upper_port, tmp_path):
    with open(str(tmp_path / "replies"), "wb") as replies:
        terminal = Terminal("--port", str(upper_port), *["x"] * 50, redirect=replies)
        terminal.wait_for("\\d+ sent, 0 with an error")
        status, rest = terminal.end()
    assert status == 0 and rest.endswith(" ")
    assert (tmp_path / "replies").read_bytes() == b"X\n" * 50


@needs_terminal
def test_what_is_said_takes_the_place_of_the_progress_line():
    def answer(connection):
        read_line(connection)
        connection.sendall(b"OK\n")

    def answer_late(connection):
        read_line(connection)
        waited.wait(PATIENCE)
        connection.sendall(b"LATE\n")

    def refuse(connection):
        read_line(connection)
    waited = threading.Event()
    with fake_server(answer, answer_late, refuse) as port:
        terminal = Terminal("--port", str(port), "one", "two", "three",
                            program=("-c", IMPATIENT, *CLIENT))
        terminal.wait_for("1 sent, 0 with an error\\s+Waiting for a free slot")
        waited.set()
        assert terminal.end()[0] == 1
    lines = [line.rpartition("\r")[2] for line in terminal.came.replace("\r\n", "\n").split("\n")]
    assert lines[0] == "OK" and lines[1].startswith("Waiting for") and lines[2] == "LATE"
    assert lines[3].startswith("The server at") and lines[4:] == [""]


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl+C to one process")
def test_ctrl_c_in_the_middle_of_a_file(upper_port):
    client = subprocess.Popen([sys.executable, *CLIENT, "--port", str(upper_port)],
                              cwd=str(ROOT), env=ENVIRONMENT, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    client.stdin.write(b"x\n" * 10)
    client.stdin.flush()
    for _ in range(10):
        assert client.stdout.readline() == b"X\n"
    client.send_signal(signal.SIGINT)
    out, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1 and err == b"Interrupted: not every message has had its reply.\n"
