"""The store: every reading in an SQLite file, on disk before anybody is told so.

It knows nothing of sockets, threads and queues: its user calls it from one thread at a time.
The file is an ordinary SQLite database (https://sqlite.org/fileformat.html) that may be read while
the server runs: ``sqlite3 FILE 'select * from readings'``.

What makes a reading safe: the write-ahead log with ``synchronous=FULL`` has each transaction on
disk when COMMIT returns (https://sqlite.org/wal.html, "Performance considerations"); after a
kill or a power cut the next one who opens the file finds the transactions that were committed
and nothing of any other.
"""

import contextlib
import datetime
import decimal
import os
import sqlite3
import stat

from handlers.temperature.reading import Reading

#: What marks an SQLite file as ours (bytes 68 to 71 of its header) and which schema it has
#: (bytes 60 to 63). Ours says "temp" in ASCII.
APPLICATION_ID = 0x74656D70
SCHEMA_VERSION = 1

#: The first bytes of every SQLite file, and how many of them tell us what it is.
MAGIC = b"SQLite format 3\0"
HEADER = 100

#: Seconds to wait for another program that writes to the file, such as the sqlite3 shell.
BUSY_LIMIT = 1.0

SCHEMA = """CREATE TABLE readings (
    id INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    city TEXT NOT NULL,
    maximum NUMERIC NOT NULL,
    minimum NUMERIC NOT NULL)"""
INSERT = "INSERT INTO readings (time, city, maximum, minimum) VALUES (?, ?, ?, ?)"
IN_ORDER = "SELECT id, city, maximum, minimum FROM readings ORDER BY id"

NO_FOLDER = "cannot use {path}: there is no folder {folder}. Make it, or choose another --db FILE."
NOT_A_FILE = "cannot use {path}: it is not an ordinary file. Choose another --db FILE."
NOT_OPENED = "cannot use {path}: {reason}. Make it writable, or choose another --db FILE."
NOT_A_DATABASE = "cannot use {path}: it is not an SQLite database. Choose another --db FILE."
NOT_OURS = ("cannot use {path}: it is an SQLite database, but not one of this server's readings. "
            "Choose another --db FILE.")
TOO_NEW = ("cannot use {path}: a newer version of this program made it (schema {version}, expected "
           "{expected} at most). Use that version, or choose another --db FILE.")
IN_USE = ("cannot use {path}: another server is using it. Stop that one, or choose another "
          "--db FILE.")
NO_FOLDER_ACCESS = ("cannot use {path}: its folder takes no new files ({reason}), and SQLite needs "
                    "some beside it. Choose a --db FILE elsewhere.")
NOT_LOCKED = ("cannot use {path}: {lock} cannot be locked ({reason}). Move that away, or choose "
              "another --db FILE.")
UNREADABLE = "cannot use {path}: {reason}. Restore it from a copy, or choose another --db FILE."
ODD_ROW = "row {id} of its readings does not hold a city and two numbers"


class StoreError(OSError):
    """The store cannot be used, or could not store: the text says why."""


class Store:
    """The readings in the file *path*, which is made when it is missing or empty.

    One `Store` at a time may have the file, whatever process it is in. Raises `StoreError` with
    a line for the user when the file cannot be used; it is then as it was before.
    """

    def __init__(self, path):
        self.path = path
        real = os.path.realpath(path)  # so that every name of the file leads to the same lock
        examine(path, real)
        self._lock = take_lock(path, real + "-lock")
        self._database = None
        try:
            self._database = open_database(real)
        except sqlite3.Error as error:
            self.close()
            raise StoreError(UNREADABLE.format(path=path, reason=error)) from None

    def latest(self):
        """Return the latest `Reading` of each city, in the order in which they became known.

        It reads the whole history, 0.6 s for a million readings: an index would make that
        shorter and every reading dearer. Raises `StoreError`.
        """
        cities = {}  # a city keeps its place when its reading changes
        try:
            for number, city, maximum, minimum in self._database.execute(IN_ORDER):
                cities[city] = number, maximum, minimum
            return [Reading(checked_city(row, city), text_of(row, maximum), text_of(row, minimum))
                    for city, (row, maximum, minimum) in cities.items()]
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(UNREADABLE.format(path=self.path, reason=error)) from None

    def append(self, readings):
        """Store *readings*, pairs of (seconds since 1970, `Reading`), in one transaction.

        When it returns they are on disk. When it raises `StoreError` none of them is stored; it
        may be called again.
        """
        rows = [(utc(seconds), reading.city, float(reading.maximum), float(reading.minimum))
                for seconds, reading in readings]
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(INSERT, rows)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):  # most errors have rolled back already
                self._database.execute("ROLLBACK")
            raise StoreError(str(error)) from None

    def close(self):
        """Write the log back into the file, close it, and let others use it."""
        if self._database is not None:
            self._database.close()
        self._lock.close()


