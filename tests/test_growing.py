"""docs/growing.md: its configurations, with the balancer and the store that they are for.

Everything runs on free ports, in the test's own folder, and ends with the test.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading

import pytest
from conftest import ENVIRONMENT, PATIENCE, ROOT, Server, read_all, wait_until

TEXT = (ROOT / "docs" / "growing.md").read_text(encoding="utf-8")

#: The same in Portuguese.
TWIN = (ROOT / "docs" / "growing.pt-BR.md").read_text(encoding="utf-8")

PATHS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
HAPROXY, REDIS = (shutil.which(name, path=PATHS) for name in ("haproxy", "redis-server"))

needs_haproxy = pytest.mark.skipif(not HAPROXY, reason="haproxy is not installed here")
needs_redis = pytest.mark.skipif(not REDIS, reason="redis-server is not installed here")

SHARED = "docs/examples/shared.py"


def port_to_keep():
    """Return a free port below those that systems give to connections: it can be had again after a
    restart."""
    for port in random.sample(range(15000, 30000), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@pytest.fixture
def programs():
    """What ends with the test: programs, threads."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def start(programs):
    """A function that starts one of our servers on a port."""
    def start(port, *options, program="server.py"):
        server = Server("--port", str(port), "--max-threads", "40", *options, program=(program,))
        programs.callback(server.kill)
        return server
    return start


def run(programs, command, folder):
    """Start another program in its *folder*; what it says goes to a file there."""
    with (folder / "said.txt").open("ab") as said:
        process = subprocess.Popen(command, cwd=str(folder), stdin=subprocess.DEVNULL, stdout=said,
                                   stderr=said)
    programs.callback(process.wait)
    programs.callback(process.kill)
    return process


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Balancer:
    """HAProxy with the document's configuration, in front of servers on these *ports*."""

    def __init__(self, programs, folder, ports, default_server=None):
        self.folder, self.port = folder, port_to_keep()
        text = re.search("```haproxy\n(.*?)```", TEXT, re.S).group(1)
        if default_server:
            text = re.sub("default-server .*", default_server, text)
        for old, new in zip((" :50000", "127.0.0.1:50001", "127.0.0.1:50002"), (self.port, *ports)):
            assert old in text
            text = text.replace(old, " 127.0.0.1:{}".format(new))
        (folder / "balancer.cfg").write_text(text)
        run(programs, [HAPROXY, "-f", "balancer.cfg"], folder)
        wait_until(self.is_there, "HAProxy")

    def is_there(self):
        """Tell whether HAProxy runs: not by its port, for that would be one more client."""
        with contextlib.suppress(OSError):
            return self.command("show stat")

    def command(self, text):
        """Return the answer to a command, which the document has, on HAProxy's own socket."""
        assert text in TEXT or text.replace("two", "one") in TEXT
        with socket.socket(socket.AF_UNIX) as connection:
            with in_folder(self.folder):
                connection.connect("balancer.sock")
            connection.sendall(text.encode() + b"\n")
            return read_all(connection).decode()

    def in_use(self, name):
        """Return how many clients the server of this name has, those on their way to it counted."""
        answer = self.command("show stat")
        column = int(re.search(r"cut -d, -f1,2,(\d)", TEXT).group(1)) - 1
        rows = [line.split(",") for line in answer.splitlines()]
        assert rows[0][column] == "scur"
        number, = [int(row[column]) for row in rows if row[:2] == ["servers", name]]
        return number

    def ask(self, message, source="127.0.0.1"):
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE, (source, 0)) as connection:
            connection.sendall(message.encode() + b"\n")
            return read_all(connection).decode()


@contextlib.contextmanager
def in_folder(folder):
    """Be in *folder*: the name of a Unix socket has to be short."""
    before = os.getcwd()
    os.chdir(str(folder))
    try:
        yield
    finally:
        os.chdir(before)


class Load:
    """Clients, each of which sends readings of its own city, one after the other, a connection each; what
    they were answered."""

    def __init__(self, programs, port, clients=4):
        self.port, self.replies, self.over = port, {}, threading.Event()
        self.threads = [threading.Thread(target=self.report, args=("City {}".format(number),))
                        for number in range(clients)]
        programs.callback(self.end)
        for thread in self.threads:
            thread.start()

    def report(self, city):
        replies = self.replies[city] = []
        while not self.over.is_set():
            message = "{},{},-5\n".format(city, len(replies))
            try:
                with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
                    connection.sendall(message.encode())
                    replies.append(read_all(connection).decode())
            except OSError as error:
                replies.append(repr(error))

    def count(self, reply="BYE\n"):
        return sum(replies.count(reply) for replies in list(self.replies.values()))

    def more(self, count=100, reply="BYE\n"):
        """Wait until so many more were answered."""
        before = self.count(reply)
        wait_until(lambda: self.count(reply) >= before + count, "more answers")

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(PATIENCE)

    def others(self):
        """Return all replies but ``BYE``."""
        return [reply for replies in self.replies.values() for reply in replies if reply != "BYE\n"]


