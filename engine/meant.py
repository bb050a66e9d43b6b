"""Meant well: what bytes look like that were to be a message, and are none.

Pure functions, from bytes or text to a sentence. They are asked only about what is refused already,
or has not become a message. What no right message can be is stated; a guess says "perhaps".
"""

import base64
import binascii
import re

from engine.language import _

UTF_16 = ("this is UTF-16: send UTF-8 (C#: Encoding.UTF8; Java: getBytes(StandardCharsets.UTF_8), "
          "not writeChars)")
UTF_32 = "this is UTF-32: send UTF-8"
JAVA_OBJECT = "this is a Java object: send text, not through an ObjectOutputStream"
PICKLE = "this is a Python object (pickle): send text, such as text.encode()"
GZIP = "this is compressed (gzip): send the text as it is"
LENGTH = ("this begins with its length ({width} byte(s)): send the text alone, ended by a line feed; "
          "not with writeUTF, BinaryWriter or {{packet,N}}")
PERHAPS_LENGTH = ("perhaps your program sends its length before each text, and {length} looks like the end of a line: "
                  "send the text alone, ended by a line feed")
PROTOBUF = "perhaps this is Protocol Buffers: send a line of text"
NUL = ("there is a NUL in it (byte {position}): send the text alone; in C strlen(buf) bytes of it, "
       "not sizeof(buf)")
BACKSLASH_N = ("there is a backslash and the letter n at the end of it: expected a line feed; write one "
               "backslash, in double quotes, and in a shell use printf")
OTHER_N = "there is '{end}' at the end of it: expected a line feed, in most languages \"\\n\""
CARRIAGE_RETURN = "it ends in a carriage return alone: end each line with a line feed"
LOOKS_LIKE = "perhaps this is {name}: send a line of plain text"

#: What the beginning of these bytes says for sure: no text in UTF-8 that a person sends begins so. Of
#: UTF-16 and UTF-32 the mark, or letters of the first 256 with their zeros (The Unicode Standard, 23.8);
#: of a Java object, a pickle and gzip their first bytes (Java Object Serialization Specification, 6.4.2;
#: PEP 307; RFC 1952). Telnet's commands (RFC 854) begin like the mark of UTF-16, but with an option.
_SURE = [
    (rb"\xff\xfe\0\0|\0\0\xfe\xff|(?:[\t\n\r -\xff]\0\0\0){2}|(?:\0\0\0[\t\n\r -\xff]){2}", UTF_32),
    (rb"\xff\xfe(?:[\0-\xff]\0|[\x32-\xff][\0-\xff])|\xfe\xff[\0-\xff]{2}"
     rb"|(?:[\t\n\r -\xff]\0){3}|(?:\0[\t\n\r -\xff]){3}", UTF_16),
    (rb"\xac\xed\0\x05", JAVA_OBJECT), (rb"\x80[\x02-\x05]", PICKLE), (rb"\x1f\x8b", GZIP)]

#: How texts of other formats begin, and some end; their names, for `format_of`.
_FORMATS = [
    (r"\s*\{.*[\"'].*:|\s*\[.*\]\s*$|\s*\[\s*[{\"]", "JSON"), (r"\s*<[?!/]?[A-Za-z]", "XML"),
    (r"\s*\(.*,.*\)\s*$", "a tuple, as Python shows it"),
    (r"[bB]([\"']).*\1\s*$", "bytes, as Python shows them")]
NAMES_WITH_VALUES = "names with values"

#: A carriage return, as a byte.
CARRIAGE = 13

#: Characters of a text by which its format is known.
ENOUGH = 300

#: Ends that are a line feed in some language, or were to be.
_OTHER_ENDS = re.compile(r"[~/%]n$")


def surely(data):
    """Return the sentence about *data*, the beginning of what a client sends or all that came so far,
    that is true for sure; None where there is none."""
    for pattern, text in _SURE:
        if re.match(pattern, data):
            return _(text)
    return _with_length(data, (4, 2))


def perhaps(data):
    """Return a sentence about *data*, bytes that are no message, or None. To be asked only where it is
    known that they are none."""
    sure = surely(data) or _with_length(data, (1,))
    if sure:
        return sure
    if b"\0" in data:
        return _(NUL).format(position=data.index(b"\0") + 1)
    text = data.decode(errors="replace")
    name = format_of(text)
    if name:
        return _(LOOKS_LIKE).format(name=_(name))
    if text.endswith("\r"):
        return _(CARRIAGE_RETURN)
    return wrong_end(text)


def behind_an_empty_message(data):
    """Return a sentence, for the case that the empty message is refused, about *data*: the bytes that came
    right behind it; or None. A length of ten looks like a line feed, and so does the tag of a field."""
    if len(data) in (10, 10 + data.endswith(b"\n")) and b"\n" not in data[:-1]:
        return _(PERHAPS_LENGTH).format(length=10)
    size = data[0] if data else 0
    if 0 < size < len(data) - 1 and data[size + 1] in b"\x10\x11\x12\x15\x1a":
        return _(PROTOBUF)
    return None


def with_hint(text, data):
    """Return *text*, which is about the bytes *data* that are no message, and what they look like."""
    hint = perhaps(data)
    return "{}; {}".format(text, hint) if hint else text


def wrong_end(text):
    """Return what is wrong with the end of *text* where a line feed was meant, or None."""
    if text.endswith("\\n"):
        return _(BACKSLASH_N)
    other = _OTHER_ENDS.search(text)
    return _(OTHER_N).format(end=other.group()) if other else None


def format_of(text):
    """Return the name of the format that *text* is in, in English (for ``_``), or None."""
    text = text[:ENOUGH]
    name = next((name for pattern, name in _FORMATS if re.match(pattern, text)), None)
    if name is None and _has_names_with_values(text):
        return NAMES_WITH_VALUES
    return name or ("base64" if _is_base64(text.strip()) else None)


def _has_names_with_values(text):
    """Tell whether *text* is like ``city=Recife&max=31`` or ``city: Recife, max: 31``."""
    name, *parts = re.split("[=:]", text)
    return len(parts) > 1 and re.match(r"\s*\w+\s*$", name) is not None and all(
        re.search(r"\S[,;&\s]\s*\w+\s*$", part) for part in parts[:-1])


def _is_base64(text):
    """Tell whether *text* is base64 of a text with a comma and a digit: no word is that by chance."""
    if len(text) < 8 or len(text) % 4 or not re.match(r"[A-Za-z0-9+/]+={0,2}$", text):
        return False
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return decoded.strip().isprintable() and re.search(r"[,;].*\d", decoded) is not None


def _with_length(data, widths):
    """Return the sentence about *data* where each message begins with its length, in so many bytes;
    else None."""
    for width in widths:
        if data and data[0] < 32 and (width == 1 or 0 in data[:width]):
            if any(_is_framed(bytes(data), width, order) for order in ("big", "little")):
                ends_lines = width == 1 and data[0] == CARRIAGE
                return _(PERHAPS_LENGTH if ends_lines else LENGTH).format(width=width, length=CARRIAGE)
    return None


def _is_framed(data, width, order):
    """Tell whether *data* is texts with their lengths before them, and nothing else. A line feed may be
    counted, or not."""
    place = 0
    while place < len(data):
        begin = place + width
        place = begin + int.from_bytes(data[place:begin], order)
        text = data[begin:place]
        if place > len(data) or len(text) < 3 or min(text[:-1]) < 32:
            return False
        place += data[place:place + 1] == b"\n"
    return True
