"""handlers/temperature/store.py and --db: what got its BYE is on disk, whatever happens afterwards."""

import contextlib
import os
import queue
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from conftest import (ENVIRONMENT, PATIENCE, ROOT, keep_reporting, needs_linux, read_line,
                      text_of)

from engine.errors import CannotStart
from handlers.temperature import backup, dbfile
from handlers.temperature import handler as temperature
from handlers.temperature import troubles
from handlers.temperature.backup import back_up
from handlers.temperature.reading import Reading
from handlers.temperature.store import Store, StoreError

NOON = 1700000000.25
NOT_STORED = "ERR the reading was not stored, the server could not write it: send it again later"


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "readings.db")


def rows(path, query="SELECT city, maximum, minimum FROM readings ORDER BY id"):
    """Return what another program finds in the file."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def append(store, *lines):
    store.append([(NOON, Reading(*line.split(","))) for line in lines])


# The store alone


def test_every_reading_is_kept_with_its_time_and_the_latest_count(path):
    with contextlib.closing(Store(path)) as store:
        assert store.latest() == []
        append(store, "Recife,31,24", "Olinda,30.50,.5")
        append(store, "Recife,-0,-3.25")
    assert rows(path, "SELECT * FROM readings") == [
        (1, "2023-11-14T22:13:20.250Z", "Recife", 31, 24),
        (2, "2023-11-14T22:13:20.250Z", "Olinda", 30.5, 0.5),
        (3, "2023-11-14T22:13:20.250Z", "Recife", 0, -3.25)]
    with contextlib.closing(Store(path)) as store:
        assert store.latest() == [("Recife", "0", "-3.25"), ("Olinda", "30.5", "0.5")]
    assert sorted(os.listdir(os.path.dirname(path))) == ["readings.db"]


def test_numbers_come_back_without_exponents(path):
    numbers = {"0.000000000000000001": "0.000000000000000001", "5.": "5", "+7": "7",
               "12345678901234567890": "12345678901234567000", "99999999999999999999":
               "100000000000000000000", "-273.15": "-273.15"}
    with contextlib.closing(Store(path)) as store:
        for number in numbers:
            append(store, "{0},{0},{0}".format(number))
        assert [reading.maximum for reading in store.latest()] == list(numbers.values())


def test_the_header_says_whose_file_it_is_before_the_log_is_written_back(path):
    with contextlib.closing(Store(path)):
        with open(path, "rb") as file:
            header = file.read(100)
    assert struct.unpack(">I", header[60:64])[0] == dbfile.SCHEMA_VERSION
    assert header[68:72] == b"temp"


def test_a_batch_is_stored_whole_or_not_at_all(path):
    with contextlib.closing(Store(path)) as store:
        append(store, "A,2,1")
        store._database.execute("PRAGMA max_page_count = 3")
        with pytest.raises(StoreError, match="full"):
            append(store, *("City {},2,1".format("x" * 90 + str(n)) for n in range(200)))
        assert rows(path) == [("A", 2, 1)]
        append(store, "B,2,1")
        store._database.execute("PRAGMA max_page_count = 1000000")
        append(store, *("City {},2,1".format(n) for n in range(200)))
        with pytest.raises(ValueError):
            append(store, "C,2,1", "D,two,1")
        append(store, "E,2,1")
    assert [city for city, _, _ in rows(path)] == [
        "A", "B", *("City %d" % n for n in range(200)), "E"]


def test_many_cities_come_back_in_the_order_in_which_they_became_known(path):
    with contextlib.closing(Store(path)) as store:
        for number in range(900):
            append(store, "City {},{},0".format(number * 7919 % 300, number))
        cities = store.latest()
    assert [reading.city for reading in cities] == ["City %d" % (n * 7919 % 300)
                                                    for n in range(300)]
    assert {reading.maximum for reading in cities} == {str(n) for n in range(600, 900)}


def test_an_empty_file_is_a_new_one(path):
    open(path, "w").close()
    with contextlib.closing(Store(path)) as store:
        append(store, "A,2,1")
    assert rows(path) == [("A", 2, 1)]


# Files that are refused, and left as they are


def directory(path):
    os.mkdir(path)


def fifo(path):
    os.mkfifo(path)


def text(path):
    with open(path, "w") as file:
        file.write("Recife,31,24\n" * 100)


def short_text(path):
    with open(path, "w") as file:
        file.write("SQLite format 3")


def foreign_database(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE readings (id)")
        database.execute("PRAGMA journal_mode = WAL")


def newer_version(path):
    Store(path).close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 2")


def damaged(path):
    with contextlib.closing(Store(path)) as store:
        append(store, *("City {},2,1".format(n) for n in range(1000)))
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


def a_city_that_is_none(path):
    with contextlib.closing(Store(path)) as store:
        append(store, "A,2,1")
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE readings SET city = x'00ff'")


def a_number_that_is_none(path):
    a_city_that_is_none(path)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE readings SET city = 'A', maximum = 'hot'")


def snapshot(folder):
    """Return what can be seen of the files in *folder*."""
    seen = {}
    for entry in os.scandir(folder):
        status = entry.stat()
        content = b""
        if entry.is_file():
            with open(entry.path, "rb") as file:
                content = file.read()
        seen[entry.name] = status.st_mtime_ns, status.st_mode, content
    return seen


@pytest.mark.parametrize("make, problem", [
    (directory, "not an ordinary file"), (text, "not an SQLite database"),
    (short_text, "not an SQLite database"), (foreign_database, "not one of this server's"),
    (newer_version, "a newer version of this program made it (schema 2, expected 1 at most)"),
    pytest.param(fifo, "not an ordinary file", marks=pytest.mark.skipif(
        not hasattr(os, "mkfifo"), reason="has no FIFOs"))])
def test_a_file_that_is_not_ours_is_refused_and_untouched(path, make, problem):
    make(path)
    before = snapshot(os.path.dirname(path))
    with pytest.raises(StoreError) as raised:
        Store(path)
    assert problem in str(raised.value) and path in str(raised.value)
    assert "\n" not in str(raised.value) and "another --db FILE" in str(raised.value)
    assert snapshot(os.path.dirname(path)) == before


@pytest.mark.parametrize("make, problem", [
    (damaged, "malformed"), (a_city_that_is_none, "row 1"), (a_number_that_is_none, "row 1")])
def test_a_file_of_ours_that_cannot_be_read(path, make, problem):
    make(path)
    with open(path, "rb") as file:
        before = file.read()
    with contextlib.closing(Store(path)) as store:
        with pytest.raises(StoreError, match=problem):
            store.latest()
    with open(path, "rb") as file:
        assert file.read() == before


@pytest.mark.parametrize("name", ["missing/readings.db", "x" * 300, "x" * 252, "x" * 250,
                                  "readings.db/readings.db"])
def test_a_place_where_no_file_can_be(tmp_path, name):
    (tmp_path / "readings.db").write_bytes(b"")
    before = snapshot(str(tmp_path))
    with pytest.raises(StoreError, match="cannot use"):
        Store(str(tmp_path / name))
    assert snapshot(str(tmp_path)) == before


@contextlib.contextmanager
def no_special_rights():
    """Be an ordinary user for a moment: root may write anywhere."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="has other permissions")
