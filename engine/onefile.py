"""The one file: the client with all its rooms and both languages, for machines that have nothing else.

It is a zip that Python runs, as those of ``zipapp`` are (PEP 441), and each time the same bytes. What is
cut off while it is copied says so: Python looks for the end of a zip in the last 64 KB of a file, so
the file has some *guards* in it, small whole zips, of which the last one is then what Python finds.
"""

import errno
import io
import os
import pathlib
import struct
import zipfile

from engine.commandline import archive
from engine.language import FOLDER, LANGUAGES, catalogue

#: Where all that belongs to it stands, when this program runs from a folder.
HOME = pathlib.Path(FOLDER).parent

#: What belongs to it, as patterns of paths in that folder. Of ``engine/`` it is what the client needs.
PARTS = ("client.py", "talk/*.py", "talk/*/*.py", "engine/__init__.py", "engine/addresses.py",
         "engine/commandline.py", "engine/escapes.py", "engine/fields.py", "engine/language.py",
         "engine/onefile.py", "engine/streams.py", "translations/*/LC_MESSAGES/*.mo")

#: The name of what Python runs of a zip; and what it runs of a guard.
MAIN = "__main__.py"
RUN_GUARD = "import sys\nsys.stderr.write({!r})\nsys.exit(2)\n"

CUT_OFF = "This file was cut off while it was copied: copy it again."

#: Bytes, before they are compressed, after which another guard is due; how the name of a guard begins.
BETWEEN_GUARDS = 50000
GUARD = "guard"

#: Bytes in which files are cut off: those of a block. Bytes of a zip's headers and of its end (APPNOTE.TXT, 4.3.7,
#: 4.3.16, 4.5.1).
BLOCK, LOCAL_HEADER, EXTRA_HEADER, END = 512, 30, 4, 22


def one_file():
    """Return the bytes of the one file. Raises OSError where a part of it cannot be read."""
    if archive():
        return pathlib.Path(archive()).read_bytes()
    return zipped(with_guards(parts()))


def parts():
    """Return what belongs to the one file, as sorted pairs of a name and bytes."""
    found = {}
    for pattern in PARTS:
        paths = list(HOME.glob(pattern))
        if not paths:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), pattern)
        found.update((path.relative_to(HOME).as_posix(), path.read_bytes()) for path in paths)
    found[MAIN] = found.pop("client.py")
    return sorted(found.items())


def with_guards(pairs):
    """Yield *pairs* of a name and bytes, and among them, first of all, the guards."""
    said = dict.fromkeys(catalogue(language).gettext(CUT_OFF) for language in LANGUAGES)
    guard = zipped([(MAIN, RUN_GUARD.format(" | ".join(said) + "\n").encode())])
    guards, size = 0, 0
    for name, data in pairs:
        if size >= guards * BETWEEN_GUARDS:
            guards += 1
            yield "{}{}.zip".format(GUARD, guards), guard
        size += len(data)
        yield name, data


def zipped(pairs):
    """Return *pairs* of a name and bytes as the bytes of a zip: zips in it as they are, all else
    compressed; with no time, owner or system that would change from one machine to the next."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archived:
        for name, data in pairs:
            entry = zipfile.ZipInfo(name)  # of the year 1980
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # a file, as Unix has them
            if name.startswith(GUARD):
                entry.extra = padding(file.tell() + LOCAL_HEADER + len(name) + len(data))
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".zip") else zipfile.ZIP_DEFLATED
            archived.writestr(entry, data, compresslevel=9)
    return file.getvalue()


def padding(end):
    """Return an extra field that moves a guard, which would *end* at that byte of the file, so that no block
    begins within its own end: there Python would find a zip that it cannot read."""
    size = EXTRA_HEADER
    if (end - END) // BLOCK == (end - 1) // BLOCK:
        return b""
    while (end + size - END) // BLOCK != (end + size - 1) // BLOCK:
        size += 1
    return struct.pack("<HH", 0xFFFF, size - EXTRA_HEADER) + b"\0" * (size - EXTRA_HEADER)
