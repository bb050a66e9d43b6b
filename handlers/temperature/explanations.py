"""What is wrong with a line that is no reading: each mistake by its name, with what to do.

Only for lines that `reading.parse` could not take. The csv module's own words are for programmers.
"""

import csv
import re
import unicodedata

from engine.escapes import JOINERS, excerpt
from engine.fields import as_number, is_number
from engine.language import _
from handlers.temperature.elsewhere import (CARRIAGE_RETURN, EXPECTED, USUAL, is_word, what_is_misplaced,
                                            what_it_is)

EMPTY = "the message is empty: " + EXPECTED
SEPARATOR = "the fields are separated by {name}: expected commas, such as {example}"
DECIMAL_COMMA = "there is a decimal comma in it: expected a point, such as {example}"
WORDS = ("field 2 (max) '{0}' and field 3 (min) '{1}' are words: expected numbers, such as " + USUAL
         + "; leave a header row out")
QUOTES = ("the quotes do not pair: put a pair around a whole field, and write a quote inside it "
          "twice, such as \"Maceió, AL\",30,24")
LONG_FIELD = "a field is too long: expected a name of 100 characters and two numbers"
NO_TEMPERATURES = "there is a city, but no temperatures: " + EXPECTED
ONE_TEMPERATURE = "one temperature is missing: " + EXPECTED
TOO_MANY = ("there is more than a city and two temperatures: " + EXPECTED
            + "; a name with a comma needs quotes: \"Maceió, AL\",30,24")
NOT_A_NUMBER = "field {field} '{text}' is not a number: expected degrees such as 31 or -3.5"
LONG_NUMBER = "field {field} has {length} characters: expected a number of {limit} at most"
NO_NUMBER = "field {field} is empty: expected degrees such as 31 or -3.5"
NO_VALUE = ("field {field} '{text}' is what programs write where they have no number: expected degrees such "
            "as 31 or -3.5")
LOST_LETTER = ("field 1 (city) has U+FFFD in place of a letter that was lost: its bytes were read in "
               "another character set; expected the name in UTF-8")
UNIT = "field {field} '{text}' has a unit: expected the number alone, such as {example}"
OTHER_MINUS = "field {field} '{text}' has another sign for minus: expected -, such as {example}"
INVISIBLE = ("field 1 (city) has an invisible or control character ({code}): "
             "expected plain text")

SEPARATORS = [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"), (" ", "spaces")]

#: Characters in a number, at most: more digits than a float can tell apart.
LONGEST_NUMBER = 20

#: Matches a number with digits around its point.
_pointed = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII).fullmatch

#: What programs of several languages, and spreadsheets, write where there is no number.
NO_VALUES = {"none", "null", "nil", "nan", "undefined", "na", "n/a", "inf", "infinity", "nothing", "true",
             "false", "#n/a", "#div/0!", "#value!", "#ref!", "[object object]", "<null>"}

#: Signs that people, and word processors, take for a minus.
MINUSES = "\u2212\u2013\u2014\u2010\u2011\u2012\ufe63\uff0d"


def what_is_wrong(message, fields):
    """Return what is wrong with a *message* whose *fields* are not a city and two numbers; None
    stands for fields where the quotes do not pair."""
    if not message.strip(" ,;\t|\xa0"):
        return _(EMPTY)
    from_elsewhere = what_it_is(message)
    if from_elsewhere:
        return from_elsewhere
    if fields is None:
        return _(QUOTES if len(message) < csv.field_size_limit() else LONG_FIELD)
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


def wrong_number(field, text):
    """Return what is wrong with the *text* of this *field*, which is no number."""
    if not text:
        return _(NO_NUMBER).format(field=field)
    if text.lower().lstrip("+-") in NO_VALUES:
        return _(NO_VALUE).format(field=field, text=text)
    if len(text) > LONGEST_NUMBER:
        return _(LONG_NUMBER).format(field=field, length=len(text), limit=LONGEST_NUMBER)
    if as_number(text):
        return _(DECIMAL_COMMA).format(example=as_number(text))
    plain = text.translate(dict.fromkeys(map(ord, MINUSES), "-"))
    if plain != text and as_number(plain):
        return _(OTHER_MINUS).format(field=field, text=text, example=as_number(plain))
    number = re.sub(r"\s*(°|º|˚)?\s*[CcFfKk]?$", "", plain)
    if number != plain and as_number(number):
        return _(UNIT).format(field=field, text=text, example=as_number(number))
    return _(NOT_A_NUMBER).format(field=field, text=excerpt(text))


def invisible(name):
    """Return what is wrong with a *name* that has a character nobody can see."""
    if "\r" in name:
        return _(CARRIAGE_RETURN).format(position=name.index("\r") + 1)
    odd = next(c for c in name if not c.isprintable() and c not in JOINERS)
    code = "U+{:04X} {}".format(ord(odd), unicodedata.name(odd, "").lower()).rstrip()
    return _(INVISIBLE).format(code=code)
