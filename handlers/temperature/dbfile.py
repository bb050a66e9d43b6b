"""The file of a store: what may be used as one, for this server alone, and as long as it is there.

It knows the names and the header of an SQLite file (https://sqlite.org/fileformat.html), not SQLite.
"""

import contextlib
import errno
import os
import stat
import tempfile

try:
    import fcntl
except ImportError:
    import msvcrt

from engine.language import _, reason

#: What marks an SQLite file as ours (bytes 68 to 71 of its header) and which schema it has
#: (bytes 60 to 63). Ours says "temp" in ASCII.
APPLICATION_ID = 0x74656D70
SCHEMA_VERSION = 1

#: The first bytes of every SQLite file, and how many of them tell us what it is.
MAGIC = b"SQLite format 3\0"
HEADER = 100

#: The byte that is locked. SQLite never uses the page that it is in, and locks other bytes of it
#: (https://sqlite.org/fileformat.html, "The Lock-Byte Page").
LOCKED_BYTE = 0x40000000 + 1000

#: What systems say when another process has locked the byte (fcntl(2)).
LOCKED = {errno.EACCES, errno.EAGAIN}

#: What SQLite adds to the name for files of its own; the first two are there while it is open.
WHILE_OPEN = "-wal", "-shm"
LONGEST_ENDING = "-journal"

#: Bytes, on Windows characters, that a name may have on the usual file systems.
LONGEST_FILE_NAME = 255

NO_FOLDER = "cannot use {path}: there is no folder {folder}. Make it, or choose another --db FILE."
NOT_A_FILE = "cannot use {path}: it is not an ordinary file. Choose another --db FILE."
LONG_NAME = ("cannot use {path}: its name is too long for the names that SQLite makes of it, "
             "8 characters longer. Choose another --db FILE.")
NOT_OPENED = "cannot use {path}: {reason}. Make it writable, or choose another --db FILE."
NOT_A_DATABASE = "cannot use {path}: it is not an SQLite database. Choose another --db FILE."
NOT_OURS = ("cannot use {path}: it is an SQLite database, but not one of this server's readings. "
            "Choose another --db FILE.")
TOO_NEW = ("cannot use {path}: a newer version of this program made it (schema {version}, expected "
           "{expected} at most). Use that version, or choose another --db FILE.")
IN_USE = ("cannot use {path}: another server is using it. Stop that one, or choose another "
          "--db FILE.")
TWO_NAMES = ("cannot use {path}: it has a second name (a hard link), and after a crash SQLite looks "
             "for its own files under one of them only. Remove the other name, or use a copy.")
NO_FOLDER_ACCESS = ("cannot use {path}: its folder takes no new files ({reason}), and SQLite needs "
                    "some beside it. Choose a --db FILE elsewhere.")
NOT_LOCKED = "cannot use {path}: it cannot be locked ({reason}). Choose another --db FILE."
NOT_THERE = ("{file} was moved, removed or replaced while the server uses it. "
             "Put it back, or start the server again")

#: The files that this process has open, by device and number: to close one that it has open twice
#: would give up the locks of both (fcntl(2)).
_open_here = set()


class StoreError(OSError):
    """The store cannot be used, or could not store: the text says why."""


