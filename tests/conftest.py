"""What the tests share: the real programs as subprocesses, and plain sockets to talk to them."""

import atexit
import codecs
import contextlib
import faulthandler
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from unittest import mock

import pytest
from side_by_side import pytest_runtestloop  # noqa: F401 (a hook)

try:
    import pty
    import termios
except ImportError:
    pty = None

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

#: Seconds after which something that should have happened will not happen any more.
PATIENCE = 20

#: Seconds after which a test that still runs is ended, with the suite: it hangs.
TEST_LIMIT = 180

# A shell starts background jobs with Ctrl+C ignored, and our programs would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: The client under test: client.py or, with --one-file, what it makes of itself.
CLIENT = ["client.py"]

#: Where the programs under test keep their compiled modules: not among the sources, and once.
COMPILED = tempfile.mkdtemp()
atexit.register(shutil.rmtree, COMPILED, True)  # True: a program that is still there may write in it

ENVIRONMENT = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8",
                   PYTHONPYCACHEPREFIX=COMPILED)
# The tests read English, whatever the machine speaks; test_language.py reads Portuguese as well.
os.environ["LANGUAGE"] = ENVIRONMENT["LANGUAGE"] = "en"
# How the user's shell has Python, and what is drawn, set up is not what is tested.
for name in "PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH", "NO_COLOR", "COLUMNS", "LINES":
    ENVIRONMENT.pop(name, None)
for name in "LC_ALL", "LC_MESSAGES", "LANG":  # in the locale of programs LANGUAGE says nothing
    if ENVIRONMENT.get(name) in ("C", "POSIX"):
        ENVIRONMENT.pop(name)
if sys.flags.dev_mode:  # what this Python shall find fault with, theirs shall too
    ENVIRONMENT.update(PYTHONDEVMODE="1", PYTHONWARNINGS=",".join(sys.warnoptions))


#: The connections that the test has made; they end with it.
connections = []


def opened(connection):
    if len(connections) > 1000:  # as in the soak
        connections[:] = [other for other in connections if other.fileno() >= 0]
    connections.append(connection)
    return connection


def short(value):
    """Return a name for the *value* of a parameter: pytest puts it into the environment, and Windows
    has a limit there."""
    return ascii(value)[:30]


def wait_until(condition, what="the condition", seconds=PATIENCE):
    """Wait until *condition* () is true; return its value. Fails when it does not come true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "waited in vain for " + what
        threading.Event().wait(0.005)


class Output:
    """Collects the lines of a pipe as they come."""

    def __init__(self, pipe):
        self.text = ""
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe):
        with pipe:
            for line in iter(pipe.readline, b""):
                with self._changed:
                    self.text += text_of(line)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, pattern, count=1):
        """Wait until *pattern* has come *count* times; return the last of these matches."""
        def found():
            return len(re.findall(pattern, self.text, re.M)) >= count
        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, PATIENCE)
            assert found(), "no {!r} in:\n{}".format(pattern, self.text)
            return list(re.finditer(pattern, self.text, re.M))[count - 1]

    def all(self):
        """Return the whole text, once the pipe has been closed."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.text


#: What starts a program of ours on Windows so that a test can stop it: there no signal reaches one
#: process alone, so a byte on its standard input stands for Ctrl+C.
STOPPABLE = ("-c", """
import os, runpy, signal, sys, threading

def stop():
    while os.read(0, 1):
        signal.raise_signal(signal.SIGINT)

threading.Thread(target=stop, name="limit", daemon=True).start()
sys.path.insert(0, os.getcwd())
program, *sys.argv[1:] = sys.argv[1:]
if program == "-c":
    code, *sys.argv[1:] = sys.argv[1:]
    exec(compile(code, "<program>", "exec"), {"__name__": "__main__"})
else:
    sys.argv[0] = program
    runpy.run_path(program, run_name="__main__")
""")


def start_program(*arguments, stdin=subprocess.DEVNULL, **streams):
    """Start Python with these *arguments* in our folder, so that `send_signal` reaches it."""
    if os.name == "nt":
        arguments, stdin = (*STOPPABLE, *arguments), subprocess.PIPE
    return subprocess.Popen([sys.executable, *arguments], cwd=str(ROOT), env=ENVIRONMENT,
                            stdin=stdin, **streams)


def send_signal(process, signum):
    """Send a signal to a *process* that `start_program` has started."""
    if os.name == "nt":
        with contextlib.suppress(OSError):  # it has ended
            os.write(process.stdin.fileno(), b"!")
    else:
        process.send_signal(signum)


