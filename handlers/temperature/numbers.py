"""What is wrong with a temperature that is no number: each mistake by its name, with what to do."""

import re

from engine.escapes import excerpt
from engine.fields import as_number
from engine.language import _

NOT_A_NUMBER = "field {field} '{text}' is not a number: expected degrees such as 31 or -3.5"
LONG_NUMBER = "field {field} has {length} characters: expected a number of {limit} at most"
NO_NUMBER = "field {field} is empty: expected degrees such as 31 or -3.5"
NO_VALUE = ("field {field} '{text}' is what programs write where they have no number: expected degrees such "
            "as 31 or -3.5")
DECIMAL_COMMA = "there is a decimal comma in it: expected a point, such as {example}"
THOUSANDS = "field {field} '{text}' has a separator of thousands: expected the number alone, such as {example}"
CURRENCY = "field {field} '{text}' has a currency, as no temperature has: expected degrees such as {example}"
UNIT = "field {field} '{text}' has a unit: expected the number alone, such as {example}"
OTHER_MINUS = "field {field} '{text}' has another sign for minus: expected -, such as {example}"

#: Characters in a number, at most: more digits than a float can tell apart.
LONGEST_NUMBER = 20

#: What programs of several languages, and spreadsheets, write where there is no number.
NO_VALUES = {"none", "null", "nil", "nan", "undefined", "na", "n/a", "inf", "infinity", "nothing", "true",
             "false", "#n/a", "#div/0!", "#value!", "#ref!", "[object object]", "<null>"}

#: Signs that people, and word processors, take for a minus.
MINUSES = "\u2212\u2013\u2014\u2010\u2011\u2012\ufe63\uff0d"

#: A number with a currency before it, with a unit behind it, with marks between its thousands; what is said of it.
_MORE_THAN_A_NUMBER = [
    (r"(?:R\$|US\$|[$\u20ac\xa3\xa5])\s*([+-]?\d[\d.,]*)", CURRENCY),
    (r"(?i)([+-]?\d[\d.,]*)\s*(?:[\xb0\xba\u02da%]\s*[a-z]{0,10}|o?[cfk]|deg(?:rees?)? ?[cfk]?"
     r"|gra[ud]s?|grados|celsius|fahrenheit|kelvin)\.?", UNIT),
    (r"(?a)[+-]?\d{1,3}([.,'\u2019 \xa0\u202f]\d{3})+([.,]\d+)?", THOUSANDS)]


def wrong_number(field, text):
    """Return what is wrong with the *text* of this *field*, which is no number."""
    if not text:
        return _(NO_NUMBER).format(field=field)
    if len(text) > LONGEST_NUMBER:
        return _(LONG_NUMBER).format(field=field, length=len(text), limit=LONGEST_NUMBER)
    if text.lower().lstrip("+-") in NO_VALUES:
        return _(NO_VALUE).format(field=field, text=text)
    if as_number(text):
        return _(DECIMAL_COMMA).format(example=as_number(text))
    plain = text.translate(dict.fromkeys(map(ord, MINUSES), "-"))
    if plain != text and as_number(plain):
        return _(OTHER_MINUS).format(field=field, text=text, example=as_number(plain))
    return with_more_than_a_number(field, text, plain) or _(NOT_A_NUMBER).format(field=field, text=excerpt(text))


def with_more_than_a_number(field, text, plain):
    """Return what is wrong with the *text* of this *field* if there is a number in it, and more; else None.
    *plain* is the text with a plain minus."""
    for pattern, sentence in _MORE_THAN_A_NUMBER:
        found = re.fullmatch(pattern, plain)
        number = found and (without_thousands(plain) if sentence == THOUSANDS else as_number(found.group(1)))
        if number:
            return _(sentence).format(field=field, text=excerpt(text), example=number)
    return None


def without_thousands(text):
    """Return the number that *text* is without what separates its thousands. The last mark is the decimal
    one, if it is another one than those before it, or not followed by three digits."""
    *parts, last = re.split(r"([.,'\u2019 \xa0\u202f])", text)
    whole, marks = "".join(parts[::2]), parts[1::2]
    return whole + last if len(set(marks)) == 1 and len(last) == 3 else "{}.{}".format(whole, last)
