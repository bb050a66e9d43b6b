"""Fields: a line of CSV, as a message or a reply has it, and the numbers in it."""

import csv
import functools
import io
import re

#: Matches a number as messages have it, with a decimal point: ``31``, ``-3.5``, ``+.5``.
is_number = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII).fullmatch


def as_number(text):
    """Return *text*, of a person who may write a decimal comma, as a number with a decimal point;
    None when it is none."""
    number = text.strip().replace(",", ".")
    return number if is_number(number) else None


def fields_of(line, separator=","):
    """Return the fields of a *line* of CSV (RFC 4180), as they stand there; None where its quotes do not
    pair, or stand within a field that has none around it. There may be spaces around quotes."""
    if '"' not in line:
        return line.split(separator)  # without quotes that is all there is to it
    fields, place, match = [], 0, _field(separator)
    while True:
        found = match(line, place)
        if not found:
            return None
        quoted, plain, end = found.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        if not end:
            return fields
        place = found.end()


@functools.lru_cache(maxsize=None)
def _field(separator):
    """Return what matches a field and the *separator*, or the end, behind it."""
    blank = "[ \t]*".replace(separator, "")
    return re.compile(r'(?:{1}"([^"]*(?:""[^"]*)*)"{1}|([^"{0}]*))({0}|\Z)'.format(separator, blank)).match


def csv_line(fields):
    """Return *fields* as a line of CSV, quoted where needed (RFC 4180)."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
