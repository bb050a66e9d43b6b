"""Names: who is behind an address, as a file of the teacher's says; it is read again when it changes."""

import argparse
import ipaddress
import logging
import os
import re
import stat
import threading
import time

from engine.addresses import host_of, shown
from engine.changes import stamp
from engine.escapes import printable
from engine.language import _, reason

log = logging.getLogger("server")

#: Seconds between two looks whether the file has changed.
BETWEEN_LOOKS = 1.0

#: Letters that a name may have, and bytes that the file may have.
LONGEST_NAME = 40
LONGEST_FILE = 1000000

#: Addresses of which the name is remembered as it was found; then that begins anew.
MOST_FOUND = 1000

NO_FILE = "it is no file with text in it"
CANNOT_READ = "cannot read the names in {file}: {reason}"
TOO_LONG_FILE = "{file} is too long for names: expected {limit} bytes at most"
NOT_UTF_8 = "{file} is not text in UTF-8 (byte {position}): save it again as UTF-8"
NO_EQUALS = "{file}, line {line}: expected an address, = and a name, such as 192.168.0.23 = Ana, not '{text}'"
NO_ADDRESS = ("{file}, line {line}: '{text}' is no address: expected one such as 192.168.0.23, or the "
              "beginning of some, such as 192.168.0.")
NO_NAME = "{file}, line {line}: expected a name after =, of {limit} visible characters at most"
TWICE = "{file}, line {line}: '{text}' has a name already"
OLD_NAMES_STAY = "%s. The names of before stay."
NEW_NAMES = "%d names were read again from %s."


class Names:
    """The names in the file *path*. Making it raises `argparse.ArgumentTypeError`, with a sentence, where
    the file cannot be used; later that is logged, and the names of before stay.

    What is shared: ``_known`` and ``_found``, always replaced as a whole, so that readers need no lock.
    Readers add to ``_found`` what they have found, and empty it where it is full; who does so after the
    names have changed does it to the old one. The rest is guarded by ``_looking``: one thread looks at the
    file, and nobody waits for it.
    """

    def __init__(self, path):
        self._path = path
        self._looking = threading.Lock()
        self._version = stamp(path)
        self._next_look = time.monotonic() + BETWEEN_LOOKS
        self._known, self._found = read(path), {}

    def of(self, host):
        """Return the name of a *host*, "" where it has none."""
        if time.monotonic() >= self._next_look and self._looking.acquire(blocking=False):
            try:
                self._look_again()
            finally:
                self._next_look = time.monotonic() + BETWEEN_LOOKS
                self._looking.release()
        found = self._found
        name = found.get(host)
        if name is None:
            if len(found) >= MOST_FOUND:
                found.clear()
            name = found[host] = find(self._known, host)
        return name

    def _look_again(self):
        """Read the file if it has changed."""
        version = stamp(self._path)
        if version == self._version:
            return
        self._version = version
        try:
            known = read(self._path)
        except argparse.ArgumentTypeError as error:
            return log.warning(OLD_NAMES_STAY, printable(str(error)))
        self._known, self._found = known, {}
        log.info(NEW_NAMES, len(known), printable(self._path))
        return None


def read(path):
    """Return the names in the file *path*: address, or the beginning of some -> name. Raises
    `argparse.ArgumentTypeError`."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # to open a FIFO would wait for its writer
            raise OSError(_(NO_FILE))
        with open(path, "rb") as file:
            data = file.read(LONGEST_FILE + 1)
        text = data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            problem = _(NOT_UTF_8).format(file=path, position=error.start + 1)
        else:
            problem = _(CANNOT_READ).format(file=path, reason=reason(error))
        raise argparse.ArgumentTypeError(problem) from None
    if len(data) > LONGEST_FILE:
        raise argparse.ArgumentTypeError(_(TOO_LONG_FILE).format(file=path, limit=LONGEST_FILE))
    known = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line and not line.startswith("#"):
            try:
                address, name = entry(line, known)
            except ValueError as error:
                problem, text = error.args
                raise argparse.ArgumentTypeError(_(problem).format(
                    file=path, line=number, text=text[:60], limit=LONGEST_NAME)) from None
            known[address] = name
    return known


def entry(line, known):
    """Return the address, or the beginning of some, and the name on a *line*. Raises ValueError with a
    sentence and what it is about."""
    address, equals, name = (part.strip() for part in line.partition("="))
    if not equals:
        raise ValueError(NO_EQUALS, line)
    try:
        address = whole_beginning(address) if is_beginning(address) else str(ipaddress.ip_address(address))
    except ValueError:
        raise ValueError(NO_ADDRESS, address) from None
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(NO_NAME, name)
    if address in known:
        raise ValueError(TWICE, address)
    return address, name


def is_beginning(text):
    """Tell whether *text* is the beginning of addresses: whole numbers, and a point or colon after each."""
    parts = text.split(".")
    if text.endswith(".") and len(parts) <= 4:
        return all(re.fullmatch("[0-9]{1,3}", part) and int(part) <= 255 for part in parts[:-1])
    parts = text.split(":")
    return text.endswith(":") and len(parts) <= 8 and all(
        0 < len(part) <= 4 and set(part.lower()) <= set("0123456789abcdef") for part in parts[:-1])


def whole_beginning(text):
    """Return the beginning *text* with all its digits: 4 in each group of IPv6, no needless 0 in IPv4."""
    if text[-1] == ".":
        return "".join("{}.".format(int(part)) for part in text.split(".")[:-1])
    return "".join("{:04x}:".format(int(part, 16)) for part in text.split(":")[:-1])


def find(known, host):
    """Return the name of *host* among the *known* ones; the longest beginning counts. "" if it has none."""
    if host in known:
        return known[host]
    try:
        whole = ipaddress.ip_address(host.partition("%")[0]).exploded
    except ValueError:  # it is none: nothing begins like it
        return ""
    beginnings = [each for each in known if each[-1] in ".:" and whole.startswith(each)]
    return known[max(beginnings, key=len)] if beginnings else ""


_names = None  # set once, before the threads that use it start


def use(names):
    """Let `name_of` and `who` know *names*, a `Names`, or None for none."""
    global _names
    _names = names


def name_of(address):
    """Return the name of a client with this *address*, "" where none is known."""
    host = _names and host_of(address)
    return _names.of(host.partition("%")[0]) if host else ""


def who(address):
    """Return a client's *address* as users write it, after its name if it has one."""
    name = _names and name_of(address)
    return "{} ({})".format(name, shown(address)) if name else shown(address)