class DbFile:
    """The file *path* of a store, made if it is missing, for this server alone until `close`.

    ``real`` is its name without links. Raises `StoreError` with a line for the user when the file
    cannot be used; it is then as it was before. SQLite must not touch a file that is not ours: to
    look at a table it may roll back a journal that lies beside it.
    """

    def __init__(self, path):
        self.path = path
        self.real = os.path.realpath(path)
        self._check_place()
        self._made = not os.path.exists(self.real)
        self._before = {ending for ending in (*WHILE_OPEN, LONGEST_ENDING) if os.path.lexists(self.real + ending)}
        try:
            self._file = open(self.real, "a+b")
        except OSError as error:
            text = NO_FOLDER_ACCESS if self._made else NOT_OPENED
            raise self.problem(text, reason=reason(error)) from None
        self._identity = identity_of(self.real)  # by name: what is asked by name again later
        self.real = os.path.realpath(self.real)  # Windows shortens some names, such as "x. "
        self._beside = {}  # of the files that SQLite has beside it: ending -> identity
        self._locked = False
        _open_here.add(self._identity)
        try:
            self._check_header()
            self._lock()
            if os.fstat(self._file.fileno()).st_nlink > 1:
                raise self.problem(TWO_NAMES)
            self._check_folder()
        except BaseException:
            self.undo()
            raise

    def problem(self, text, **fields):
        """Return the `StoreError` that *text* and its fields say."""
        return StoreError(_(text).format(path=self.path, **fields))

    def check_still_there(self):
        """Raise `StoreError` when the file, or one that SQLite has beside it, is not the one that
        was opened: what is written now would be lost with the next start."""
        if identity_of(self.real) != self._identity:
            raise StoreError(_(NOT_THERE).format(file=self.path))
        for ending, was in self._beside.items():
            if identity_of(self.real + ending) != was:
                raise StoreError(_(NOT_THERE).format(file=self.path + ending))

    def hold(self, with_log):
        """See to it that this file stays ours, and the only one: to be called when SQLite has opened it, with
        a write-ahead log or without."""
        self._lock()
        self._beside = {ending: identity_of(self.real + ending) for ending in WHILE_OPEN if with_log}

    def close(self):
        """Let others use the file."""
        _open_here.discard(self._identity)
        self._file.close()

    def undo(self):
        """Close the file, and remove what was made here: there is no reading in it yet."""
        if os.name == "nt":  # which removes no file that is open, here or elsewhere
            self.close()
        if self._made and self._locked and identity_of(self.real) == self._identity:
            for ending in {"", *WHILE_OPEN, LONGEST_ENDING} - self._before:
                with contextlib.suppress(OSError):  # there is none
                    os.remove(self.real + ending)
        self.close()

    def _check_place(self):
        folder = os.path.dirname(self.real)
        if not os.path.isdir(folder):
            raise self.problem(NO_FOLDER, folder=folder)
        name = os.path.basename(self.real) + LONGEST_ENDING
        if len(name if os.name == "nt" else os.fsencode(name)) > LONGEST_FILE_NAME:
            raise self.problem(LONG_NAME)
        try:
            status = os.stat(self.real)
        except OSError:
            return  # there is none yet, or open() will say what is wrong
        if not stat.S_ISREG(status.st_mode):  # to open a FIFO would wait for its reader
            raise self.problem(NOT_A_FILE)
        if identity(status) in _open_here:
            raise self.problem(IN_USE)

    def _check_header(self):
        self._file.seek(0)
        check_header(self._file.read(HEADER), self.path)

    def _lock(self):
        """Lock one byte of the file: so a second server is refused by whatever name it has it, and
        the system gives the lock back when this process is killed.

        While SQLite opens the file it may give up all locks that this process has there; when it has
        a write-ahead log, it keeps one itself. So this is done again then: `hold`.
        """
        if os.name == "nt" and self._locked:  # there a lock belongs to who took it
            return
        try:
            self._file.seek(LOCKED_BYTE)
            if os.name == "nt":
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, LOCKED_BYTE)
            self._locked = True
        except OSError as error:
            in_use = error.errno in LOCKED or os.name == "nt"  # where one word stands for all
            text = IN_USE if in_use else NOT_LOCKED
            raise self.problem(text, reason=reason(error)) from None

    def _check_folder(self):
        try:
            with tempfile.TemporaryFile(dir=os.path.dirname(self.real)):
                pass
        except OSError as error:
            raise self.problem(NO_FOLDER_ACCESS, reason=reason(error)) from None


def check_header(header, path):
    """Raise `StoreError` when *header*, the first bytes of the file *path*, is not that of readings; an empty
    file may be.

    Our marks are always in the header of the file itself, for the schema is written before the write-ahead
    log is switched on.
    """
    if not header:
        return
    if len(header) < HEADER or not header.startswith(MAGIC):
        raise StoreError(_(NOT_A_DATABASE).format(path=path))
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreError(_(NOT_OURS).format(path=path))
    version = int.from_bytes(header[60:64], "big")
    if version > SCHEMA_VERSION:
        raise StoreError(_(TOO_NEW).format(path=path, version=version, expected=SCHEMA_VERSION))


def identity(status):
    """Return what tells which file it is, whatever its name, from its *status*, an `os.stat_result`."""
    return status.st_dev, status.st_ino


def identity_of(path):
    """Return the `identity` of the file that has this name now; None when there is none."""
    try:
        return identity(os.stat(path))
    except OSError:
        return None