class Server:
    """server.py running as a process of its own."""

    def __init__(self, *options, program=("server.py",), port="--port", listening="Listening on",
                 **popen):
        popen.setdefault("stderr", subprocess.PIPE)
        self.process = start_program(*program, *([port] if port else []), "0", *options,
                                     stdout=subprocess.PIPE, **popen)
        self.out = Output(self.process.stdout)
        self.err = Output(self.process.stderr) if self.process.stderr else self.out
        try:
            self.port = int(self.out.wait_for(listening + r".*?(\d+)\)?$").group(1))
        except AssertionError as error:
            self.kill()
            raise AssertionError("{}\n{}".format(error, self.err.text)) from None
        self.host = "::1" if "::1" in options else "127.0.0.1"

    def connect(self, source="127.0.0.1"):
        bind = None if ":" in self.host else (source, 0)
        return opened(socket.create_connection((self.host, self.port), PATIENCE, bind))

    def ask(self, message, source="127.0.0.1"):
        """Return the reply to *message*, both as str; checks that the server then closes."""
        with self.connect(source) as connection:
            connection.sendall(message.encode() + b"\n")
            return read_all(connection).decode()[:-1]

    def stop(self, signum=signal.SIGTERM):
        """Stop the server and return its exit status."""
        self.signal(signum)
        return self.process.wait(PATIENCE)

    def signal(self, signum):
        """Send the server a signal; on Windows that is always what Ctrl+C does."""
        send_signal(self.process, signum)

    def totals(self):
        """Return the totals it printed when it stopped: name -> number."""
        line = self.out.all().splitlines()[-1]
        assert line.startswith("Stopped: "), line
        return {name: int(number) for name, number in
                re.findall(r"([a-z ]+?) (\d+)", line.split(": ")[1].replace(", ", ","))}

    def cpu_seconds(self):
        """Return the processor time it has used so far (Linux)."""
        stat = pathlib.Path("/proc/{}/stat".format(self.process.pid)).read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Return the bytes of memory it holds (Linux)."""
        status = pathlib.Path("/proc/{}/status".format(self.process.pid)).read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.M).group(1)) * 1024

    def descriptors(self):
        """Return how many descriptors it has open (Linux)."""
        return len(os.listdir("/proc/{}/fd".format(self.process.pid)))

    def threads(self):
        """Return how many threads it has (Linux)."""
        return len(os.listdir("/proc/{}/task".format(self.process.pid)))

    def kill(self):
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()


def read_all(connection):
    """Return what comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def read_line(connection):
    """Return one line without its end."""
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(1)
        assert piece, "closed after {!r}".format(line)
        line += piece
    return line[:-1].decode()


def run_client(port, *arguments, text=None, timeout=PATIENCE, env=None):
    """Run the client to its end; return (exit status, standard output, standard error)."""
    done = subprocess.run(
        [sys.executable, *CLIENT, "--port", str(port), *arguments], cwd=str(ROOT),
        input=text.encode() if isinstance(text, str) else (text or b""),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env or ENVIRONMENT, timeout=timeout)
    return done.returncode, text_of(done.stdout), text_of(done.stderr)


def text_of(output):
    """Return the bytes that a program has printed as text, its lines ended as everywhere."""
    return output.decode().replace("\r\n", "\n")


