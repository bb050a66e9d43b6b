"""What is wrong with a line that is no reading: each mistake by its name, with what to do.

Only for lines that `reading.parse` could not take.
"""

import re
import unicodedata

from engine.escapes import JOINERS
from engine.fields import as_number, is_number
from engine.language import _
from handlers.temperature.elsewhere import (CARRIAGE_RETURN, EXPECTED, USUAL, is_word, what_is_misplaced,
                                            what_it_is)
from handlers.temperature.numbers import DECIMAL_COMMA, LONGEST_NUMBER, NO_VALUES, wrong_number

EMPTY = "the message is empty: " + EXPECTED
SEPARATOR = "the fields are separated by {name}: expected commas, such as {example}"
WORDS = ("field 2 (max) '{0}' and field 3 (min) '{1}' are words: expected numbers, such as " + USUAL
         + "; leave a header row out")
QUOTES = ("the quotes do not pair: put a pair around a whole field, and write a quote inside it "
          "twice, such as \"Maceió, AL\",30,24")
NO_TEMPERATURES = "there is a city, but no temperatures: " + EXPECTED
ONE_TEMPERATURE = "one temperature is missing: " + EXPECTED
TOO_MANY = ("there is more than a city and two temperatures: " + EXPECTED
            + "; a name with a comma needs quotes: \"Maceió, AL\",30,24")
LOST_LETTER = ("field 1 (city) has U+FFFD in place of a letter that was lost: its bytes were read in "
               "another character set; expected the name in UTF-8")
INVISIBLE = ("field 1 (city) has an invisible or control character ({code}): "
             "expected plain text")

SEPARATORS = [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"), (" ", "spaces")]

#: Matches a number with digits around its point.
_pointed = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII).fullmatch


def what_is_wrong(message, fields):
    """Return what is wrong with a *message* whose *fields* are not a city and two numbers; None
    stands for fields where the quotes do not pair."""
    if not message.strip(" ,;\t|\xa0"):
        return _(EMPTY)
    from_elsewhere = what_it_is(message)
    if from_elsewhere:
        return from_elsewhere
    if fields is None:
        return _(QUOTES)
    for separator, name in SEPARATORS:
        example = with_commas(message, separator)
        if example:
            return _(SEPARATOR).format(name=_(name), example=example)
    misplaced = what_is_misplaced(fields)
    if misplaced:
        return misplaced
    if len(fields) == 3 and ";" not in message:
        return wrong_numbers(*[field.strip() for field in fields[1:]])
    for separator, name in SEPARATORS[:-1]:
        if separator in message and '"' not in message:
            return _(SEPARATOR).format(name=_(name), example=USUAL)
    examples = decimal_commas(fields)
    if examples:
        return _(DECIMAL_COMMA).format(example=_(" or ").join(examples))
    return _({1: NO_TEMPERATURES, 2: ONE_TEMPERATURE}.get(len(fields), TOO_MANY))


def with_commas(message, separator):
    """Return the reading that *message* would be with commas in place of this *separator*; the
    usual example for a header row; None when the separator is another one."""
    if separator == " ":
        fields = [field.rstrip(",:") for field in message.rsplit(None, 2)]
        if fields and re.search(r"\d", fields[0].partition(",")[2]):
            return None  # a number with spaces in it
        if any(field.startswith(",") for field in fields):
            return None  # decimal commas, with spaces beside commas
    else:
        fields = [field.strip() for field in message.split(separator)]
    if len(fields) != 3 or not fields[0]:
        return None
    numbers = [as_number(field) for field in fields[1:]]
    if all(numbers):
        return ",".join([fields[0].strip(" ,")[:100], *numbers])
    return USUAL if separator != " " and all(map(is_word, fields)) else None


def decimal_commas(fields):
    """Return the readings that *fields*, more than three because of decimal commas, may stand for:
    with three numbers there are two."""
    city, *parts = [field.strip()[:100] for field in fields]
    found = []
    for end in {3: (2, 1), 4: (2,)}.get(len(parts), ()):
        maximum, minimum = ".".join(parts[:end]), ".".join(parts[end:])
        if _pointed(maximum) and _pointed(minimum):
            found.append(",".join([city, maximum, minimum]))
    return found


def wrong_numbers(maximum, minimum):
    """Return what is wrong when one of the two is no number."""
    if not {maximum.lower(), minimum.lower()}.isdisjoint(NO_VALUES):
        return wrong_number(*("3 (min)", minimum) if is_number(maximum) else ("2 (max)", maximum))
    if is_word(maximum) and is_word(minimum):
        return _(WORDS).format(maximum[:LONGEST_NUMBER], minimum[:LONGEST_NUMBER])
    if as_number(maximum) and "," not in maximum:
        return wrong_number("3 (min)", minimum)
    return wrong_number("2 (max)", maximum)


def invisible(name):
    """Return what is wrong with a *name* that has a character nobody can see."""
    if "\r" in name:
        return _(CARRIAGE_RETURN).format(position=name.index("\r") + 1)
    odd = next(c for c in name if not c.isprintable() and c not in JOINERS)
    code = "U+{:04X} {}".format(ord(odd), unicodedata.name(odd, "").lower()).rstrip()
    return _(INVISIBLE).format(code=code)
