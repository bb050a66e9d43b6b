"""Places to run the client, and the server, that are no terminals but have a person."""

import io
import os
import subprocess
import sys
import threading

import pytest
from conftest import CLIENT, ENVIRONMENT, PATIENCE, ROOT, Output, run_client, text_of

from engine import streams
from talk.progress import Progress
from talk.sending import GivenInput

#: Runs the client where standard streams are stood in for, as in IDLE (they say that they are a terminal,
#: and have no number), Thonny (they have the number, and all else, of a pipe to the window, which nobody
#: but Thonny may read) and Jupyter or Spyder (nothing comes, but there is another ``input``).
PLACES = """
import builtins, io, os, runpy, sys

place, *sys.argv = sys.argv[1:]
answers = iter(["Recife\\n", "31,5\\n", "24\\n", "\\n"])
out = sys.__stdout__


class Stream(io.TextIOBase):
    encoding, errors = "utf-8", "strict"

    def isatty(self):
        return True

    def write(self, text):
        out.write(text)
        return len(text)

    def flush(self):
        out.flush()

    def readline(self, size=-1):
        return next(answers)


class OfAPipe(Stream):
    def __getattr__(self, name):
        return getattr(sys.__stdin__, name)

    def fileno(self):
        return sys.__stdin__.fileno()


def ask(prompt=""):
    out.write(prompt)
    return next(answers)[:-1]


if place == "Jupyter":
    builtins.input = ask
else:
    sys.stdin, sys.stdout, sys.stderr = [Stream() if place == "IDLE" else OfAPipe() for each in range(3)]
sys.path.insert(0, os.getcwd())
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("place", ["IDLE", "Thonny", "Jupyter"])
def test_it_asks_there_as_at_a_terminal(start_server, place):
    port = str(start_server("--service", "temp").port)
    silent, writing = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", PLACES, place, *CLIENT, "--service", "temp", "--port", port], cwd=str(ROOT),
            env=ENVIRONMENT, stdin=subprocess.DEVNULL if place == "Jupyter" else silent, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=PATIENCE)
    finally:
        os.close(silent)
        os.close(writing)
    shown = text_of(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "BYE" in shown and shown.count("City (") == 2 and "Maximum" in shown


@pytest.mark.parametrize("place", ["IDLE", "Thonny"])
def test_a_crowd_there_is_drawn_once_at_its_end(upper_port, place):
    done = subprocess.run([sys.executable, "-c", PLACES, place, *CLIENT, "--crowd", "2", "--port", str(upper_port)],
                          cwd=str(ROOT), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE)
    shown = text_of(done.stdout)
    assert done.returncode == 0 and "Replies 2, errors 0" in shown and "\r" not in shown and "\x1b" not in shown


def test_a_stand_in_for_a_stream():
    class StandIn(io.TextIOBase):
        def isatty(self):
            return True
    assert streams.is_terminal(StandIn()) and not Progress(StandIn()).on_screen
    assert not streams.is_terminal(io.TextIOWrapper(io.BytesIO()))
    assert not streams.is_terminal(None)


@pytest.mark.skipif(os.name != "nt", reason="it is Windows where a terminal may be a pipe")
@pytest.mark.parametrize("name, terminal", [("msys-1888ae32e00d56aa-pty0-from-master", True), ("other", False)])
def test_the_terminal_of_git_bash(name, terminal):
    import ctypes
    path = r"\\.\pipe\{}".format(name)
    ctypes.windll.kernel32.CreateNamedPipeW(path, 3, 0, 1, 4096, 4096, 0, None)
    with open(path, "r", encoding="utf-8") as stream:
        assert streams.is_terminal(stream) == streams.is_msys(stream) == terminal


def test_a_silent_pipe_is_told_of_once(upper_port):
    """What comes then is sent all the same."""
    client = subprocess.Popen([sys.executable, *CLIENT, "--port", str(upper_port)], cwd=str(ROOT), env=ENVIRONMENT,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    shown, complaints = Output(client.stdout), Output(client.stderr)
    with client.stdin as typed:
        complaints.wait_for("^Standard input is no terminal here, and silent: each line that comes is sent")
        typed.write("ol\u00e1\n".encode())
        typed.flush()
        shown.wait_for("^OL\u00c1$")
    assert client.wait(PATIENCE) == 0
    assert shown.all() == "OL\u00c1\n" and complaints.all().count("\n") == 1


def test_input_that_comes_is_not_called_silent(monkeypatch):
    """Not even when the time is over in the moment in which it comes."""
    said = []

    class Timer:
        daemon = True

        def __init__(self, seconds, tell):
            self.tell = tell

        def start(self):
            pass

        def cancel(self):
            self.tell()
    monkeypatch.setattr(threading, "Timer", Timer)
    assert list(GivenInput(io.BytesIO(b"a\nb\n"), said.append)) == [b"a\n", b"b\n"]
    assert list(GivenInput(io.BytesIO(b""), said.append)) == [] and said == []
    GivenInput(io.BytesIO(b""), said.append).tell()
    assert len(said) == 1


@pytest.mark.parametrize("option", ["-I", "-P"])
@pytest.mark.parametrize("program", ["server.py", "client.py"])
def test_without_its_own_folder_on_the_path(option, program):
    """As the embeddable Python of Windows has it always, and PYTHONSAFEPATH."""
    if option == "-P" and sys.version_info < (3, 11):
        pytest.skip("this Python has no such option")
    done = subprocess.run([sys.executable, "-B", option, str(ROOT / program), "--help"], env=ENVIRONMENT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, b"") and b"--host" in done.stdout


def test_it_computes_without_its_own_folder_on_the_path():
    """With processes of its own, which must find the program too."""
    server = subprocess.Popen([sys.executable, "-u", "-B", "-I", "server.py", "--lang", "en", "--port", "0",
                               "--compute", "0.01"],
                              cwd=str(ROOT), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    shown, complaints = Output(server.stdout), Output(server.stderr)
    try:
        port = int(shown.wait_for(r"^Listening on .*:(\d+)$").group(1))
        assert run_client(port, "olá") == (0, "OLÁ\n", "")
    finally:
        server.kill()
        server.wait()
    assert "Traceback" not in complaints.all()
