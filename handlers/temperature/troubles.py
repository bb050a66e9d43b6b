"""Troubles with the file of a store: what SQLite says, as what has happened and what to do."""

import os
import shutil
import sqlite3
import sys

from engine.language import _, reason

UNREADABLE = "cannot use {path}: {reason}. Restore it from a copy, or choose another --db FILE."
DISK_FULL = ("cannot use {path}: the disk is full ({free} MB are free). Make room there, or choose another "
             "--db FILE.")
LOCKED = "cannot use {path}: {program} has locked it. End that program, or choose another --db FILE."
NO_PLACE = ("cannot use {path}: {reason}. SQLite cannot work in its folder, as on some network drives and folders "
            "shared with a virtual machine: choose a --db FILE on a disk of this machine.")
FULL_NOW = "the disk is full: {free} MB of it are free"
LOCKED_NOW = "{program} has locked the file"
ANOTHER_PROGRAM = "another program, such as the sqlite3 shell or DB Browser,"
PROGRAM = "{name} (process {number})"

#: What SQLite says in English (sqlite3ErrStr in its main.c), as a program starts and while it runs.
_ERRORS = [("disk is full", DISK_FULL, FULL_NOW), ("is locked", LOCKED, LOCKED_NOW),
          ("malformed", UNREADABLE, None), ("not a database", UNREADABLE, None)]


def why_unusable(error, path, real):
    """Return the line for the user about an *error* of SQLite, or a ValueError about a row, with which the
    file *path* (*real*: its name without links) cannot be used."""
    otherwise = NO_PLACE if isinstance(error, sqlite3.OperationalError) else UNREADABLE
    text = next((text for said, text, _now in _ERRORS if said in str(error)), otherwise)
    return _(text).format(path=path, **fields_about(error, real))


def why_not_stored(error, real):
    """Return why readings cannot be stored now in the file *real*: for the log, in parentheses."""
    text = next((now for said, _start, now in _ERRORS if said in str(error)), None)
    return _(text).format(**fields_about(error, real)) if text else reason(error)


def fields_about(error, real):
    """Return what sentences about an *error* with the file *real* may name."""
    try:
        free = shutil.disk_usage(os.path.dirname(real)).free // 10**6
    except OSError:
        free = "?"  # the system does not tell
    return {"reason": reason(error), "free": free, "program": who_locks(real) or _(ANOTHER_PROGRAM)}


def who_locks(real):
    """Return the name and the number of another process that has locked the file *real*, or the one beside it
    in which SQLite locks; None where the system, other than Linux, does not tell (proc(5), /proc/locks)."""
    if not sys.platform.startswith("linux"):
        return None
    files = set()
    for ending in "", "-shm":
        try:
            files.add(str(os.stat(real + ending).st_ino))
        except OSError:
            continue  # there is none
    try:
        with open("/proc/locks", encoding="ascii") as locks:
            entries = [line.split() for line in locks if " POSIX " in line and " WRITE " in line]
        for entry in entries:
            number = entry[-4]
            if entry[-3].rpartition(":")[2] in files and int(number) not in (os.getpid(), 0, -1):
                with open("/proc/{}/comm".format(number), encoding="utf-8", errors="replace") as name:
                    return _(PROGRAM).format(name=name.read().strip(), number=number)
    except (OSError, ValueError):
        return None
    return None