def examine(path, real):
    """Check, without SQLite, that the file *real* is ours or new; the user calls it *path*.

    SQLite must not touch a file that is not: to look at a table it may roll back a journal that
    lies beside it. Our marks are always in the header of the file itself, for the schema is
    written before the write-ahead log is switched on. Raises `StoreError`.
    """
    folder = os.path.dirname(real)
    if not os.path.isdir(folder):
        raise StoreError(NO_FOLDER.format(path=path, folder=folder))
    try:
        if not stat.S_ISREG(os.stat(real).st_mode):  # to open a FIFO would wait for its reader
            raise StoreError(NOT_A_FILE.format(path=path))
        with open(real, "r+b") as file:
            header = file.read(HEADER)
    except FileNotFoundError:
        return
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(NOT_OPENED.format(path=path, reason=error.strerror)) from None
    if not header:
        return
    if len(header) < HEADER or not header.startswith(MAGIC):
        raise StoreError(NOT_A_DATABASE.format(path=path))
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreError(NOT_OURS.format(path=path))
    version = int.from_bytes(header[60:64], "big")
    if version > SCHEMA_VERSION:
        raise StoreError(TOO_NEW.format(path=path, version=version, expected=SCHEMA_VERSION))


def take_lock(path, lock):
    """Take the file *lock* for as long as this process lives; return what holds it, to be closed.

    Locks that the system releases when a process is killed go by other calls on every system;
    SQLite knows them all, so what holds the lock is an exclusive transaction on a database that
    stays empty. (A lock on the readings themselves would shut out the sqlite3 shell.) The file is
    never removed: one server could then lock the old one while the next locks the new one.
    Raises `StoreError`.
    """
    try:
        with open(lock, "ab"):  # SQLite would not say why it cannot
            pass
    except OSError as error:
        raise StoreError(NO_FOLDER_ACCESS.format(path=path, reason=error.strerror)) from None
    holder = sqlite3.connect(lock, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        holder.execute("PRAGMA journal_mode = MEMORY")  # no more files than this one
        holder.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        holder.close()
        text = IN_USE if "locked" in str(error) else NOT_LOCKED
        raise StoreError(text.format(path=path, lock=lock, reason=error)) from None
    return holder


def open_database(real):
    """Return a connection to the database in the file *real*, its schema made if it has none.

    The schema is one transaction of the ordinary kind, so that a kill in the middle leaves a
    file that is empty, or that SQLite makes empty again. Raises sqlite3.Error.
    """
    database = sqlite3.connect(real, timeout=BUSY_LIMIT, isolation_level=None,
                               check_same_thread=False)
    try:
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA fullfsync = ON")  # macOS: its fsync() stops at the disk's cache
        if not database.execute("PRAGMA user_version").fetchone()[0]:
            database.execute("BEGIN IMMEDIATE")
            database.execute("PRAGMA application_id = {}".format(APPLICATION_ID))
            database.execute("PRAGMA user_version = {}".format(SCHEMA_VERSION))
            database.execute(SCHEMA)
            database.execute("COMMIT")
        if database.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise sqlite3.OperationalError("its folder does not allow a write-ahead log")
    except BaseException:
        database.close()
        raise
    return database


def utc(seconds):
    """Return the time *seconds* after the beginning of 1970 as ISO 8601 in UTC."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def checked_city(row, city):
    """Return *city* if it is text; somebody else may have written to the file (ValueError)."""
    if not isinstance(city, str):
        raise ValueError(ODD_ROW.format(id=row))
    return city


def text_of(row, number):
    """Return *number* as text without an exponent: 24.5, not 24.50 and not 2.45e1.

    Raises ValueError for what is none: somebody else may have written to the file.
    """
    if isinstance(number, int):
        return str(number)
    if not isinstance(number, float) or number - number != 0:  # infinity
        raise ValueError(ODD_ROW.format(id=row))
    return format(decimal.Decimal(repr(number)), "f")
