"""The texts of the programs, and their translations: what is missing, and what is left over.

    python translations/update.py

makes the ``.mo`` that the programs read from the ``.po`` that people write, and says what does not
fit. Both are GNU gettext's formats
(https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html and MO-Files.html).
"""

import ast
import importlib
import json
import pathlib
import re
import string
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PO = HERE / "pt_BR" / "LC_MESSAGES" / "classroom.po"
MO = PO.with_suffix(".mo")

#: Where there are texts.
SOURCES = ["server.py", "client.py", "talk/*.py", "talk/*/*.py", "engine/*.py",
           "handlers/*.py", "handlers/*/*.py"]

#: Constants in capitals that are for programs.
FOR_PROGRAMS = {"FETCH", "HTTP", "INSERT", "IN_ORDER", "RUN_GUARD", "SCHEMA"}

#: Constants with single words in them.
TABLES = {"CONNECTING", "THINKING", "WAITS", "FAILURES", "SEPARATORS", "KINDS", "_KINDS", "CHECKS", "OF_TEMPERATURES",
          "DEEDS", "_FORMATS"}

#: What argparse says, in one version of Python or another, and what systems say most often.
OTHERS = [
    "usage: ", "positional arguments", "options", "optional arguments",
    "show this help message and exit", "show program's version number and exit",
    "argument %(argument_name)s: %(message)s", "expected one argument",
    "expected at most one argument", "unrecognized arguments: %s",
    "invalid choice: %(value)r (choose from %(choices)s)",
    "invalid choice: %(value)r, maybe you meant %(closest)r? (choose from %(choices)s)",
    "not allowed with argument %s", "ignored explicit argument %r",
    "ambiguous option: %(option)s could match %(matches)s",
    "Permission denied", "No such file or directory", "Is a directory", "Not a directory",
    "No space left on device", "Read-only file system", "File name too long", "Bad file descriptor",
    "Too many open files", "Too many open files in system", "Cannot allocate memory",
    "No buffer space available", "can't start new thread", "Input/output error",
    "Connection refused", "Connection reset by peer", "Connection timed out", "Broken pipe",
    "Network is unreachable", "No route to host", "Address family not supported by protocol",
    "timed out", "database is locked", "disk I/O error", "database or disk is full"]


def texts():
    """Return the texts of the source, and OTHERS, each once, in order."""
    found = []
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            found += texts_in(path)
    return list(dict.fromkeys([*found, *texts_of_the_page(), *OTHERS]))


def texts_of_the_page():
    """Return the texts in handlers/dashboard/texts.json."""
    path = ROOT / "handlers" / "dashboard" / "texts.json"
    parts = json.loads(path.read_text(encoding="utf-8")).values()
    return [text for part in parts for text in ([part] if isinstance(part, str) else part.values())]


def texts_in(path):
    """Return the texts in one module: constants in capitals with a space in them; literals in
    calls of ``_``, in log calls, in errors that are raised, and of what an option expects."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).replace(".__init__", "")
    module, tree = importlib.import_module(name), ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in tree.body:
        written = isinstance(node, ast.Assign) and not isinstance(node.value, ast.Call)
        for target in ast.walk(node) if written else []:
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
                found += texts_of_constant(target.id, getattr(module, target.id, None))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_for_texts(node.func):
            found += [argument.value for argument in node.args
                      if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                      and (" " in argument.value or called(node.func) == "_")]
    return found


def texts_of_constant(name, value):
    """Return the texts in the module's constant of this *name* and *value*."""
    if name in TABLES:
        return list(words_in(value))
    if not name.isupper() or name in FOR_PROGRAMS or not isinstance(value, str):
        return []
    return [value] if " " in value.strip() else []


def words_in(value):
    """Yield the words in *value*, maybe of a tuple or a list."""
    if isinstance(value, str) and "\n" not in value and re.search("[a-z]{3}", value):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from words_in(part)


def called(function):
    """Return the name of the *function* that is called, whatever object it belongs to."""
    return getattr(function, "id", None) or getattr(function, "attr", "")


def is_for_texts(function):
    """Tell whether a call of this *function* has texts for its arguments: the mark itself, what an
    option expects (`number`), the reason of a ``socket.timeout`` and other errors, the log."""
    name = called(function)
    return (name in ("_", "number", "timeout") or name.endswith("Error")
            or name in ("debug", "info", "warning", "error", "exception"))


def read_po(path=PO):
    """Return the pairs of texts in a ``.po`` file, as a dict; the text "" has its header."""
    pairs, parts = {}, {}
    for line in path.read_text(encoding="utf-8").splitlines() + ["msgid \"\""]:
        keyword, _, rest = line.partition(" ")
        if keyword == "msgid":
            if "msgstr" in parts:
                pairs[parts["msgid"]] = parts["msgstr"]
            parts = {}
        if keyword in ("msgid", "msgstr"):
            current, parts[keyword] = keyword, ast.literal_eval(rest)
        elif line.startswith("\""):
            parts[current] += ast.literal_eval(line)
    return pairs


def mo_of(pairs):
    """Return *pairs* of texts as the bytes of a ``.mo`` file."""
    entries = sorted((original.encode(), translated.encode())
                     for original, translated in pairs.items())
    table = 7 * 4
    offset = table + 16 * len(entries)
    index, data = [], b""
    for column in 0, 1:
        for entry in entries:
            index += [len(entry[column]), offset + len(data)]
            data += entry[column] + b"\0"
    header = [0x950412de, 0, len(entries), table, table + 8 * len(entries), 0, offset]
    return struct.pack("<%dI" % (7 + len(index)), *header, *index) + data


def fields(text):
    """Return the fields of a *text*, by name or in order, that are filled in when it is used."""
    named = [field for _, field, _, _ in string.Formatter().parse(
        re.sub(r"%(\([a-z_]+\))?[a-z]", "", text)) if field is not None]
    return sorted(named), re.findall(r"%(?:\([a-z_]+\))?[a-z]", text)


def problems(pairs):
    """Yield what is wrong with *pairs*, a line each."""
    wanted = set(texts())
    for text in sorted(wanted - set(pairs)):
        yield "missing: {!r}".format(text)
    for text in sorted(set(pairs) - wanted - {""}):
        yield "left over: {!r}".format(text)
    for text, translated in pairs.items():
        if not translated:
            yield "not translated: {!r}".format(text)
        elif text and fields(text) != fields(translated):
            yield "other fields: {!r}, {!r}".format(text, translated)


def main():
    pairs = read_po()
    found = list(problems(pairs))
    MO.write_bytes(mo_of(pairs))
    print("\n".join(found) or "{} texts.".format(len(pairs) - 1))
    return 1 if found else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
