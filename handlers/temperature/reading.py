"""What a reading is: one city's maximum and minimum, and how it is read from a message."""

import collections
import re
import unicodedata

from engine.escapes import JOINERS
from engine.fields import fields_of, is_number
from engine.language import _
from handlers.lines import BadMessage
from handlers.temperature.elsewhere import control_characters
from handlers.temperature.explanations import LOST_LETTER, invisible, what_is_wrong
from handlers.temperature.numbers import LONG_NUMBER, LONGEST_NUMBER

#: One city's temperatures as they were sent: ``maximum`` and ``minimum`` are text in degrees
#: Celsius (``"31"``, ``"31.5"``, ``"-3"``), so that they are shown as they came.
Reading = collections.namedtuple("Reading", "city maximum minimum")

#: Characters in a city's name, at most.
LONGEST_NAME = 100

#: Degrees Celsius below which there is no temperature (SI Brochure, 2.3.1: 0 K).
ABSOLUTE_ZERO = -273.15

NO_CITY = "field 1 (city) is empty: expected city,max,min such as Recife,31,24.5"
LONG_CITY = "field 1 (city) has {length} characters: expected {limit} at most"
TOO_COLD = "field {field} {text} is colder than absolute zero: expected {zero} or more"
MAX_BELOW_MIN = "field 2 (max) {maximum} is below field 3 (min) {minimum}: expected max, then min"

#: What turns the joiners, which show nothing themselves, into nothing.
_no_joiners = str.maketrans("", "", JOINERS)

#: Spaces of every kind, Unicode's category Zs, and tabs.
_spaces = re.compile("[ \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")


def parse(message):
    """Return the `Reading` in *message*: CSV as in RFC 4180, ``city,max,min``.

    Raises `BadMessage` saying what is wrong and what was expected.
    """
    if message.startswith("\ufeff"):  # the mark that some editors put before a text
        message = message[1:]
    fields = fields_of(message)
    if not fields or len(fields) != 3:
        raise BadMessage(what_is_wrong(message, fields))
    try:
        city, maximum, minimum = parse_city(fields[0]), fields[1].strip(), fields[2].strip()
    except BadMessage as error:
        raise BadMessage(control_characters(message) or str(error)) from None
    if not (is_number(maximum) and is_number(minimum)):
        raise BadMessage(what_is_wrong(message, fields))
    if parse_temperature("2 (max)", maximum) < parse_temperature("3 (min)", minimum):
        raise BadMessage(_(MAX_BELOW_MIN).format(maximum=maximum, minimum=minimum))
    return Reading(city, maximum, minimum)


def parse_city(text):
    """Return the name of the city in *text*: trimmed, each space in it a plain one, and composed
    (NFC), so that ``São Paulo`` typed on a Mac, which may send the tilde as a character of its
    own, is the same city.

    Raises `BadMessage` for a name that is empty, too long or not fit to be shown.
    """
    name = text.strip(" ")
    if not name.isascii() or "\t" in name or "  " in name:
        name = _spaces.sub(" ", name).strip(" " + JOINERS)
        if "\ufffd" in name:
            raise BadMessage(_(LOST_LETTER))
    # To compose very many accents on one letter takes seconds; no letter has more than three.
    if len(name) <= 4 * LONGEST_NAME:
        name = unicodedata.normalize("NFC", name)
    if not name:
        raise BadMessage(_(NO_CITY))
    if len(name) > LONGEST_NAME:
        raise BadMessage(_(LONG_CITY).format(length=len(name), limit=LONGEST_NAME))
    if not name.isprintable() and not name.translate(_no_joiners).isprintable():
        raise BadMessage(invisible(name))
    return name


def parse_temperature(field, text):
    """Return *text*, a number, as degrees Celsius; *field* names it where that cannot be
    (`BadMessage`)."""
    if len(text) > LONGEST_NUMBER:
        raise BadMessage(_(LONG_NUMBER).format(
            field=field, length=len(text), limit=LONGEST_NUMBER))
    degrees = float(text)
    if degrees < ABSOLUTE_ZERO:
        raise BadMessage(_(TOO_COLD).format(field=field, text=text, zero=ABSOLUTE_ZERO))
    return degrees