class Redis:
    """A Redis as the document starts it, which can be killed and come back."""

    def __init__(self, programs, folder):
        self.programs, self.folder, self.port = programs, folder, port_to_keep()
        self.start()

    def start(self):
        options = re.search(r"    redis-server (--appendonly .*)\n", TEXT).group(1).split()
        self.process = run(self.programs, [REDIS, *options, "--port", str(self.port),
                                           "--bind", "127.0.0.1", "--save", ""], self.folder)
        wait_until(lambda: is_open(self.port), "Redis")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def latest(self, city):
        """Return the latest maximum of a *city*, as a number."""
        return float(self.say("ZSCORE hottest \"{}\"".format(city))[1])

    def say(self, command):
        """Return the lines of Redis's answer to a *command*."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(command.encode() + b"\r\nQUIT\r\n")
            return read_all(connection).decode().split("\r\n")


def test_the_portuguese_document_has_the_same_configurations_commands_and_figures():
    """So what is run here of the one is run of the other."""
    texts = TEXT, TWIN.replace("PROCESSO", "ITS_PROCESS")
    blocks, figures = [[re.findall(pattern, text, re.M) for text in texts]
                       for pattern in (r"^```[\s\S]*?^```$|^    .*", r"^\|.*\d.*$")]
    assert blocks[0] == blocks[1] and len(blocks[0]) > 12
    assert [re.findall(r"\d+", row) for row in figures[0]] == [re.findall(r"\d+", row) for row in figures[1]]
    assert len(figures[0]) == 8


@pytest.fixture
def two(start, programs, tmp_path):
    """Two servers of ours behind HAProxy, and how each is started again."""
    ports = port_to_keep(), port_to_keep()
    servers = {name: start(port, "--service", "temp") for name, port in zip(("one", "two"), ports)}
    balancer = Balancer(programs, tmp_path, ports)
    return servers, balancer, lambda name: start(servers[name].port, "--service", "temp")


@needs_haproxy
def test_both_serve_and_checks_are_no_mistakes(two):
    servers, balancer, _ = two
    for number in range(10):
        assert balancer.ask("City {},30,20".format(number)) == "BYE\n"
    served = []
    for server in servers.values():
        server.stop()
        totals = server.totals()
        served.append(totals["served"])
        assert totals["errors"] == totals["failed"] == 0
        assert totals["accepted"] == totals["served"] + totals["gone"]
    assert min(served) > 0 and sum(served) == 10


@needs_haproxy
def test_a_rolling_restart_under_load_loses_nothing(two, programs):
    servers, balancer, start_again = two
    load = Load(programs, balancer.port)
    for name in "one", "two":
        load.more()
        balancer.command("disable server servers/" + name)
        wait_until(lambda: balancer.in_use(name) == 0, "those on their way")
        assert servers[name].stop(signal.SIGTERM) == 0
        load.more()  # by the other one alone
        servers[name] = start_again(name)
        balancer.command("enable server servers/" + name)
    load.more()
    load.end()
    assert load.others() == []
    served = 0
    for server in servers.values():
        server.stop()
        served += server.totals()["served"]
    assert served > 100  # by those that were started again


@needs_haproxy
@pytest.mark.parametrize("send", ["send-proxy-v2", "send-proxy"])
def test_the_client_is_who_connects_to_the_balancer(start, programs, tmp_path, send):
    options = re.search(r"--max-per-host \d+ --proxy-protocol [\d.]+", TEXT).group().split()
    line = re.search("    (default-server .* send-proxy-v2)\n", TEXT).group(1)
    ports = port_to_keep(), port_to_keep()
    servers = [start(port, "-v", *options) for port in ports]
    balancer = Balancer(programs, tmp_path, ports, line.replace("send-proxy-v2", send))
    for source in "127.0.0.7", "127.0.0.8":
        assert balancer.ask("hello", source) == "HELLO\n"
        wait_until(lambda: any("Served client {}:".format(source) in server.err.text
                               for server in servers))
    for server in servers:
        server.err.wait_for(r"Health check from 127\.0\.0\.1:")
    for server in servers:
        server.stop()
        totals = server.totals()
        assert totals["errors"] == totals["failed"] == totals["refused"] == 0 and totals["gone"] > 0
        assert "Health checks of the balancer, among those who are gone: {}.".format(
            totals["gone"]) in server.err.all()


@needs_haproxy
def test_the_limit_of_a_host_counts_behind_the_balancer(start, programs, tmp_path):
    ports = port_to_keep(), port_to_keep()
    start(ports[0], "--max-per-host", "1", "--proxy-protocol", "127.0.0.1")
    balancer = Balancer(programs, tmp_path, ports, "default-server check maxconn 40 send-proxy-v2")
    with socket.create_connection(("127.0.0.1", balancer.port), PATIENCE, ("127.0.0.9", 0)):
        wait_until(lambda: balancer.ask("x", "127.0.0.9")
                   == "ERR too many connections from your address\n")
        assert balancer.ask("x", "127.0.0.8") == "X\n"


@pytest.fixture
def redis(programs, tmp_path, monkeypatch):
    """A Redis, which the servers that are started then use."""
    folder = tmp_path / "redis"
    folder.mkdir()
    redis = Redis(programs, folder)
    monkeypatch.setitem(ENVIRONMENT, "REDIS_PORT", str(redis.port))
    return redis


@needs_redis
def test_a_registry_in_redis(start, redis):
    one, two = [start(port_to_keep(), program=SHARED) for _ in range(2)]
    assert one.ask("?") == two.ask("?") == "cities,0"
    assert one.ask("Recife,31.10,24") == two.ask('"São Paulo, SP",22,-3.5') == "BYE"
    assert one.ask("Recife,quente,24").startswith("ERR field 2 (max) 'quente' is not a number")
    assert one.ask("?") == two.ask("?") == 'hottest,Recife,31.1,coldest,"São Paulo, SP",-3.5,cities,2'
    assert two.ask("Recife,20,19") == "BYE"  # of a city the latest reading counts
    assert one.ask("?") == 'hottest,"São Paulo, SP",22,coldest,"São Paulo, SP",-3.5,cities,2'


def test_without_redis_the_example_says_so_at_the_start():
    port = port_to_keep()
    done = subprocess.run([sys.executable, SHARED, "--port", "0"], cwd=str(ROOT), timeout=PATIENCE,
                          env={**ENVIRONMENT, "REDIS_PORT": str(port)},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    text = done.stderr.decode()
    assert done.returncode == 1 and text.count("\n") == 1
    assert text.startswith("server.py: cannot use Redis on 127.0.0.1:{} (".format(port))
    assert text.rstrip().endswith("): start redis-server")


@needs_redis
def test_redis_is_killed_under_load_and_comes_back(start, redis, programs):
    server = start(port_to_keep(), program=SHARED)
    load = Load(programs, server.port)
    load.more()
    redis.kill()
    wait_until(lambda: len(load.others()) >= 10)
    redis.start()
    load.more()
    load.end()
    assert all(reply.startswith("ERR cannot use Redis on 127.0.0.1:") and
               reply.endswith("): send this again later\n") for reply in load.others())
    assert_acknowledged(load, redis)
    server.stop()
    assert server.totals()["failed"] == server.totals()["gone"] == 0


@needs_redis
def test_redis_has_no_room(start, redis):
    server = start(port_to_keep(), program=SHARED)
    assert server.ask("Recife,31,24") == "BYE"
    redis.say("CONFIG SET maxmemory 1")
    for message in "Natal,30,20", "?":
        reply = server.ask(message)
        assert re.match(r"ERR cannot use Redis on .* \(OOM .*\): send this again later$", reply)
    redis.say("CONFIG SET maxmemory 0")
    assert server.ask("?") == "hottest,Recife,31,coldest,Recife,24,cities,1"
    assert server.ask("Natal,30,20") == "BYE"


@needs_redis
def test_a_redis_that_hangs_does_not_hold_a_client_for_ever(start, redis):
    server = start(port_to_keep(), program=SHARED)
    redis.process.send_signal(signal.SIGSTOP)
    assert "(timed out): send this again later" in server.ask("Recife,31,24")
    redis.process.send_signal(signal.SIGCONT)
    assert server.ask("Natal,30,20") == "BYE"


@needs_haproxy
@needs_redis
def test_a_killed_server_loses_nothing_that_was_acknowledged(start, redis, programs, tmp_path):
    ports = port_to_keep(), port_to_keep()
    one, two = [start(port, program=SHARED) for port in ports]
    balancer = Balancer(programs, tmp_path, ports)
    load = Load(programs, balancer.port)
    load.more()
    one.kill()
    load.more()
    start(ports[0], program=SHARED)
    load.more()
    load.end()
    # Those whom it had in service see their connection close; a client has one at a time.
    others = load.others()
    assert len(others) <= len(load.threads) and set(others) <= {"", *filter(is_reset, others)}
    assert_acknowledged(load, redis)
    assert balancer.ask("?") == balancer.ask("?") == two.ask("?") + "\n"


def is_reset(reply):
    return reply.startswith("ConnectionResetError")


def assert_acknowledged(load, redis):
    """Of each city the last reading that had its ``BYE`` is there, or one that was sent after it."""
    for city, replies in load.replies.items():
        acknowledged = max(number for number, reply in enumerate(replies) if reply == "BYE\n")
        assert acknowledged <= redis.latest(city) < len(replies)
