"""Fields: a line of CSV, as a message or a reply has it, and the numbers in it."""

import csv
import io
import re

#: Matches a number as messages have it, with a decimal point: ``31``, ``-3.5``, ``+.5``.
is_number = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII).fullmatch


def as_number(text):
    """Return *text*, of a person who may write a decimal comma, as a number with a decimal point;
    None when it is none."""
    number = text.strip().replace(",", ".")
    return number if is_number(number) else None


def csv_line(fields):
    """Return *fields* as a line of CSV, quoted where needed (RFC 4180)."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
