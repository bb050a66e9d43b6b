"""What a reading is: one city's maximum and minimum, and how it is read from a message."""

import collections
import csv
import re
import unicodedata

from handlers.lines import BadMessage

#: One city's temperatures as they were sent: ``maximum`` and ``minimum`` are text in degrees
#: Celsius (``"31"``, ``"31.5"``, ``"-3"``), so that they are shown as they came.
Reading = collections.namedtuple("Reading", "city maximum minimum")

#: Characters in a city's name, at most.
LONGEST_NAME = 100

#: Characters in a number, at most: more digits than a float can tell apart.
LONGEST_NUMBER = 20

#: Degrees Celsius below which there is no temperature (SI Brochure, 2.3.1: 0 K).
ABSOLUTE_ZERO = -273.15

EXPECTED = "expected city,max,min such as Recife,31,24.5"
NOT_CSV = "not a line of CSV ({reason}): " + EXPECTED
WRONG_COUNT = "{count} field(s): " + EXPECTED + " (a decimal point, not a comma)"
NO_CITY = "field 1 (city) is empty: " + EXPECTED
LONG_CITY = "field 1 (city) has {length} characters: expected {limit} at most"
ODD_CITY = "field 1 (city) has a control character ('{name}'): expected plain text"
NOT_A_NUMBER = "field {field} '{text}' is not a number: expected degrees such as 31 or -3.5"
LONG_NUMBER = "field {field} has {length} characters: expected a number of {limit} at most"
TOO_COLD = "field {field} {text} is colder than absolute zero: expected {zero} or more"
MAX_BELOW_MIN = "field 2 (max) {maximum} is below field 3 (min) {minimum}: expected max, then min"

_is_number = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII).fullmatch


def parse(message):
    """Return the `Reading` in *message*: CSV as in RFC 4180, ``city,max,min``.

    Raises `BadMessage` saying which field is wrong and what was expected there.
    """
    fields = fields_of(message)
    if len(fields) != 3:
        raise BadMessage(WRONG_COUNT.format(count=len(fields)))
    city = parse_city(fields[0])
    maximum, minimum = fields[1].strip(), fields[2].strip()
    if parse_temperature("2 (max)", maximum) < parse_temperature("3 (min)", minimum):
        raise BadMessage(MAX_BELOW_MIN.format(maximum=maximum, minimum=minimum))
    return Reading(city, maximum, minimum)


def fields_of(message):
    """Return the fields of a line of CSV. Raises `BadMessage`."""
    if message and '"' not in message and message.isprintable():
        return message.split(",")  # without quotes that is all there is to it
    try:
        return next(csv.reader([message], strict=True, skipinitialspace=True), [])
    except csv.Error as error:
        raise BadMessage(NOT_CSV.format(reason=error)) from None


def parse_city(text):
    """Return the name of the city in *text*, trimmed, and composed (NFC) so that ``São Paulo``
    typed on a Mac, which may send the tilde as a character of its own, is the same city.

    Raises `BadMessage` for a name that is empty, too long or not fit to be shown.
    """
    name = text.strip(" ")
    # To compose very many accents on one letter takes seconds; no letter has more than three.
    if len(name) <= 4 * LONGEST_NAME:
        name = unicodedata.normalize("NFC", name)
    if not name:
        raise BadMessage(NO_CITY)
    if len(name) > LONGEST_NAME:
        raise BadMessage(LONG_CITY.format(length=len(name), limit=LONGEST_NAME))
    if not name.isprintable():
        raise BadMessage(ODD_CITY.format(name=name))
    return name


def parse_temperature(field, text):
    """Return *text* as degrees Celsius; *field* names it where it is wrong (`BadMessage`)."""
    if len(text) > LONGEST_NUMBER:
        raise BadMessage(LONG_NUMBER.format(
            field=field, length=len(text), limit=LONGEST_NUMBER))
    if not _is_number(text):
        raise BadMessage(NOT_A_NUMBER.format(field=field, text=text))
    degrees = float(text)
    if degrees < ABSOLUTE_ZERO:
        raise BadMessage(TOO_COLD.format(field=field, text=text, zero=ABSOLUTE_ZERO))
    return degrees
