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
    whole, each = _patterns(separator)
    if not whole(line + separator):
        return None
    return [quoted.replace('""', '"') or plain for quoted, plain in each(line + separator)]


@functools.lru_cache(maxsize=None)
def _patterns(separator):
    """Return what matches a whole line of fields, each with the *separator* behind it, and what finds each of
    them: as two texts, what stands in quotes and what stands there without."""
    blank = "[ \t]*".replace(separator, "")
    field = r'(?:{1}"([^"]*(?:""[^"]*)*)"{1}|([^"{0}]*)){0}'.format(separator, blank)
    return re.compile("(?:{})+".format(field)).fullmatch, re.compile(field).findall


def csv_line(fields):
    """Return *fields* as a line of CSV, quoted where needed (RFC 4180)."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
