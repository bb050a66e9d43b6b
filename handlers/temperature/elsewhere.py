"""Readings from elsewhere: of another format, in another order, or ended as no line is. That is said before
anything else about a message which is no reading."""

import re

from engine.fields import is_number
from engine.language import _
from engine.meant import format_of, perhaps, wrong_end

USUAL = "Recife,31,24.5"
EXPECTED = "expected city,max,min such as " + USUAL

CARRIAGE_RETURN = ("there is a carriage return in the message (character {position}): "
                   "end each line with a line feed")
OTHER_FORMAT = "this looks like {name}: " + EXPECTED
ALL_QUOTED = "there are quotes around the whole message: expected {example}"
COMMA_AT_END = "there is a comma at the end: expected {example}"
CITY_LAST = "the city comes first: expected {example}"

#: Matches a word, as a row has it that names its columns.
is_word = re.compile(r"[^\W\d_][^\d,;\t|]*").fullmatch


def what_it_is(message):
    """Return what is wrong with a *message* that comes from another world: of another format, or not
    ended as lines are; else None."""
    name = format_of(message)
    if name:
        return _(OTHER_FORMAT).format(name=_(name))
    if not message.isprintable() and message[:1] != "\ufeff":
        sentence = control_characters(message)
        if sentence:
            return sentence
    return wrong_end(message)


def control_characters(message):
    """Return what is wrong with the control characters that a program has sent in *message*, or None."""
    if "\0" in message or "\x01" <= message[:1] < "\x20":
        sentence = perhaps(message.encode(errors="surrogatepass") + b"\n")
        if sentence:
            return sentence
    if "\r" in message:
        return _(CARRIAGE_RETURN).format(position=message.index("\r") + 1)
    return None


def what_is_misplaced(fields):
    """Return what is wrong with *fields* of which there is a reading in another order, with a comma
    behind it, or in quotes; else None."""
    fields = [field.strip()[:100] for field in fields]
    while len(fields) > 3 and not fields[-1]:
        fields.pop()
    if len(fields) == 1 and fields[0].count(",") == 2:
        fields, text = [field.strip() for field in fields[0].split(",")], ALL_QUOTED
    else:
        text = COMMA_AT_END
    if len(fields) != 3:
        return None
    city_last = is_number(fields[0]) and is_number(fields[1]) and is_word(fields[2])
    if city_last:
        fields, text = [fields[2], *fields[:2]], CITY_LAST
    elif not (is_number(fields[1]) and is_number(fields[2])):
        return None
    return _(text).format(example=",".join(fields))
