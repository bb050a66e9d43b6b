"""The crash test: kill the server at random moments under load, and look for every reading.

    python benchmarks/crash.py [--kills N] [--seed N] [--clients N] [--db FILE] [--no-log]

Each round starts the server on the same file, lets several clients send readings over
connections kept open, kills the server (SIGKILL) after a random while, and starts it again. Then
the file must be sound, every reading that got its BYE must be in it, and the registry must show
of each city the last reading that did (or the one after it, whose BYE the kill prevented).

With --no-log the folder allows SQLite no write-ahead log, as a network drive: the server does with a rollback
journal. It keeps the file locked, so a copy is looked at, of what the kill has left.
"""

import argparse
import os
import pathlib
import random
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

#: Seconds after which an answer that has not come will not come.
PATIENCE = 30

#: Seconds of load before the kill, at most.
LONGEST = 0.15


class Server:
    """The server on *path*, in a process of its own."""

    def __init__(self, path, clients):
        self.process = subprocess.Popen(
            [sys.executable, "server.py", "-q", "--service", "temp", "--port", "0", "--keep-open",
             "--max-threads", str(clients + 1), "--db", path, "--lang", "en"],
            cwd=str(ROOT), stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line.startswith(b"Listening on "):
            raise SystemExit("The server did not start: {!r}".format(line))
        self.port = int(re.search(rb"(\d+)$", line.strip()).group(1))
        self.reader = threading.Thread(target=self.process.stdout.read, daemon=True)
        self.reader.start()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


def send_readings(server, city, acknowledged, ended):
    """Send readings of *city* one after the other until the server is gone.

    A reading's maximum is its number, which goes into *acknowledged* when its BYE has come.
    """
    number = acknowledged[city]
    try:
        with server.connect() as connection, connection.makefile("rb") as replies:
            while True:
                number += 1
                connection.sendall("{},{},0\n".format(city, number).encode())
                if replies.readline() != b"BYE\n":
                    return
                acknowledged[city] = number
    except OSError:
        pass  # that is how a kill looks from here
    finally:
        ended.append(city)


def forbid_log(path):
    """Make it impossible to have a write-ahead log for the database *path*: its index leads nowhere."""
    os.symlink(os.path.join(path + ".missing", "nowhere"), path + "-shm")


def copy_of(path):
    """Return the name of a copy of *path* and of what lies beside it, as a kill has left them."""
    for ending in "", "-journal":
        if os.path.exists(path + ending):
            shutil.copyfile(path + ending, path + ".copy" + ending)
        elif os.path.exists(path + ".copy" + ending):
            os.remove(path + ".copy" + ending)
    return path + ".copy"


def problems(server, path, acknowledged):
    """Return what is wrong with the file and the registry, as lines of text."""
    found = []
    database = sqlite3.connect(path)
    verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        found.append("the file is not sound: " + verdict)
    stored = {city: set() for city in acknowledged}
    for city, number in database.execute("SELECT city, maximum FROM readings"):
        stored[city].add(number)
    database.close()
    with server.connect() as connection, connection.makefile("rb") as replies:
        for city, last in acknowledged.items():
            missing = set(range(1, last + 1)) - stored[city]
            if missing:
                found.append("{}: {} acknowledged readings are not in the file".format(
                    city, len(missing)))
            if last:
                connection.sendall("?{}\n".format(city).encode())
                reply = replies.readline().decode().strip()
                if reply not in ("{},{},0".format(city, last), "{},{},0".format(city, last + 1)):
                    found.append("{}: expected {}, the registry has {}".format(city, last, reply))
            # The reading whose BYE the kill prevented may be there: the next goes on after it.
            acknowledged[city] = max(stored[city], default=0)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--db", metavar="FILE", help="a file that does not exist yet "
                        "(default: one in a folder for temporary files)")
    parser.add_argument("--no-log", action="store_true", help="in a folder without a write-ahead log")
    options = parser.parse_args()
    choose = random.Random(options.seed)
    acknowledged = {"City %d" % number: 0 for number in range(options.clients)}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.abspath(options.db or os.path.join(folder, "crash.db"))
        print("seed {}, {} clients, {}".format(options.seed, options.clients, path), flush=True)
        if options.no_log:
            forbid_log(path)
        server = Server(path, options.clients)
        killed_under_load = 0
        for kill in range(1, options.kills + 1):
            ended = []
            threads = [threading.Thread(target=send_readings,
                                        args=(server, city, acknowledged, ended))
                       for city in acknowledged]
            for thread in threads:
                thread.start()
            time.sleep(choose.uniform(0, LONGEST))
            killed_under_load += not ended
            server.kill()
            for thread in threads:
                thread.join()
            left = copy_of(path) if options.no_log else path
            server = Server(path, options.clients)
            found = problems(server, left, acknowledged)
            if found:
                server.kill()
                print("kill {}: {}".format(kill, "; ".join(found)))
                return 1
        server.kill()
    print("{} kills, {} of them with all clients still sending; {} readings acknowledged, "
          "none lost; the file was sound each time".format(
              options.kills, killed_under_load, sum(acknowledged.values())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
