"""A copy of a store's file, also while a server uses it: ``python server.py --backup FILE COPY``.

To copy the files by hand while the server writes gives a copy that is damaged, or lacks what came last: SQLite's
own copy (https://sqlite.org/backup.html) has all that was committed when it began, and nothing of what came later.
"""

import contextlib
import os
import pathlib
import sqlite3
import stat

from engine.errors import CannotStart
from engine.language import _, reason
from handlers.temperature.dbfile import HEADER, StoreError, check_header
from handlers.temperature.troubles import ANOTHER_PROGRAM, who_locks

#: Seconds to wait for another program that writes to the file.
BUSY_LIMIT = 2.0

#: What the copy is called until it is whole.
UNFINISHED = ".part"

COPIED = "Copied {count} reading(s) from {path} to {copy}."
NO_DATABASE = "it is no database"
NO_FILE = "cannot copy {path}: {reason}. Name the FILE of --db, then the COPY."
NOT_COPIED = "cannot copy {path} to {copy}: {reason}. Name another COPY."
THERE_ALREADY = "cannot copy {path} to {copy}: there is such a file already. Name another COPY, or remove that one."
NOT_FINISHED = ("cannot copy {path} to {copy}: there is {unfinished} already: another copy is being made, or one "
                "was broken off. If none is being made, remove that file.")
LOCKED = ("cannot copy {path}: {program} has locked it. A server whose folder allows no write-ahead log does that: "
          "copy the file when that has stopped.")
DAMAGED = "cannot copy {path}: {reason}. Restore it from an earlier copy."
DAMAGED_COPY = "cannot copy {path} to {copy}: the copy is damaged, and was removed. Try a COPY on another disk."

#: What SQLite says in English.
_ERRORS = [("malformed", DAMAGED), ("is locked", LOCKED)]


def back_up(path, copy):
    """Copy the readings in the file *path* to a new file *copy*; return a sentence that says so.

    Raises `CannotStart`; then there is no *copy*.
    """
    def problem(text, error=None):
        return CannotStart(_(text).format(
            path=path, copy=copy, unfinished=unfinished, reason=error and reason(error),
            program=who_locks(os.path.realpath(path)) or _(ANOTHER_PROGRAM)))
    unfinished = copy + UNFINISHED
    try:
        check_database(path)
    except StoreError as error:
        raise CannotStart(error) from None
    except OSError as error:
        raise problem(NO_FILE, error) from None
    if os.path.lexists(copy):
        raise problem(THERE_ALREADY)
    try:
        with open(unfinished, "xb"):
            pass
    except FileExistsError:
        raise problem(NOT_FINISHED) from None
    except OSError as error:
        raise problem(NOT_COPIED, error) from None
    try:
        count = copy_all(path, unfinished)
        if count is None:
            raise problem(DAMAGED_COPY)
        os.rename(unfinished, copy)  # only what is whole gets the name
    except sqlite3.DatabaseError as error:
        text = next((text for said, text in _ERRORS if said in str(error)), NOT_COPIED)
        raise problem(text, error) from None
    except OSError as error:
        raise problem(NOT_COPIED, error) from None
    finally:
        with contextlib.suppress(OSError):  # it has its name
            os.remove(unfinished)
    return _(COPIED).format(count=count, path=path, copy=copy)


def check_database(path):
    """Raise OSError or `StoreError` when the file *path* is no database."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # to open a FIFO would wait for its writer
        raise OSError(_(NO_DATABASE))
    with open(path, "rb") as file:
        check_header(file.read(HEADER) or b"?", path)


def copy_all(path, copy):
    """Copy the database *path* to the empty file *copy*, on disk when this returns; return how many readings
    are in it, None if it is not sound. Raises sqlite3.Error."""
    uri = pathlib.Path(os.path.abspath(path)).as_uri() + "?mode=rw"  # to look into its log SQLite may write
    with contextlib.closing(sqlite3.connect(uri, timeout=BUSY_LIMIT, isolation_level=None, uri=True)) as source:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master")  # Python's backup() waits for ever for a lock
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as target:
            target.execute("PRAGMA synchronous = EXTRA")
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, which may be moved
            if target.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                return None
            return target.execute("SELECT count(*) FROM readings").fetchone()[0]
