"""How fast the server is, beside its peers: everything on this machine, in one run, in one table.

    python benchmarks/compare.py [--rounds N] [--quick] [--markdown FILE] [--python PATH]

Each server runs in its own process; the servers take turns, several rounds, and the table has the
median. Where the load generator is slower than the server, what counts is the server's processor
time per request; it is read from /proc, so on other systems than Linux the seconds of the clock
stand in its place. gevent, Twisted and uvloop take part where they are installed
(``pip install -r benchmarks/requirements.txt``).
"""

import argparse
import contextlib
import importlib.util
import os
import pathlib
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import load
from peers import PEERS

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = "this server"
BARE = "bare accept loop"
LESSON = "the lesson's capped server"
HAS_PROC = os.path.exists("/proc/self/stat")

#: Where the servers keep their compiled modules, as they do on a machine that has run them before.
COMPILED = tempfile.TemporaryDirectory()
ENVIRONMENT = dict({"PYTHONPYCACHEPREFIX": COMPILED.name}, **os.environ)
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)


class Server:
    """A server in a process of its own; use it in a ``with`` statement."""

    def __init__(self, name, *options, python=sys.executable):
        if name == OURS:
            command = ["server.py", "-q", "--port", "0", *options]
        elif name == LESSON:
            command = ["-u", "tests/lesson/capped_server.py", "0"]
        else:
            command = ["benchmarks/peers.py", name, *options]
        # Into a file, since nobody has the time to read a pipe while the load runs.
        self.folder = tempfile.TemporaryDirectory()
        self.output = pathlib.Path(self.folder.name, "output")
        with self.output.open("wb") as output:
            self.process = subprocess.Popen([python, *command], cwd=str(ROOT),
                                            env=ENVIRONMENT, stdout=output)
        self.port = int(re.search(rb"(\d+)\D*$", self.first_line()).group(1))

    def first_line(self):
        """Wait for the first line of output and return it."""
        while True:
            line, line_feed, _ = self.output.read_bytes().partition(b"\n")
            if line_feed:
                return line
            if self.process.poll() is not None:
                raise RuntimeError("a server did not start")
            time.sleep(0.001)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def cpu(self):
        """Return the seconds of processor time used so far (of the clock, without /proc)."""
        if not HAS_PROC:
            return time.perf_counter()
        with open("/proc/%d/stat" % self.process.pid) as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Return the bytes of resident memory, or 0 without /proc."""
        if not HAS_PROC:
            return 0
        with open("/proc/%d/status" % self.process.pid) as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) * 1024


class Table:
    """Rows of text under a title, printed and kept for Markdown."""

    def __init__(self):
        self.parts = []

    def add(self, title, header, rows):
        widths = [max(len(row[column]) for row in [header, *rows])
                  for column in range(len(header))]
        lines = ["| " + " | ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                                   for column, (cell, width) in enumerate(zip(row, widths)))
                 + " |" for row in [header, *rows]]
        lines.insert(1, "|" + "|".join("-" * (width + 1) + ("-" if column == 0 else ":")
                                       for column, width in enumerate(widths)) + "|")
        part = "**%s**\n\n%s\n" % (title, "\n".join(lines))
        self.parts.append(part)
        progress("")
        print(part, flush=True)


def progress(text):
    """Say on the terminal what is going on, over what was said before."""
    if sys.stderr.isatty():
        sys.stderr.write(text[:78].ljust(78) + "\r")
        sys.stderr.flush()


#: Only these take part, where the command line names some.
chosen = []


def contenders(keep_open=False):
    """Return the names of the servers that can take part here."""
    names = [OURS] + [name for name, (_, module) in PEERS.items()
                      if module is None or importlib.util.find_spec(module)]
    names += [] if keep_open else [LESSON]
    return [name for name in names if name == OURS or not chosen
            or any(part in name for part in chosen)]


def rounds_of(title, names, rounds, measure):
    """Measure every server once in each round; return name -> median of its figures."""
    results = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            progress("%s: round %d of %d, %s" % (title, number + 1, rounds, name))
            results[name].append(measure(name))
    return {name: [statistics.median(column) for column in zip(*figures)]
            for name, figures in results.items()}


def microseconds(seconds):
    return "%.1f" % (seconds * 1e6)


def ratio(figure, ours):
    return "%.2f" % (figure / ours) if ours else "-"


def connections(table, clients, total, rounds):
    """One message a connection."""
    title = "one message a connection, %d client%s" % (clients, "s" if clients > 1 else "")

    def measure(name):
        # The lesson's backlog of 5 makes many clients wait for whole seconds: few will do.
        number = max(total // 200, clients) if name == LESSON and clients > 5 else total
        with Server(name) as server:
            load.one_message_a_connection(server.port, clients, max(number // 10, clients))
            cpu, began = server.cpu(), time.perf_counter()
            waits = load.one_message_a_connection(server.port, clients, number)
            seconds = time.perf_counter() - began
            return ((server.cpu() - cpu) / number, number / seconds, *load.summary(waits))
    results = rounds_of(title, contenders(), rounds, measure)
    ours = results[OURS]
    table.add(title, ["server", "CPU us", "ratio", "median wait us", "ratio", "slowest ms",
                      "connections/s"],
              [[name, microseconds(cpu), ratio(cpu, ours[0]), microseconds(median),
                ratio(median, ours[2]), "%.1f" % (slowest * 1e3), "%.0f" % rate]
               for name, (cpu, rate, median, slowest) in
               sorted(results.items(), key=lambda item: item[1][0])])


def kept_open(table, clients, total, rounds):
    """--keep-open, one message at a time."""
    title = "kept open, %d clients, one message at a time" % clients

    def measure(name):
        with Server(name, "--keep-open") as server:
            load.one_message_at_a_time(server.port, clients, total // 10)
            cpu, began = server.cpu(), time.perf_counter()
            waits = load.one_message_at_a_time(server.port, clients, total)
            seconds = time.perf_counter() - began
            return (server.cpu() - cpu) / total, total / seconds, statistics.median(waits)
    results = rounds_of(title, contenders(keep_open=True), rounds, measure)
    ours = results[OURS]
    table.add(title, ["server", "CPU us", "ratio", "median wait us", "messages/s"],
              [[name, microseconds(cpu), ratio(cpu, ours[0]), microseconds(median),
                "%.0f" % rate]
               for name, (cpu, rate, median) in
               sorted(results.items(), key=lambda item: item[1][0])])


def pipelined(table, total, rounds):
    """--keep-open, messages sent without waiting for their replies."""
    title = "kept open, 1 client, %d messages sent without waiting" % total

    def measure(name):
        with Server(name, "--keep-open") as server:
            cpu = server.cpu()
            seconds = load.without_waiting(server.port, total)
            return seconds / total, (server.cpu() - cpu) / total
    results = rounds_of(title, contenders(keep_open=True), rounds, measure)
    ours = results[OURS]
    table.add(title, ["server", "messages/s", "ours is faster by", "CPU us"],
              [[name, "%.0f" % (1 / seconds), ratio(seconds, ours[0]), microseconds(cpu)]
               for name, (seconds, cpu) in sorted(results.items(), key=lambda item: item[1])])


def services(table, total, rounds):
    """Our temp beside our upper."""
    title = "one message a connection, 32 clients: temp beside upper"
    messages = {"upper": (b"Recife,31,24\n", None), "temp": (b"Recife,31,24\n", b"BYE\n")}

    def measure(name):
        with Server(OURS, "--service", name) as server:
            cpu = server.cpu()
            load.one_message_a_connection(server.port, 32, total, *messages[name])
            return [(server.cpu() - cpu) / total]
    results = rounds_of(title, list(messages), rounds, measure)
    table.add(title, ["service", "CPU us", "ratio"],
              [[name, microseconds(cpu), ratio(cpu, results["upper"][0])]
               for name, (cpu,) in results.items()])


def waiting(table, total, rounds):
    """Services that wait, in a sleep or for the disk, beside a bare loop with the same sleep."""
    title = "services that wait, one message a connection, 32 clients"
    work, reading = ["--work", "0.0006"], (b"Recife,31,24\n", b"BYE\n")
    cases = {"bare accept loop, 4 threads": (BARE, [], ()),
             "bare accept loop, 4 threads, sleeping 0.6 ms": (BARE, work, ()),
             "ours, 4 slots, --work 0.0006": (OURS, work, ())}
    for slots in "4", "32":
        cases["ours, %s slots, temp --db" % slots] = (
            OURS, ["--service", "temp", "--max-threads", slots, "--db"], reading)

    def measure(case):
        name, options, messages = cases[case]
        with tempfile.TemporaryDirectory() as folder:
            file = [os.path.join(folder, "readings.db")] if "--db" in options else []
            with Server(name, *options, *file) as server:
                load.one_message_a_connection(server.port, 32, total // 10, *messages)
                cpu, began = server.cpu(), time.perf_counter()
                load.one_message_a_connection(server.port, 32, total, *messages)
                return ((server.cpu() - cpu) / total, total / (time.perf_counter() - began))
    results = rounds_of(title, list(cases), rounds, measure)
    table.add(title, ["server", "CPU us", "connections/s"],
              [[case, microseconds(cpu), "%.0f" % rate] for case, (cpu, rate) in results.items()])


def computing(table, total, rounds, pythons):
    """Services that need more than one core, on each of the *pythons*, a path each."""
    title = "services that compute, one message a connection, 32 clients, 4 slots"
    services = {"upper, 60 KB a message": ([], (b"x" * 60000 + b"\n",)),
                "upper, --compute 0.001": (["--compute", "0.001"], ())}
    cases = {"%s, %s" % (service, version_of(python)): (python, *services[service])
             for service in services for python in pythons}

    def measure(case):
        python, options, messages = cases[case]
        with Server(OURS, *options, python=python) as server:
            load.one_message_a_connection(server.port, 32, total // 10 + 1, *messages)
            cpu, began = server.cpu(), time.perf_counter()
            load.one_message_a_connection(server.port, 32, total, *messages)
            seconds = time.perf_counter() - began
            return total / seconds, (server.cpu() - cpu) / seconds
    results = rounds_of(title, list(cases), rounds, measure)
    first = [rate for rate, _ in list(results.values())[::len(pythons)] for _ in pythons]
    table.add(title, ["service and Python", "connections/s", "ratio", "cores in use"],
              [[case, "%.0f" % rate, ratio(rate, one), "%.2f" % cores]
               for (case, (rate, cores)), one in zip(results.items(), first)])


def version_of(python):
    """Return the version of the Python at this path, and whether it has a GIL."""
    code = ("import sys; gil = getattr(sys, '_is_gil_enabled', lambda: True)();"
            "print(sys.version.split()[0], 'with a GIL' if gil else 'without a GIL')")
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, check=True,
                          universal_newlines=True).stdout.strip()


def idle(table, clients, seconds):
    """What clients cost that do nothing."""
    rows = []
    with Server(OURS, "--keep-open", "--max-threads", "0", "--timeout", "3600",
                "--backlog", "1024") as server, contextlib.ExitStack() as stack:
        load.one_message_at_a_time(server.port, 1, 1)
        before = server.memory()
        progress("%d idle clients" % clients)
        for _ in range(clients):
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", server.port), load.PATIENCE))
            connection.sendall(b"hello\n")
            connection.recv(100)
        memory = (server.memory() - before) / clients
        cpu = server.cpu()
        time.sleep(seconds)
        rows.append(["%d idle clients, kept open, a thread each" % clients,
                     "%.1f KiB" % (memory / 1024),
                     "%.2f %%" % ((server.cpu() - cpu) / seconds * 100)])
    with Server(OURS) as server, contextlib.ExitStack() as stack:
        progress("4 silent clients, 100 waiting")
        for _ in range(104):
            stack.enter_context(
                socket.create_connection(("127.0.0.1", server.port), load.PATIENCE))
        time.sleep(0.2)
        cpu = server.cpu()
        time.sleep(seconds)
        rows.append(["4 silent clients in 4 slots, 100 waiting", "",
                     "%.2f %%" % ((server.cpu() - cpu) / seconds * 100)])
    table.add("doing nothing", ["state", "memory a client", "CPU"], rows)


def starting(table, rounds):
    """How long it takes to start, beside Python itself."""
    def run(*command):
        began = time.perf_counter()
        subprocess.run([sys.executable, *command], cwd=str(ROOT), env=ENVIRONMENT,
                       stdout=subprocess.DEVNULL)
        return time.perf_counter() - began

    def first_answer():
        began = time.perf_counter()
        with Server(OURS) as server:
            load.one_message_at_a_time(server.port, 1, 1)
            return time.perf_counter() - began
    imports = "import socketserver, argparse, logging"
    measures = {"python -c pass": lambda: run("-c", "pass"),
                "python -c '%s'" % imports: lambda: run("-c", imports),
                "python server.py --help": lambda: run("server.py", "--help"),
                "start to first answer": first_answer}
    results = rounds_of("starting", list(measures), rounds * 3,
                        lambda name: [measures[name]()])
    python = results["python -c pass"][0]
    table.add("starting", ["what", "ms", "ratio"],
              [[name, "%.1f" % (seconds * 1e3), ratio(seconds, python)]
               for name, (seconds,) in results.items()])


def run_cases(cases, table, options):
    """Run the *cases*, name -> function, that ``options.only`` names; they fill the *table*, which
    ``options.markdown`` says where to write as well."""
    machine = "Python %s, %s, %d cores" % (platform.python_version(), platform.platform(),
                                           os.cpu_count())
    print(machine + "\n")
    for name, run in cases.items():
        if options.only in name:
            run()
    if options.markdown:
        text = machine + "\n\n" + "\n".join(table.parts)
        pathlib.Path(options.markdown).write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="tiny counts: only to see it run")
    parser.add_argument("--markdown", metavar="FILE", help="also write the tables there")
    parser.add_argument("--python", metavar="PATH", action="append", default=[sys.executable],
                        help="a second Python, for the services that compute")
    parser.add_argument("--only", default="", help="only the cases whose name has this in it")
    parser.add_argument("--peers", nargs="+", default=[],
                        help="only the peers whose name has one of these in it")
    options = parser.parse_args()
    chosen.extend(options.peers)
    rounds, scale = (1, 200) if options.quick else (options.rounds, 1)
    table = Table()
    cases = {
        "32 clients": lambda: connections(table, 32, 20000 // scale, rounds),
        "4 clients": lambda: connections(table, 4, 8000 // scale, rounds),
        "1 client": lambda: connections(table, 1, 4000 // scale, rounds),
        "kept open": lambda: kept_open(table, 4, 40000 // scale, rounds),
        "pipelined": lambda: pipelined(table, 300000 // scale, rounds),
        "services": lambda: services(table, 10000 // scale, rounds),
        "waiting": lambda: waiting(table, 5000 // scale, rounds),
        "computing": lambda: computing(table, 2000 // scale, rounds, options.python),
        "idle": lambda: idle(table, 1000 // scale + 5, 3 if scale == 1 else 0.1),
        "starting": lambda: starting(table, rounds),
    }
    run_cases(cases, table, options)


if __name__ == "__main__":
    main()