@pytest.mark.parametrize("what, mode, problem", [
    ("file", 0o444, "Permission denied"), ("folder", 0o555, "its folder takes no new files"),
    ("new file", 0o555, "its folder takes no new files")])
def test_read_only(what, mode, problem):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)  # the folders of pytest are for their owner alone
        path = os.path.join(folder, "readings.db")
        if what != "new file":
            with contextlib.closing(Store(path)) as store:
                append(store, "A,2,1")
            os.chmod(path, 0o666)
        os.chmod(path if what == "file" else folder, mode)
        before = snapshot(folder)
        with no_special_rights(), pytest.raises(StoreError) as raised:
            Store(path)
        assert problem in str(raised.value)
        assert snapshot(folder) == before
        os.chmod(folder, 0o777)


@pytest.mark.parametrize("name", ["{}", "{}/../folder/readings.db", "link.db", "hard.db"])
def test_one_store_at_a_time_under_whatever_name(tmp_path, monkeypatch, name):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    path = os.path.join("folder", "readings.db")
    if name == "link.db":
        try:
            os.symlink(path, name)
        except (OSError, NotImplementedError):  # as Windows does without administrator's rights
            pytest.skip("makes no symbolic links here")
        if os.path.realpath(name) == os.path.abspath(name):
            pytest.skip("Wine makes links that lead nowhere")
    other = {"{}": str(tmp_path / path), "link.db": name, "hard.db": name}.get(
        name, "folder/../" + path)
    with contextlib.closing(Store(path)) as store:
        append(store, "A,2,1")
        if name == "hard.db":
            os.link(path, name)
        for _ in range(2):
            with pytest.raises(StoreError, match="another server is using it"):
                Store(other)
            assert "another server is using it" in refused(
                "--service", "temp", "--db", os.path.abspath(other))[1]
        append(store, "B,2,1")
    if name == "hard.db":
        with pytest.raises(StoreError, match="it has a second name"):
            Store(other)
        os.remove(path)
    assert not os.path.exists(other + "-wal")
    with contextlib.closing(Store(other)) as store:
        assert len(store.latest()) == 2