def keep_reporting(server, clients=6):
    """Have so many clients send readings, each of its own city, until the server takes no more.

    Returns their threads, and how many of each city's readings, with the maxima 0, 1, 2 and so on,
    were acknowledged; a city is there when its client has ended.
    """
    acknowledged = {}

    def report(city):
        number = 0
        with contextlib.suppress(OSError), server.connect() as connection:
            with connection.makefile("rb") as replies:
                while True:
                    connection.sendall("{},{},-5\n".format(city, number).encode())
                    if replies.readline() != b"BYE\n":
                        break
                    number += 1
        acknowledged[city] = number
    threads = [threading.Thread(target=report, args=("City %d" % n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    return threads, acknowledged


def reset(connection):
    """Close with a reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.fixture(autouse=True)
def no_hanging(request):
    """End a test that hangs, with a traceback of every thread; the soak may take its time."""
    if not request.config.getoption("--soak"):
        faulthandler.dump_traceback_later(TEST_LIMIT, exit=True, file=request.config.real_stderr)
    yield
    for connection in connections:
        connection.close()
    connections.clear()
    faulthandler.cancel_dump_traceback_later()


#: server.py, its threads taking turns as often as they can.
HURRIED = ("-c", "import sys; sys.setswitchinterval(1e-6)\n"
           "import server; sys.exit(server.main(sys.argv[1:]))")


@pytest.fixture
def quick_switches():
    """Have the threads of this process take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def start_server():
    """A function that starts server.py with options; all that it started end with the test."""
    with contextlib.ExitStack() as stack:
        def start(*options, **settings):
            server = Server(*options, **settings)
            stack.callback(server.kill)
            return server
        yield start


@pytest.fixture
def start_page(start_server):
    """A function that starts server.py with a dashboard; its port is in ``page``."""
    def start(*options, **settings):
        server = start_server("--dashboard", "0", *options, **settings)
        server.page = int(server.out.wait_for(
            r"^Dashboard at http://[^/]*:(\d+)/$").group(1))
        return server
    return start


@pytest.fixture(scope="module")
def chromium():
    """One browser for all: to start one takes longer than most tests."""
    from browser import Browser
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(chromium):
    """The browser, as new."""
    chromium.complaints.clear()
    chromium.resize(1280, 720)
    yield chromium
    assert chromium.complaints == []
    chromium.open("about:blank")


@pytest.fixture(scope="session")
def upper_port():
    """The port of a server.py that is the same for all who only want answers of it."""
    server = Server("--backlog", "300")
    yield server.port
    server.kill()


@contextlib.contextmanager
def serving(handler, server_class=None, **attributes):
    """Serve *handler* in this process, by a server class with *attributes*; yields the server."""
    import server as program
    base = server_class or program.ClassroomServer
    with contextlib.ExitStack() as stack:
        # Nothing wakes the thread that waits for a free slot: it looks up now and then.
        stack.enter_context(mock.patch("server.POLL_INTERVAL", 0.05))
        server = stack.enter_context(type("Server", (base,), attributes)(("127.0.0.1", 0), handler))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(PATIENCE)


def connect(server):
    """Return a connection to a server of this process."""
    return opened(socket.create_connection(server.server_address, PATIENCE))


def ask(server, message):
    """Send the bytes *message* to a server of this process; return all that comes back."""
    with connect(server) as connection:
        connection.sendall(message)
        return read_all(connection)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def fake_server(*conversations):
    """A server that meets each connection with the next of these functions."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)

        def serve():
            for conversation in conversations:
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(PATIENCE)
                    conversation(connection)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(PATIENCE)


class Terminal:
    """The client on a pseudo-terminal, as a person sees it; ``before`` has the terminal's attributes
    as they were."""

    def __init__(self, *arguments, program=(), redirect=None, **environment):
        self.screen = self.came = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.leader, follower = pty.openpty()
        self.before = termios.tcgetattr(self.leader)
        self.process = subprocess.Popen(
            [sys.executable, *(program or CLIENT), *arguments], cwd=str(ROOT), stdin=follower,
            stdout=redirect or follower, stderr=follower, start_new_session=True,
            preexec_fn=take_terminal, env={**ENVIRONMENT, "TERM": "dumb", **environment})
        os.close(follower)

    def wait_for(self, pattern):
        """Wait until *pattern* has come, and drop the screen up to its end."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.screen):
            assert time.monotonic() < deadline, self.screen
            if select.select([self.leader], [], [], 0.1)[0]:
                try:
                    self.read()
                except OSError:  # closed: Linux says so with EIO
                    assert re.search(pattern, self.screen), self.screen
        match = re.search(pattern, self.screen)
        self.screen = self.screen[match.end():]
        return match

    def read(self):
        """Add what has come to the screen; OSError when the terminal is closed (Linux: EIO)."""
        text = self.decoder.decode(os.read(self.leader, 10000))
        self.came += text
        self.screen += text.replace("\r", "")

    def type(self, text):
        os.write(self.leader, text.encode())

    def end(self, again=""):
        """Wait for the end; return the exit status and what else was on the screen.

        *again* is typed every two seconds: a Ctrl+C between the prompt of input() and its wait
        for a key is noticed with the next key only (CPython's readline module).
        """
        deadline = time.monotonic() + PATIENCE
        next_time = time.monotonic() + 2
        try:
            while True:
                assert time.monotonic() < deadline, self.screen
                ready = select.select([self.leader], [], [], 0.1)[0]
                if ready:
                    self.read()
                elif self.process.poll() is not None:
                    break
                elif again and time.monotonic() >= next_time:
                    self.type(again)
                    next_time = time.monotonic() + 2
        except OSError:
            pass  # closed: Linux says so with EIO
        status = self.process.wait(PATIENCE)
        os.close(self.leader)
        return status, self.screen


def take_terminal():
    """Make standard input the terminal that Ctrl+C comes from."""
    import fcntl
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


needs_terminal = pytest.mark.skipif(pty is None, reason="this system has no pseudo-terminals")

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

def is_wine():
    """Tell whether this Windows is Wine, where a program that another one has started can start none."""
    if os.name != "nt":
        return False
    import ctypes
    return hasattr(ctypes.windll.ntdll, "wine_get_version")


needs_processes = pytest.mark.skipif(is_wine(), reason="not even a plain ProcessPoolExecutor starts there")

needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="also run the soak: a few minutes")
    parser.addoption("--explore", action="store_true", help="explore the core for longer: some minutes")
    parser.addoption("--one-file", action="store_true",
                     help="run client.pyz, made for it, wherever client.py would run")
    parser.addoption("--rounds", type=int, default=300, metavar="N",
                     help="random conversations of each kind against the reference")


def pytest_configure(config):
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        config.real_stderr = os.fdopen(os.dup(2), "w")
    if config.getoption("--one-file"):
        CLIENT[0] = os.path.join(COMPILED, "client.pyz")
        subprocess.run([sys.executable, "client.py", "--one-file", CLIENT[0]], cwd=str(ROOT),
                       env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)


def pytest_unconfigure(config):
    config.real_stderr.close()


def pytest_terminal_summary(terminalreporter):
    slowest = {report.nodeid: value for report in terminalreporter.getreports("passed")
               for name, value in report.user_properties if name == "slowest answer"}
    if slowest:
        terminalreporter.section("slowest of 50 honest answers under attack")
        for test, seconds in sorted(slowest.items()):
            terminalreporter.write_line("{:6.0f} ms  {}".format(seconds * 1000, test))
