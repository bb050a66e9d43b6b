"""What a balancer in front and a store behind cost, and bring: docs/growing.md in figures.

    python benchmarks/growing.py [--rounds N] [--quick]

One server and two behind HAProxy, which has the document's configuration; everything on this machine,
so all parts share its processors. Needs haproxy, redis-server and /proc (Linux).
"""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import load
from compare import ENVIRONMENT, ROOT, Table, progress

PATHS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
HEADER = ["what runs", "connections/s", "slowest ms", "servers", "HAProxy", "Redis", "load"]
TITLE = "One message a connection, 32 clients at a time; processor time in us a connection"

UPPER = ["server.py"], b"hello, world\n", b"HELLO, WORLD\n"
COMPUTING = ["server.py", "--compute", "0.002"], *UPPER[1:]
SHARED = ["docs/examples/shared.py"], b"Recife,31,24\n", b"BYE\n"

#: What is measured: a name, what the servers run, how many there are, whether HAProxy stands in
#: front, whether they are told who the client is, and how many connections are made for one.
CASES = [
    ("upper, 1 server", UPPER, 1, False, False, 10),
    ("upper, 1 server behind HAProxy", UPPER, 1, True, False, 10),
    ("upper, 2 servers behind HAProxy", UPPER, 2, True, False, 10),
    ("the same with --proxy-protocol", UPPER, 2, True, True, 10),
    ("upper --compute 0.002, 1 server", COMPUTING, 1, False, False, 1),
    ("upper --compute 0.002, 2 servers behind HAProxy", COMPUTING, 2, True, False, 1),
    ("registry in Redis, 1 server", SHARED, 1, False, False, 4),
    ("registry in Redis, 2 servers behind HAProxy", SHARED, 2, True, False, 4)]


def free_ports(count):
    """Return so many free ports, all different."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def wait_for(port):
    """Wait until somebody listens on *port*."""
    deadline = time.monotonic() + load.PATIENCE
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError("nobody listens on port %d" % port)


def start(stack, command, folder, port, **environment):
    """Start a program that listens on *port*, and ends with the *stack*; return its process."""
    process = subprocess.Popen(command, cwd=str(folder), env={**ENVIRONMENT, **environment},
                               stdout=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    wait_for(port)
    return process


def configuration(port, servers, with_header):
    """Return the document's configuration of HAProxy for these ports."""
    text = re.search("```haproxy\n(.*?)```", (ROOT / "docs/growing.md").read_text("utf-8"), re.S).group(1)
    text = text.replace(":50000", "127.0.0.1:%d" % port)
    for number, server in enumerate(servers):
        text = text.replace(":%d" % (50001 + number), ":%d" % server)
    if with_header:
        text = text.replace("maxconn 40", "maxconn 40 send-proxy-v2")
    return text if len(servers) == 2 else re.sub(".*server two.*\n", "", text)


def cpu(process):
    """Return the seconds of processor time that a process has used."""
    fields = pathlib.Path("/proc/%d/stat" % process.pid).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(what, count, balanced, with_header, total):
    """Return (connections a second, slowest, and the processor time a connection of each part)."""
    command, message, reply = what
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        port, redis_port, *ports = free_ports(2 + count)
        redis = [start(stack, ["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1",
                               "--save", "", "--appendonly", "yes", "--appendfsync", "always"],
                       folder, redis_port)] if what is SHARED else []
        options = ["-q", "--max-threads", "40"] + ["--proxy-protocol", "127.0.0.1"] * with_header
        servers = [start(stack, [sys.executable, *command, *options, "--port", str(each)], ROOT, each,
                         REDIS_PORT=str(redis_port)) for each in ports]
        haproxy = []
        if balanced:
            pathlib.Path(folder, "balancer.cfg").write_text(configuration(port, ports, with_header))
            program = shutil.which("haproxy", path=PATHS)
            haproxy = [start(stack, [program, "-f", "balancer.cfg"], folder, port)]
        else:
            port = ports[0]
        load.one_message_a_connection(port, 32, 64 + total // 10, message, reply)
        parts = servers, haproxy, redis
        before = [sum(map(cpu, part)) for part in parts] + [time.process_time()]
        began = time.perf_counter()
        waits = load.one_message_a_connection(port, 32, total, message, reply)
        seconds = time.perf_counter() - began
        after = [sum(map(cpu, part)) for part in parts] + [time.process_time()]
        return [total / seconds, max(waits),
                *((end - begin) / total for begin, end in zip(before, after))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    options = parser.parse_args()
    results = {case[0]: [] for case in CASES}
    for number in range(1 if options.quick else options.rounds):
        for name, what, count, balanced, with_header, scale in CASES:
            progress("round %d, %s" % (number + 1, name))
            results[name].append(measure(what, count, balanced, with_header,
                                         40 if options.quick else 1000 * scale))
    rows = []
    for name, figures in results.items():
        rate, slowest, *parts = [statistics.median(column) for column in zip(*figures)]
        rows.append([name, "%.0f" % rate, "%.0f" % (slowest * 1e3),
                     *("%.0f" % (part * 1e6) if part else "" for part in parts)])
    Table().add(TITLE, HEADER, rows)


if __name__ == "__main__":
    main()
