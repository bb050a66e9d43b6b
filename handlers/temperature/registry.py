"""The registry of cities, and which is hottest and coldest: plain data, no sockets, no threads."""

import unicodedata

from engine.language import _, decimals
from handlers.temperature.extremes import Extreme
from handlers.temperature.summary import Summary

#: Categories of characters that take no column of their own: accents, joiners.
NO_WIDTH = {"Mn", "Me", "Cf"}


class Registry:
    """The latest reading of each city. Not safe for threads: its user holds a lock.

    The hottest city is the lesson's ``max(temp, ...)``, the coldest its ``min(temp, ...)``. How that
    is quick for the cities of a whole country is a room of its own: `Extreme`.
    """

    def __init__(self, readings=()):
        self._ranks = {}  # city -> how many were known before it
        self._readings = []  # by rank, as the values of each Extreme
        self._maxima = Extreme(max)
        self._minima = Extreme(min)
        self._alike = {}  # a name without accents and capitals -> a city of that name
        for reading in readings:
            self.record(reading)

    def __len__(self):
        return len(self._readings)

    def __contains__(self, city):
        return city in self._ranks

    def __iter__(self):
        """The latest readings, in the order in which their cities became known."""
        return iter(self._readings)

    def get(self, city):
        """Return the latest reading of *city*, or None when there is none."""
        rank = self._ranks.get(city)
        return None if rank is None else self._readings[rank]

    def alike(self, city):
        """Return a known city whose name is *city* but for accents and capitals, or None."""
        return self._alike.get(plain(city))

    def record(self, reading):
        """Let *reading* be the latest of its city. If that raises, all is as it was before."""
        try:
            rank = self._ranks.setdefault(reading.city, len(self._ranks))
            self._maxima.set(rank, float(reading.maximum))
            self._minima.set(rank, float(reading.minimum))
            if rank == len(self._readings):
                self._alike.setdefault(plain(reading.city), reading.city)
                self._readings.append(reading)
            else:
                self._readings[rank] = reading
        except BaseException:  # memory ran out, say: what was done by half is made anew
            again = Registry(self._readings)
            self._ranks, self._alike = again._ranks, again._alike
            self._maxima, self._minima = again._maxima, again._minima
            raise

    def hottest(self):
        """Return the reading whose maximum is highest; on a tie, of the city known first.

        Raises ValueError when there are no readings.
        """
        return self._readings[self._maxima.rank()]

    def coldest(self):
        """Return the reading whose minimum is lowest; on a tie, of the city known first.

        Raises ValueError when there are no readings.
        """
        return self._readings[self._minima.rank()]

    def summary(self):
        """Return the `Summary` of all cities."""
        if not self._readings:
            return Summary(None, None, 0)
        return Summary(self.hottest(), self.coldest(), len(self._readings))


def table_of(readings):
    """Return *readings* as lines of text in aligned columns."""
    rows = [(_("City"), _("Max"), _("Min")),
            *((city, decimals(high), decimals(low)) for city, high, low in readings)]
    widths = [max(columns(row[column]) for row in rows) for column in range(3)]
    return "\n".join("{}{}  {:>{}}  {:>{}}".format(
        row[0], " " * (widths[0] - columns(row[0])), row[1], widths[1], row[2], widths[2]) for row in rows)


def columns(text):
    """Return how many columns of a terminal *text*, a `printable` one, takes: letters of East Asia take two,
    accents and joiners none (Unicode Standard Annex 11; POSIX, wcwidth)."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.category(c) in NO_WIDTH else 2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


def plain(name):
    """Return *name* without accents and capitals."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return letters if letters.isascii() else "".join(
        c for c in letters if not unicodedata.combining(c))
