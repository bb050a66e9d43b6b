"""The one file: the client with all its rooms and both languages, for machines that have nothing else.

It is a zip that Python runs, as those of ``zipapp`` are (PEP 441), and each time the same bytes. What is
cut off while it is copied says so: Python looks for the end of a zip in the last 64 KB of a file, so
the file has some *guards* in it, small whole zips, of which the last one is then what Python finds.
"""

import errno
import os

from engine.language import FOLDER, LANGUAGES, catalogue

NAME = "client.pyz"

#: Where all that belongs to it stands, when this program runs from a folder.
HOME = os.path.dirname(FOLDER)

#: What belongs to it, as patterns of paths in that folder. Of ``engine/`` it is what the client needs.
PARTS = ("client.py", "talk/*.py", "talk/*/*.py", "engine/__init__.py", "engine/addresses.py",
         "engine/commandline.py", "engine/escapes.py", "engine/fields.py", "engine/language.py",
         "engine/onefile.py", "engine/streams.py", "translations/*/LC_MESSAGES/*.mo")

#: What Python runs, of the whole file and of a guard.
RUN_CLIENT = "import sys\n\nfrom client import main\n\nsys.exit(main())\n"
RUN_GUARD = "import sys\nsys.stderr.write({!r})\nsys.exit(2)\n"

CUT_OFF = "This file was cut off while it was copied: copy it again."

#: Bytes, before they are compressed, after which another guard is due.
BETWEEN_GUARDS = 50000


def archive():
    """Return the path of the one file that this program runs from, None if it runs from a folder."""
    return getattr(__spec__.loader, "archive", None)


def program():
    """Return the name of the file that the client was started by, as one types it."""
    name = os.path.basename(archive() or "client.py")
    return '"{}"'.format(name) if " " in name else name


def one_file():
    """Return the bytes of the one file. Raises OSError where a part of it cannot be read."""
    if archive():
        with open(archive(), "rb") as file:
            return file.read()
    return zipped(with_guards(parts()))


def parts():
    """Return what belongs to the one file, as sorted pairs of a name and bytes."""
    import pathlib  # not above: the client loads this room for its name
    home, found = pathlib.Path(HOME), {"__main__.py": RUN_CLIENT.encode()}
    for pattern in PARTS:
        paths = list(home.glob(pattern))
        if not paths:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), pattern)
        found.update((path.relative_to(home).as_posix(), path.read_bytes()) for path in paths)
    return sorted(found.items())


def with_guards(pairs):
    """Yield *pairs* of a name and bytes, and among them, first of all, the guards."""
    said = dict.fromkeys(catalogue(language).gettext(CUT_OFF) for language in LANGUAGES)
    guard = zipped([("__main__.py", RUN_GUARD.format(" | ".join(said) + "\n").encode())])
    guards, size = 0, 0
    for name, data in pairs:
        if size >= guards * BETWEEN_GUARDS:
            guards += 1
            yield "guard{}.zip".format(guards), guard
        size += len(data)
        yield name, data


def zipped(pairs):
    """Return *pairs* of a name and bytes as the bytes of a zip: zips in it as they are, all else
    compressed; with no time, owner or system that would change from one machine to the next."""
    import io
    import zipfile
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archived:
        for name, data in pairs:
            entry = zipfile.ZipInfo(name)  # of the year 1980
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # a file, as Unix has them
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".zip") else zipfile.ZIP_DEFLATED
            archived.writestr(entry, data, compresslevel=9)
    return file.getvalue()
