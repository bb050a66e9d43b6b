"""The lesson's temperatures: clients put readings in a queue, one thread takes them out.

The lesson's ``trava`` is `lock`, its ``fila_proc`` is `readings` and its ``ProcessamentoDados``
is `Consumer`. Who touches what: the threads that serve clients only put into the queue; only the
consumer writes to the registry, holding the lock; whoever reads the registry holds it too.
"""

import contextlib
import csv
import logging
import queue
import re
import threading
import unicodedata

from handlers.lines import BadMessage, LineHandler
from handlers.registry import Reading, Registry
from handlers.screen import show

log = logging.getLogger(__name__)

#: Guards the registry and the set of cities.
lock = threading.Lock()

#: The latest reading of each city; hold `lock` while touching it.
registry = Registry()

#: The cities in the registry, or on their way there; hold `lock` while touching it.
cities = set()

#: Readings on their way to the registry. Bounded: when the consumer falls behind, clients wait.
readings = queue.Queue(maxsize=1000)

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
NO_ROOM = "there are {limit} cities already: expected a reading of one of them"
MAX_BELOW_MIN = "field 2 (max) {maximum} is below field 3 (min) {minimum}: expected max, then min"

HOTTEST = "Hottest city: {city} with {temperature}"
COLDEST = "Coldest city: {city} with {temperature}"
NO_READINGS = "No city has sent a reading."

_is_number = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII).fullmatch


class TemperatureHandler(LineHandler):
    """Take a reading, ``city,max,min``, for the registry and answer ``BYE``.

    Class attribute that may be overridden: ``max_cities``, how many cities there can be.
    """

    max_cities = 100000

    @classmethod
    @contextlib.contextmanager
    def running(cls):
        """Keep the consumer running; at the end let it finish, then show a last summary."""
        Consumer().start()
        try:
            yield
        finally:
            readings.join()
            with lock:
                text = summary()
            show(text or NO_READINGS)

    def reply(self, message):
        reading = parse(message)
        with lock:
            if len(cities) >= self.max_cities and reading.city not in cities:
                raise BadMessage(NO_ROOM.format(limit=self.max_cities))
            cities.add(reading.city)
        readings.put(reading)
        return "BYE"


class Consumer(threading.Thread):
    """Takes the readings from the queue, for ever, and shows what each changes."""

    def __init__(self):
        super().__init__(name="consumer", daemon=True)

    def run(self):
        while True:
            reading = readings.get()
            try:
                with lock:
                    registry.record(reading)
                    text = summary()
                show(text)
            except Exception:
                # One reading may go wrong; the thread must live for all that follow.
                log.exception("The reading %r could not be processed.", reading)
            finally:
                readings.task_done()


def summary():
    """Return the lines that show the registry, whose `lock` the caller holds; "" when empty.

    With the log at DEBUG (``-v``), the whole registry stands before them as a table.
    """
    if not registry:
        return ""
    hottest, coldest = registry.hottest(), registry.coldest()
    lines = [HOTTEST.format(city=hottest.city, temperature=hottest.maximum),
             COLDEST.format(city=coldest.city, temperature=coldest.minimum)]
    if log.isEnabledFor(logging.DEBUG):
        lines.insert(0, registry.table())
    return "\n".join(lines)


def parse(message):
    """Return the `Reading` in *message*: CSV as in RFC 4180, ``city,max,min``.

    Raises `BadMessage` saying which field is wrong and what was expected there.
    """
    try:
        fields = next(csv.reader([message], strict=True, skipinitialspace=True), [])
    except csv.Error as error:
        raise BadMessage(NOT_CSV.format(reason=error)) from None
    if len(fields) != 3:
        raise BadMessage(WRONG_COUNT.format(count=len(fields)))
    city = parse_city(fields[0])
    maximum, minimum = fields[1].strip(), fields[2].strip()
    if parse_temperature("2 (max)", maximum) < parse_temperature("3 (min)", minimum):
        raise BadMessage(MAX_BELOW_MIN.format(maximum=maximum, minimum=minimum))
    return Reading(city, maximum, minimum)


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