#: A program that makes a store, but is killed before the statement of this number.
#: Makes a file again and again, in a child of its own, which is killed one step later each time, until one
#: is made; shows what the children ended with.
KILLED_WHILE_MAKING = """
import itertools, os, signal, sqlite3, sys
from handlers.temperature import store
for steps in itertools.count():
    child = os.fork()
    if not child:
        break
    status = os.waitpid(child, 0)[1]
    print(status)
    if not status:
        sys.exit()
left = [steps]

class Connection(sqlite3.Connection):
    def execute(self, *arguments):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(*arguments)

connect = sqlite3.connect
store.sqlite3.connect = lambda *a, **k: connect(*a, factory=Connection, **k)
store.Store(sys.argv[1].format(steps))
"""


def forbid_log(path):
    """Make it impossible to have a write-ahead log for the database *path*, as on a network drive."""
    os.symlink(path + ".missing/nowhere", path + "-shm")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="has no SIGKILL")
@pytest.mark.parametrize("log, most_steps", [(True, 10), (False, 13)])
def test_a_kill_at_any_step_of_the_making_leaves_a_file_that_opens(tmp_path, log, most_steps):
    paths = [str(tmp_path / "{}.db".format(steps)) for steps in range(3 * most_steps)]
    for path in paths:
        if not log:
            forbid_log(path)
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_MAKING, str(tmp_path / "{}.db")], cwd=str(ROOT),
                          env=ENVIRONMENT, stdout=subprocess.PIPE, timeout=PATIENCE)
    *killed, last = map(int, done.stdout.split())
    assert set(killed) == {signal.SIGKILL} and last == 0 and len(killed) >= most_steps
    for path, status in zip(paths, [*killed, last]):
        with contextlib.closing(Store(path)) as store:
            append(store, "A,2,1")
            assert store.has_log == log
        if log:
            assert rows(path) == [("A", 2, 1)]


