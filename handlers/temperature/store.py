"""The store: every reading in an SQLite file, on disk before anybody is told so.

It knows nothing of sockets, threads and queues: its user calls it from one thread at a time.
The file is an ordinary SQLite database (https://sqlite.org/fileformat.html) that may be read while
the server runs: ``sqlite3 FILE 'select * from readings'``.

What makes a reading safe: the write-ahead log with ``synchronous=FULL`` has each transaction on
disk when COMMIT returns (https://sqlite.org/wal.html, "Performance considerations"); after a
kill or a power cut the next one who opens the file finds the transactions that were committed
and nothing of any other.

Some folders allow no such log: network drives, folders shared with a virtual machine. There a rollback
journal promises the same (``synchronous=EXTRA``: https://sqlite.org/pragma.html#pragma_synchronous). The file
is kept locked then: SQLite would give up our own lock after each transaction, with all others.
"""

import contextlib
import datetime
import decimal
import sqlite3

from engine.language import _
from handlers.temperature.dbfile import APPLICATION_ID, SCHEMA_VERSION, DbFile, StoreError
from handlers.temperature.reading import Reading
from handlers.temperature.troubles import why_not_stored, why_unusable

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

NO_LOG = "its folder does not allow a write-ahead log"
ODD_ROW = "row {id} of its readings does not hold a city and two numbers"


class Store:
    """The readings in the file *path*, which is made when it is missing or empty.

    One `Store` at a time may have the file, whatever process it is in. Raises `StoreError` with
    a line for the user when the file cannot be used; it is then as it was before. ``has_log`` tells whether
    others may read the file meanwhile; else it is locked for them.
    """

    def __init__(self, path):
        self._file = DbFile(path)
        self._database = None
        try:
            self._database, self.has_log = open_database(self._file.real)
            self._file.hold(self.has_log)
        except StoreError:
            self.close()
            raise
        except sqlite3.Error as error:
            text = why_unusable(error, path, self._file.real)
            self._file.undo()
            raise StoreError(text) from None

    def latest(self):
        """Return the latest `Reading` of each city, in the order in which they became known.

        It reads the whole history, 0.6 s for a million readings: an index would make that
        shorter and every reading dearer. Raises `StoreError`.
        """
        cities = {}  # a city keeps its place when its reading changes
        try:
            for row, city, maximum, minimum in self._database.execute(IN_ORDER):
                cities[city] = row, maximum, minimum
            return [Reading(checked_city(row, city), number_text(row, maximum), number_text(row, minimum))
                    for city, (row, maximum, minimum) in cities.items()]
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(why_unusable(error, self._file.path, self._file.real)) from None

    def append(self, readings):
        """Store *readings*, pairs of (seconds since 1970, `Reading`), in one transaction.

        When it returns they are on disk, in the file that was opened. When it raises `StoreError`
        none of them is stored (or, if the file went away in this very moment, they went with it);
        it may be called again.
        """
        rows = [(utc(seconds), reading.city, float(reading.maximum), float(reading.minimum))
                for seconds, reading in readings]
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._file.check_still_there()
            self._database.executemany(INSERT, rows)
            self._database.execute("COMMIT")
            self._file.check_still_there()
        except (sqlite3.Error, StoreError) as error:
            why = why_not_stored(error, self._file.real)  # before the ROLLBACK: who has locked it may go
            with contextlib.suppress(sqlite3.Error):  # most errors have rolled back already
                self._database.execute("ROLLBACK")
            with contextlib.suppress(sqlite3.Error):  # what was stored before is safe in one file
                self._database.execute("PRAGMA wal_checkpoint(FULL)")
            raise StoreError(why) from None

    def close(self):
        """Write the log back into the file, close it, and let others use it."""
        if self._database is not None:
            self._database.close()
        self._file.close()  # last: it holds the lock


def open_database(path):
    """Return a connection to the database in the file *path*, its schema made if it has none, and whether it
    has a write-ahead log; where that is not possible, a rollback journal. Raises sqlite3.Error."""
    try:
        return connection_to(path, with_log=True), True
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "full" in str(error):
            raise
        try:
            return connection_to(path, with_log=False), False
        except sqlite3.OperationalError:
            raise error from None


def connection_to(path, with_log):
    """Return a connection to the file *path*, with a write-ahead log or a rollback journal.

    The schema is one transaction of the ordinary kind, so that a kill in the middle leaves a
    file that is empty, or that SQLite makes empty again. Raises sqlite3.Error.
    """
    database = sqlite3.connect(path, timeout=BUSY_LIMIT, isolation_level=None,
                               check_same_thread=False)
    try:
        if not with_log:  # first of all: then a log that is there already needs no shared memory
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA fullfsync = ON")  # macOS: its fsync() stops at the disk's cache
        if not database.execute("PRAGMA user_version").fetchone()[0]:
            database.execute("BEGIN IMMEDIATE")
            database.execute("PRAGMA application_id = {}".format(APPLICATION_ID))
            database.execute("PRAGMA user_version = {}".format(SCHEMA_VERSION))
            database.execute(SCHEMA)
            database.execute("COMMIT")
        (switch_log_on if with_log else lock_for_good)(database)
    except BaseException:
        database.close()
        raise
    return database


def switch_log_on(database):
    """Have the *database* write a write-ahead log."""
    if database.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise sqlite3.OperationalError(NO_LOG)
    database.execute("PRAGMA user_version").fetchone()  # only now the log is there


def lock_for_good(database):
    """Have the *database* write a rollback journal, and keep its locks from now on."""
    database.execute("PRAGMA journal_mode = DELETE")
    database.execute("PRAGMA synchronous = EXTRA")
    database.execute("BEGIN EXCLUSIVE")
    database.execute("COMMIT")


def utc(seconds):
    """Return the time *seconds* after the beginning of 1970 as ISO 8601 in UTC."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def checked_city(row, city):
    """Return *city*, of this *row*, if it is text.

    Raises ValueError when it is none: somebody else may have written to the file.
    """
    if not isinstance(city, str):
        raise ValueError(_(ODD_ROW).format(id=row))
    return city


def number_text(row, number):
    """Return *number*, of this *row*, as text without an exponent: 24.5, not 24.50 and not 2.45e1.

    Raises ValueError for what is no number: somebody else may have written to the file.
    """
    if isinstance(number, int):
        return str(number)
    if not isinstance(number, float) or number - number != 0:  # infinity
        raise ValueError(_(ODD_ROW).format(id=row))
    return format(decimal.Decimal(repr(number)), "f")
