"""The texts of the programs, and their translations: what is missing, and what is left over.

    python translations/update.py

makes, for each language, the ``.mo`` that the programs read from the ``.po`` that people write, and says
what does not fit. For a language that has no ``.po`` yet it writes one, with nothing translated. Both
are GNU gettext's formats
(https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html and MO-Files.html).
"""

import ast
import functools
import importlib
import json
import pathlib
import re
import string
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from engine import language  # noqa: E402 - it stands beside this folder


#: The language of which every text has to be there; of another one those that are not are in English.
WHOLE = "pt"

#: Where there are texts.
SOURCES = ["server.py", "client.py", "talk/*.py", "talk/*/*.py", "engine/*.py",
           "handlers/*.py", "handlers/*/*.py"]

#: Constants in capitals that are for programs.
FOR_PROGRAMS = {"FETCH", "HTTP", "INSERT", "IN_ORDER", "RUN_GUARD", "SCHEMA"}

#: Constants with single words in them.
TABLES = {"CONNECTING", "THINKING", "WAITS", "FAILURES", "SEPARATORS", "KINDS", "_KINDS", "CHECKS", "OF_TEMPERATURES",
          "DEEDS", "_FORMATS"}

#: What the lines of a ``.po`` file begin with, but for those that go on with a text, and comments.
KEYWORDS = "msgctxt", "msgid", "msgstr"

#: The first entry of a ``.po`` file.
HEADER = ("Language: {}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
          "Content-Transfer-Encoding: 8bit\n")

#: What stands between a context and its text in a ``.mo`` file.
IN_CONTEXT = "\x04"

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


@functools.lru_cache(maxsize=None)
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


def po_of(spoken):
    """Return the path of the ``.po`` file of a language; its ``.mo`` lies beside it."""
    return HERE / language.LANGUAGES[spoken] / "LC_MESSAGES" / (language.DOMAIN + ".po")


def quoted(text):
    """Return *text* as a ``.po`` file has it, a line of it a line there."""
    *whole, rest = text.replace("\\", "\\\\").replace('"', '\\"').split("\n")
    lines = [line + "\\n" for line in whole] + ([rest] if rest or not whole else [])
    return "\n".join('"{}"'.format(line) for line in (lines if len(lines) == 1 else ["", *lines]))


def new_po(spoken):
    """Return what a ``.po`` file of a language has at first: a header, and each text, not translated."""
    header = HEADER.format(language.LANGUAGES[spoken])
    return "\n\n".join(["msgid \"\"\nmsgstr " + quoted(header)] + [
        "msgid {}\nmsgstr \"\"".format(quoted(text)) for text in texts()]) + "\n"


def read_po(path):
    """Return the pairs of texts in a ``.po`` file, as a dict; the text "" has its header.

    Raises ValueError, which names the line, where it is no such file.
    """
    pairs, parts, keyword = {}, {}, None
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    for number, line in enumerate([*lines, "msgid \"\""], 1):
        first, space, rest = line.partition(" ")
        if first in KEYWORDS:
            if first != "msgstr" and "msgstr" in parts:
                pairs[IN_CONTEXT.join(filter(None, (parts.get("msgctxt"), parts["msgid"])))] = parts["msgstr"]
                parts = {}
            keyword, parts[first] = first, ""
        elif line.startswith("\""):
            rest = line
        elif not line.strip() or line.startswith("#"):
            continue
        if not re.fullmatch(r'"([^"\\]|\\.)*"', rest.strip()) or keyword not in parts:
            raise ValueError("{}, line {}: expected msgid or msgstr and a text in quotes, not {!r}".format(
                path.name, number, line))
        parts[keyword] += ast.literal_eval(rest.strip())
    return pairs


def mo_of(pairs):
    """Return *pairs* of texts, those that are translated, as the bytes of a ``.mo`` file."""
    entries = sorted((original.encode(), translated.encode())
                     for original, translated in pairs.items() if translated)
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
    parts = string.Formatter().parse(re.sub(r"%(\([a-z_]+\))?[a-z]", "", text))
    named = [part[1] for part in parts if part[1] is not None]
    return sorted(named), re.findall(r"%(?:\([a-z_]+\))?[a-z]", text)


def missing(pairs):
    """Return the texts that *pairs* do not translate, in order."""
    return [text for text in texts() if not pairs.get(text)]


def problems(pairs):
    """Yield what is wrong with *pairs*, a line each; not what is missing."""
    wanted = set(texts())
    may_be = wanted | {context + IN_CONTEXT + text for context in language.CONTEXTS for text in wanted}
    for text in sorted(set(pairs) - may_be - {""}):
        yield "left over: {!r}".format(text)
    for text, translated in pairs.items():
        if text and translated and fields(text) != fields(translated):
            yield "other fields: {!r}, {!r}".format(text, translated)


def update(spoken):
    """Make the ``.mo`` file of a language, and its ``.po`` file if there is none; return what is wrong."""
    path = po_of(spoken)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(new_po(spoken), encoding="utf-8")
    try:
        pairs = read_po(path)
    except ValueError as error:
        return [str(error)]
    path.with_suffix(".mo").write_bytes(mo_of(pairs))
    left = missing(pairs)
    print("{}: {} texts, {} translated.".format(path.relative_to(ROOT), len(texts()), len(texts()) - len(left)))
    return ["missing: {!r}".format(text) for text in left if spoken == WHOLE] + list(problems(pairs))


def main():
    found = [line for spoken in language.LANGUAGES if spoken != "en" for line in update(spoken)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
