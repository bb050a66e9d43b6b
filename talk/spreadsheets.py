"""Spreadsheets: what they save as text, as messages."""

import csv
import re

from engine.escapes import printable
from engine.fields import as_number, csv_line
from engine.language import _
from talk.problems import InputProblem

#: What the files of spreadsheet programs begin with that are no text: .xlsx and .ods, .xls.
WORKBOOKS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

#: Lines of a file that are named, at most, when they were refused.
MOST_NAMED = 20

HEADER_SKIPPED = "This line is a header and is not sent: {line}"
ALL_TAKEN = "{taken} line(s) taken."
STOPPED_AT = " It stopped at line {line}: begin again there."
IS_A_WORKBOOK = "This is a workbook, not text: save it as CSV first, and send that."
REFUSED_LINES = "{taken} line(s) taken, {refused} refused: line {lines}"


class Spreadsheet:
    """What a spreadsheet saved as text, as messages for the temperatures: ``city,max,min``.

    Between fields there may be commas, semicolons or tabs; with the latter two, and in quotes, also
    decimal commas. The text may be UTF-8, UTF-16 with its mark, or cp1252. Empty lines are skipped,
    and so are, before the first reading, ``sep=;`` and a line of three words. A line that makes no
    sense is sent all the same: the server says what is wrong with it.

    ``numbers`` has the number of the line of each message that was asked for.
    """

    def __init__(self, stream, say):
        self.stream = stream
        self.say = say
        self.numbers = []

    def __iter__(self):
        begun = False
        for number, line in enumerate(self.lines(), start=1):
            fields = fields_of(line)
            if not fields:
                continue
            if not begun and is_header(fields):
                self.say(_(HEADER_SKIPPED).format(line=printable(line)))
                continue
            begun = begun or any(map(as_number, fields[1:]))
            self.numbers.append(number)
            yield as_message(line, fields)

    def lines(self):
        """Yield the lines as they come, decoded. Raises `InputProblem` for a workbook."""
        for number, line in enumerate(self.stream):
            if number == 0 and line.startswith(WORKBOOKS):
                raise InputProblem(_(IS_A_WORKBOOK))
            if number == 0 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                yield from (line + self.stream.read()).decode("utf-16", "replace").splitlines()
                return
            try:
                text = line.decode("utf-8-sig" if number == 0 else "utf-8")
            except UnicodeDecodeError:
                text = line.decode("cp1252", "replace")
            yield text.rstrip("\r\n")

    def summary(self, replies, refused):
        """Return how many lines were taken, when so many *replies* have come; *refused* has the
        places of the messages whose reply was an error."""
        lines = ", ".join(str(self.numbers[place]) for place in refused[:MOST_NAMED])
        text = _(REFUSED_LINES if refused else ALL_TAKEN).format(
            taken=replies - len(refused), refused=len(refused), lines=lines)
        text += ", ..." if len(refused) > MOST_NAMED else ""
        unanswered = self.numbers[replies:]
        return text + (_(STOPPED_AT).format(line=unanswered[0]) if unanswered else "")


def fields_of(line):
    """Return the fields of a *line* that a spreadsheet saved, without empty ones at its end."""
    separator = next((mark for mark in ";\t" if mark in line), ",")
    try:
        fields = [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return [line]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def is_header(fields):
    """Tell whether these *fields*, before the first reading, are the names of the columns."""
    if fields[0].lower().startswith("sep=") and len("".join(fields)) <= len("sep=;"):
        return True  # Excel's own word for the separator
    return len(fields) == 3 and not any(map(as_number, fields[1:]))


def as_message(line, fields):
    """Return what is sent of a *line* with these *fields*: with commas between them and points in
    numbers, unless it is a query or has other fields than its commas say."""
    numbers = [as_number(field) for field in fields[1:]]
    if line.startswith("?") or not (all(numbers) and len(numbers) == 2 or re.search("[;\t]", line)):
        return line
    return csv_line([fields[0], *(number or field for number, field in zip(numbers, fields[1:]))])
