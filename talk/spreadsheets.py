"""Spreadsheets: what they save as text, as messages."""

import itertools
import re

from engine.escapes import printable
from engine.fields import as_number, csv_line, fields_of
from engine.language import _
from talk.problems import InputProblem

#: What the files of spreadsheet programs begin with that are no text: .xlsx and .ods, .xls.
WORKBOOKS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

#: What may stand between fields; what DOS puts at the end of a file; the minus of typesetters.
SEPARATORS, END_OF_FILE, MINUS = ",;\t", "\x1a", "\u2212"

#: Lines that a cell may have: of more the quotes are taken for a mistake.
MOST_LINES = 10

#: Finds fields that are whole in their quotes, whatever the separator; and one that begins with a quote.
_closed = re.compile(r'(^|[,;\t]) *"[^"]*(?:""[^"]*)*"').sub
_open = re.compile(r'(?:^|[,;\t]) *"').search

#: Lines of a file that are named, at most, when they were refused.
MOST_NAMED = 20

HEADER_SKIPPED = "This line is a header and is not sent: {line}"
ALL_TAKEN = "{taken} line(s) taken."
STOPPED_AT = " It stopped at line {line}: begin again there."
IS_A_WORKBOOK = "This is a workbook, not text: save it as CSV first, and send that."
REFUSED_LINES = "{taken} line(s) taken, {refused} refused: line {lines}"


class Spreadsheet:
    """What a spreadsheet saved as text, as messages for the temperatures: ``city,max,min``.

    Between fields there may be commas, semicolons or tabs; with each of them decimal commas, with commas in
    quotes. Lines may end as on any system. A cell with a line end in it, in quotes, is one cell: a space
    stands there then. The text may be UTF-8, UTF-16 with its mark, or cp1252. Empty lines are skipped,
    and so are ``sep=;`` and the first line of three fields if they are words. A line that makes no
    sense is sent all the same: the server says what is wrong with it.

    ``numbers`` has the number of the line of each message that was asked for.
    """

    def __init__(self, stream, say):
        self.stream = stream
        self.say = say
        self.numbers = []
        self.separator = None  # once it is known

    def __iter__(self):
        begun = False
        for number, record in records(self.lines()):
            if not record.strip(" ,;\t"):
                continue
            fields = self.fields_of(record)
            if not begun and is_header(fields):
                self.say(_(HEADER_SKIPPED).format(line=printable(record)))
                begun = not is_separator(fields)
                continue
            begun = begun or len(fields) == 3
            self.numbers.append(number)
            yield as_message(record, fields)

    def fields_of(self, record):
        """Return the fields of a *record*, without empty ones at its end. The separator is that of the
        first record that is a reading with it: a city and two numbers."""
        for separator in [] if self.separator else SEPARATORS:
            if is_reading(trimmed_fields(record, separator)):
                self.separator = separator
        separator = self.separator or next((mark for mark in ";\t" if mark in record), ",")
        return trimmed_fields(record, separator) or [record.strip()]

    def lines(self):
        """Yield the lines as they come, decoded. Raises `InputProblem` for a workbook."""
        for number, line in enumerate(self.stream):
            if number == 0 and line.startswith(WORKBOOKS):
                raise InputProblem(_(IS_A_WORKBOOK))
            if number == 0 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                text = (line + self.stream.read()).decode("utf-16", "replace")
                yield from cut(text.rstrip(END_OF_FILE))
                return
            try:
                text = line.decode("utf-8-sig" if number == 0 else "utf-8")
            except UnicodeDecodeError:
                text = line.decode("cp1252", "replace")
            yield from cut(text.rstrip(END_OF_FILE))

    def summary(self, replies, refused):
        """Return how many lines were taken, when so many *replies* have come; *refused* has the
        places of the messages whose reply was an error."""
        lines = ", ".join(str(self.numbers[place]) for place in refused[:MOST_NAMED])
        text = _(REFUSED_LINES if refused else ALL_TAKEN).format(
            taken=replies - len(refused), refused=len(refused), lines=lines)
        text += ", ..." if len(refused) > MOST_NAMED else ""
        unanswered = self.numbers[replies:]
        return text + (_(STOPPED_AT).format(line=unanswered[0]) if unanswered else "")


def cut(text):
    """Return the lines of *text*, also those that end with a carriage return alone."""
    return re.sub(r"\r?\n\Z|\r\Z", "", text).replace("\r\n", "\n").replace("\r", "\n").split("\n") if text else []


def records(lines):
    """Yield the records in *lines*, each with the number of its first line: lines in which quotes are open
    at the end are joined with those after them, if that makes a record. It may be some lines late."""
    held, first = [], 1
    for line in itertools.chain(lines, [None]):
        held += [] if line is None else [line]
        while held:
            count = lines_of_record(held, line is None)
            if not count:
                break
            yield first, " ".join(held[:count])
            del held[:count]
            first += count


def lines_of_record(held, at_end):
    """Return how many of the lines *held* are the first record, None if that is not known yet."""
    for count in range(1, len(held) + 1):
        text = " ".join(held[:count])
        if count == 1 and not _open(_closed(r"\1", text)):
            return 1
        if any(fields_of(text, separator) for separator in SEPARATORS):
            return count
    return 1 if at_end or len(held) >= MOST_LINES else None


def trimmed_fields(record, separator):
    """Return the fields of a *record* with this *separator*, without empty ones at its end; None where its
    quotes do not pair."""
    fields = fields_of(record, separator)
    if fields is None:
        return None
    fields = [field.strip() for field in fields]
    while len(fields) > 1 and not fields[-1]:
        fields.pop()
    return fields


def number_in(text):
    """Return the number that *text* is, with a decimal point and a plain minus; None if it is none."""
    return as_number(text.replace(MINUS, "-"))


def is_reading(fields):
    """Tell whether these *fields* are a city and two numbers; None stands for none."""
    return bool(fields) and len(fields) == 3 and all(map(number_in, fields[1:]))


def is_header(fields):
    """Tell whether these *fields*, before any reading, are the names of the columns, or Excel's separator."""
    return is_separator(fields) or len(fields) == 3 and not re.search(r"\d", "".join(fields[1:]))


def is_separator(fields):
    """Tell whether these *fields* are Excel's own word for the separator."""
    return fields[0].lower().startswith("sep=") and len("".join(fields)) <= len("sep=;")


def as_message(record, fields):
    """Return what is sent of a *record* with these *fields*: with commas between them, with points and plain
    signs in numbers, unless it is a query or has other fields than its commas say."""
    if record.startswith("?") or not (is_reading(fields) or re.search("[;\t]", record)) or len(fields) == 1:
        return record
    return csv_line([fields[0], *(number_in(field) or field for field in fields[1:])])