def test_a_kill_in_the_middle_of_the_commit_that_makes_it(path):
    """What is left then: pages in the file, and beside it the journal that takes them back."""
    Store(path).close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    with open(path, "r+b") as file:
        file.truncate(4096)  # the second page did not get there
    magic = bytes.fromhex("d9d505f920a163d7")
    with open(path + "-journal", "wb") as file:  # "before, there were no pages"
        file.write((magic + struct.pack(">IIIII", 0, 1, 0, 512, 4096)).ljust(512, b"\0"))
    with contextlib.closing(Store(path)) as store:
        append(store, "A,2,1")
    assert rows(path) == [("A", 2, 1)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


# Where there can be no write-ahead log, and other troubles


needs_links = pytest.mark.skipif(os.name == "nt", reason="makes symbolic links")


@needs_links
def test_a_folder_without_a_log(path, monkeypatch):
    monkeypatch.setattr(backup, "BUSY_LIMIT", 0.05)
    forbid_log(path)
    for city in "A", "B":
        with contextlib.closing(Store(path)) as store:
            assert not store.has_log
            append(store, city + ",2,1")
            with pytest.raises(StoreError, match="another server is using it"):
                Store(path)
            with pytest.raises(CannotStart, match="locked"):
                back_up(path, path + ".copy")
    os.remove(path + "-shm")
    assert rows(path) == [("A", 2, 1), ("B", 2, 1)]
    with contextlib.closing(Store(path)) as store:
        assert store.has_log and len(store.latest()) == 2


@needs_links
def test_a_file_with_its_log_goes_to_a_folder_without(path):
    """What a kill has left in the log is not lost."""
    store = Store(path)
    append(store, "A,2,1")
    other = path + ".moved"
    for ending in "", "-wal":
        shutil.copyfile(path + ending, other + ending)
    store.close()
    forbid_log(other)
    with contextlib.closing(Store(other)) as store:
        assert store.latest() == [("A", "2", "1")] and not store.has_log


@needs_links
def test_what_was_made_where_no_store_can_be_is_removed(path):
    for ending in "-shm", "-journal":
        os.symlink(path + ".missing/nowhere", path + ending)
    before = sorted(os.listdir(os.path.dirname(path)))
    with pytest.raises(StoreError) as raised:
        Store(path)
    assert "unable to open database file. SQLite cannot work in its folder, as on some network" in str(raised.value)
    assert sorted(os.listdir(os.path.dirname(path))) == before


def test_the_server_says_that_there_is_no_log(start_server, path, monkeypatch):
    if os.name == "nt":
        pytest.skip("makes symbolic links")
    forbid_log(path)
    server = start(start_server, path)
    server.err.wait_for("its folder allows no write-ahead log, as on a network drive")
    assert server.ask("A,2,1") == "BYE"


def test_a_full_disk_is_called_so(path):
    error = sqlite3.OperationalError("database or disk is full")
    assert re.match(r"cannot use x: the disk is full \(\d+ MB are free\)\. Make room there, or choose",
                    troubles.why_unusable(error, "x", path))
    assert re.match(r"the disk is full: \d+ MB of it are free$", troubles.why_not_stored(error, path))
    assert "Restore" not in troubles.why_unusable(sqlite3.OperationalError("disk I/O error"), "x", path)
    assert "Restore it" in troubles.why_unusable(sqlite3.DatabaseError("database disk image is malformed"), "x", path)


#: A program that locks the file until its input ends.
LOCKS = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def locked_by_another(path):
    """Have another program lock the file *path* meanwhile; yields how it is called."""
    with subprocess.Popen([sys.executable, "-c", LOCKS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=ENVIRONMENT) as other:
        assert other.stdout.readline().strip() == b"locked"
        named = r"\S+ \(process {}\)".format(other.pid)
        yield named if sys.platform.startswith("linux") else "another program, such as the sqlite3 shell.*"
        other.stdin.close()


def test_who_has_locked_the_file_is_named(start_server, path):
    open(path, "wb").close()
    with locked_by_another(path) as name:
        status, said = refused("--service", "temp", "--db", path)
        assert status == 1 and re.match("server.py: cannot use .*: {} has locked it. End".format(name), said)
    server = start(start_server, path, program=("-c", IMPATIENT))
    with locked_by_another(path) as name:
        assert server.ask("A,30,1").startswith("ERR the reading was not stored")
        server.err.wait_for(r"cannot be stored for now \({} has locked the file\)".format(name))
    assert server.ask("A,30,1") == "BYE"


# A copy


def test_a_copy_made_under_load_has_all_that_was_acknowledged(start_server, path):
    server = start(start_server, path, "--max-threads", "8", "--keep-open")
    threads, acknowledged = keep_reporting(server)
    server.out.wait_for(r"^Hottest city: City . with \d{2,}$")
    with server.connect() as client:
        client.sendall(b"First,1,0\n")
        assert read_line(client) == "BYE"
    for number in range(3):
        copy = "{}.{}".format(path, number)
        status, said, problem = run_backup(path, copy)
        assert (status, problem) == (0, "")
        assert re.match(r"Copied \d{2,} reading\(s\) from ", said) and said.endswith(" to {}.\n".format(copy))
        assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
        assert rows(copy, "SELECT count(*) FROM readings WHERE city = 'First'") == [(1,)]
        assert not os.path.exists(copy + "-wal")
    assert server.stop() == 0
    for thread in threads:
        thread.join(PATIENCE)
    counts = [rows("{}.{}".format(path, number), "SELECT count(*) FROM readings")[0][0] for number in range(3)]
    assert counts == sorted(counts)
    with contextlib.closing(Store(copy)) as store:
        assert "First" in [reading.city for reading in store.latest()]


def run_backup(*names):
    done = subprocess.run([sys.executable, "server.py", "--backup", *names], cwd=str(ROOT), env=ENVIRONMENT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    return done.returncode, text_of(done.stdout), text_of(done.stderr)


def test_a_copy_that_cannot_be_made(path, tmp_path):
    Store(path).close()
    other, there = str(tmp_path / "other"), str(tmp_path / "there")
    text(there)
    before = snapshot(str(tmp_path))
    for names, problem in [((path + "x", other), "Name the FILE of --db, then the COPY"), ((there, other), "not an SQLite database"),
                           ((path, there), "there is such a file already. Name another COPY"),
                           ((path, other + "/copy"), "Name another COPY"), ((str(tmp_path), other), "cannot copy")]:
        with pytest.raises(CannotStart, match=problem):
            back_up(*names)
    assert snapshot(str(tmp_path)) == before
    status, said, problem = run_backup(path, there)
    assert (status, said) == (1, "") and problem.startswith("server.py: cannot copy ") and problem.count("\n") == 1
    status, said, problem = run_backup(path)
    assert (status, said) == (2, "") and "--backup: expected two names, the FILE of --db and the COPY" in problem
    status, said, problem = run_backup(path + "\x1b[31m", other)
    assert (status, said) == (1, "") and r"\x1b[31m" in problem and problem[:-1].isprintable()


def test_what_is_left_of_a_copy_that_was_broken_off_is_named(path):
    Store(path).close()
    text(path + ".copy.part")
    with pytest.raises(CannotStart, match=r"there is .*\.copy\.part already: another copy is being made, or one was broken off"):
        back_up(path, path + ".copy")
    assert os.path.exists(path + ".copy.part") and not os.path.exists(path + ".copy")


def test_a_damaged_file_makes_no_copy(path):
    damaged(path)
    with pytest.raises(CannotStart, match="cannot copy"):
        back_up(path, path + ".copy")
    assert not os.path.exists(path + ".copy") and not os.path.exists(path + ".copy.part")


# The server with --db


#: server.py, except that it does not wait so long for another program that writes.
IMPATIENT = """
import sys, server
from handlers.temperature import store
assert 0.5 <= store.BUSY_LIMIT <= 5
store.BUSY_LIMIT = 0.2
sys.exit(server.main(sys.argv[1:]))
"""


def start(start_server, path, *options, **settings):
    return start_server("--service", "temp", "--db", path, *options, **settings)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, None])
def test_readings_survive_a_restart(start_server, path, signum):
    server = start(start_server, path)
    for reading in ("Recife,31,24", "Teresina,40,24.50", "Olinda,40,30", '"A, ""B""",-5,-5.5',
                    "Recife,40,10"):
        assert server.ask(reading) == "BYE"
    overview = "hottest,Recife,40,coldest,\"A, \"\"B\"\"\",-5.5,cities,4"
    assert server.ask("?") == overview
    assert rows(path)[1] == ("Teresina", 40, 24.5)  # another program may look at any time
    if signum:
        assert server.stop(signum) == 0
        assert not os.path.exists(path + "-wal")
    else:
        server.kill()
    again = start(start_server, path, "--max-cities", "2")
    assert again.ask("?") == overview
    assert again.ask("?Teresina") == "Teresina,40,24.5"
    assert again.ask("New,1,0").startswith("ERR there are 4 cities already")
    assert again.ask("Olinda,1,0") == "BYE"
    assert again.stop() == 0
    assert "Readings of 4 cities came out of" in again.err.all()


def refused(*options):
    """Run the server, which does not start; return its exit status and what it says."""
    done = subprocess.run([sys.executable, "server.py", "--port", "0", *options], cwd=str(ROOT),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
                          timeout=PATIENCE)
    assert done.stdout == b""
    return done.returncode, text_of(done.stderr)


def test_what_keeps_it_from_starting_is_said_in_one_line(start_server, path, tmp_path):
    text(path)
    assert refused("--service", "temp", "--db", path) == (
        1, "server.py: cannot use {}: it is not an SQLite database. Choose another --db FILE.\n"
        .format(path))
    assert refused("--service", "temp", "--db", "")[0] == 1
    used = str(tmp_path / "used.db")
    server = start(start_server, used)
    assert refused("--service", "temp", "--db", used) == (
        1, "server.py: cannot use {}: another server is using it. Stop that one, or choose "
        "another --db FILE.\n".format(used))
    assert server.ask("A,2,1") == "BYE"
    server.kill()
    assert start(start_server, used).ask("?") == "hottest,A,2,coldest,A,1,cities,1"
    status, said = refused("--service", "upper", "--db", path)
    assert status == 2 and "upper has no use for it; --service temp has" in said and said.count("\n") == 1


def test_without_db_nothing_is_written_and_sqlite_is_not_loaded(start_server):
    before = sorted(os.listdir(str(ROOT)))
    server = start_server("--service", "temp")
    assert server.ask("A,2,1") == "BYE"
    assert server.stop() == 0
    assert sorted(os.listdir(str(ROOT))) == before
    program = "import server, sys; assert 'sqlite3' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=str(ROOT), env=ENVIRONMENT, check=True)


@needs_linux
def test_a_full_disk_and_then_a_disk_with_room(start_server, path):
    import resource
    server = start(start_server, path, "--max-cities", "3", "--max-threads", "8")
    assert server.ask("A,30,1") == "BYE"
    size = os.path.getsize(path + "-wal")
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    problem = "ERR the reading was not stored, the server could not write it: send it again later"
    for reading in "A,31,1", "B,99,1", "C,99,1", "B,98,1", "D,99,1", "E,99,1":
        assert server.ask(reading) == problem
    assert server.ask("?") == "hottest,A,30,coldest,A,1,cities,1"
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for reading in "A,29,1", "F,28,1", "G,27,1":  # no place is taken by what was not stored
        assert server.ask(reading) == "BYE"
    assert server.ask("B,1,0").startswith("ERR there are 3 cities already")
    server.err.wait_for("cannot be stored")
    server.kill()
    assert rows(path) == [("A", 30, 1), ("A", 29, 1), ("F", 28, 1), ("G", 27, 1)]
    assert server.err.all().count("cannot be stored") == 1
    assert "Traceback" not in server.err.all()


def test_another_program_that_writes_for_too_long(start_server, path):
    server = start(start_server, path, program=("-c", IMPATIENT))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert server.ask("A,30,1").startswith("ERR the reading was not stored")
        other.execute("COMMIT")
    assert server.ask("A,30,1") == "BYE"


def test_a_stop_under_load_with_a_store(start_server, path):
    server = start(start_server, path, "--max-threads", "8", "--keep-open")
    threads, acknowledged = keep_reporting(server)
    server.out.wait_for(r"^Hottest city: City . with \d{2,}$")
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 5
    for thread in threads:
        thread.join(PATIENCE)
    assert not os.path.exists(path + "-wal")
    stored = dict(rows(path, "SELECT city, count(*) FROM readings GROUP BY city"))
    for city, number in acknowledged.items():
        # The reading after the last that was acknowledged may have been taken as well; a client
        # for which the stop came too early has none.
        assert number <= stored.get(city, 0) <= number + 1


def test_a_client_that_waits_for_the_disk_when_the_server_stops_gets_its_answer(
        start_server, path):
    server = start(start_server, path, "-v", program=("-c", IMPATIENT))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with contextlib.closing(other), server.connect() as connection:
        other.execute("BEGIN IMMEDIATE")
        connection.sendall(b"A,2,1\n")
        server.err.wait_for("Serving client")
        server.signal(signal.SIGTERM)
        assert read_line(connection).startswith("ERR the reading was not stored")
        other.execute("ROLLBACK")
    assert server.process.wait(PATIENCE) == 0


def test_many_clients_share_a_transaction(path, monkeypatch):
    """What waits while the disk writes is stored together, in the order in which it came."""
    monkeypatch.setattr(temperature, "registry", temperature.Registry())
    monkeypatch.setattr(temperature, "print", lambda text: None, raising=False)
    batches, writing, written = [], threading.Event(), threading.Event()

    class SlowStore:
        def append(self, rows):
            batches.append([reading.city for _, reading in rows])
            writing.set()
            assert written.wait(PATIENCE)
    consumer = temperature.Consumer(SlowStore())
    consumer.start()
    waiters = [queue.SimpleQueue() for _ in range(40)]
    for number, waiter in enumerate(waiters):
        reading = Reading("City %d" % number, "2", "1")
        temperature.readings.put(temperature.Item(reading, NOON, waiter))
        assert writing.wait(PATIENCE)
    assert all(waiter.empty() for waiter in waiters)  # nobody is told before it is stored
    written.set()
    assert [waiter.get(timeout=PATIENCE) for waiter in waiters] == [None] * 40
    temperature.readings.put(temperature.END)
    consumer.join(PATIENCE)
    assert batches == [["City 0"], ["City %d" % number for number in range(1, 40)]]


@needs_linux
@pytest.mark.parametrize("options", [[], ["--no-log"]])
def test_killed_under_load_it_has_lost_nothing(options):
    done = subprocess.run([sys.executable, "benchmarks/crash.py", "--kills", "5", *options], cwd=str(ROOT),
                          env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60)
    assert done.returncode == 0, done.stdout.decode()
    found = re.search(rb"5 kills, .* (\d+) readings acknowledged, none lost", done.stdout)
    assert int(found.group(1)) > 20


def move(path):
    os.rename(path, path + ".old")


def replace(path):
    os.rename(path, path + ".old")
    with open(path + ".old", "rb") as old, open(path, "wb") as new:
        new.write(old.read())


def remove(path):
    os.link(path, path + ".old")  # only for the test to look into
    os.remove(path)


def remove_log(path):
    os.rename(path + "-wal", path + "-wal.old")


def remove_index(path):
    os.remove(path + "-shm")


@pytest.mark.skipif(os.name == "nt", reason="Windows does not let go of a file that is open")
@pytest.mark.parametrize("happens", [move, replace, remove, remove_log, remove_index])
def test_a_file_that_goes_away_before_the_first_reading(start_server, path, happens):
    """Also when another program then makes a new one of the same name."""
    Store(path).close()
    server = start(start_server, path)
    happens(path)
    if happens in (remove_log, remove_index):
        assert rows(path) == []
    assert server.ask("C,2,1") == NOT_STORED


@pytest.mark.skipif(os.name == "nt", reason="Windows does not let go of a file that is open")
@pytest.mark.parametrize("happens, kept_in", [
    (move, "readings.db.old"), (replace, "readings.db.old"), (remove, "readings.db.old"),
    (remove_log, "readings.db"), (remove_index, "readings.db")])
def test_a_file_that_goes_away_while_the_server_runs(start_server, path, happens, kept_in):
    """From then on readings are refused, and none that got its BYE is lost, also not by a kill."""
    server = start(start_server, path)
    for city in "A", "B":
        assert server.ask(city + ",2,1") == "BYE"
    happens(path)
    for _ in range(3):
        assert server.ask("C,2,1") == NOT_STORED
    assert server.ask("?") == "hottest,A,2,coldest,A,1,cities,2"
    server.err.wait_for("was moved, removed or replaced while the server uses it.*Put it back")
    server.kill()
    for ending in "-wal", "-shm":
        with contextlib.suppress(OSError):
            os.remove(path + ending)
    found = rows(os.path.join(os.path.dirname(path), kept_in))
    assert found[:2] == [("A", 2, 1), ("B", 2, 1)] and len(found) <= 2


def test_a_file_that_is_put_back_is_used_again(start_server, path):
    server = start(start_server, path)
    assert server.ask("A,2,1") == "BYE"
    if os.name == "nt":
        pytest.skip("Windows does not let go of a file that is open")
    move(path)
    assert server.ask("B,2,1") == NOT_STORED
    os.rename(path + ".old", path)
    assert server.ask("C,2,1") == "BYE"
    assert server.stop() == 0
    assert rows(path) == [("A", 2, 1), ("C", 2, 1)]
