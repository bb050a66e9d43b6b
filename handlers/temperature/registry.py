"""The registry of cities, and which is hottest and coldest: plain data, no sockets, no threads."""

import array
import heapq
import unicodedata

from engine.language import _, decimals


class Registry:
    """The latest reading of each city. Not safe for threads: its user holds a lock.

    To record a reading takes O(log n) for n cities: the lesson's ``max()`` and ``min()`` over all
    of them took longer than the readings of a whole country would leave time for.
    """

    def __init__(self):
        self._ranks = {}  # city -> how many were known before it
        self._readings = []  # by rank, as the values in each _Extreme
        self._hottest = _Extreme()
        self._coldest = _Extreme()
        self._alike = {}  # a name without accents and capitals -> a city of that name

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
        """Let *reading* be the latest of its city."""
        highest, lowest = -float(reading.maximum), float(reading.minimum)
        rank = self._ranks.setdefault(reading.city, len(self._ranks))
        if rank == len(self._readings):
            self._readings.append(reading)
            self._alike.setdefault(plain(reading.city), reading.city)
        else:
            self._readings[rank] = reading
        self._hottest.set(rank, highest)
        self._coldest.set(rank, lowest)

    def hottest(self):
        """Return the reading whose maximum is highest; on a tie, of the city known first.

        Raises ValueError when there are no readings.
        """
        return self._readings[self._hottest.rank()]

    def coldest(self):
        """Return the reading whose minimum is lowest; on a tie, of the city known first.

        Raises ValueError when there are no readings.
        """
        return self._readings[self._coldest.rank()]

    def table(self):
        """Return all the readings as lines of text in aligned columns."""
        rows = [(_("City"), _("Max"), _("Min")),
                *((city, decimals(high), decimals(low)) for city, high, low in self)]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join("{:<{}}  {:>{}}  {:>{}}".format(
            row[0], widths[0], row[1], widths[1], row[2], widths[2]) for row in rows)


def plain(name):
    """Return *name* without accents and capitals."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return letters if letters.isascii() else "".join(
        c for c in letters if not unicodedata.combining(c))


class _Extreme:
    """Finds the lowest of many changing values, on a tie the one of lowest rank.

    A heap with lazy deletion. Each entry is a lower bound of its value:

    - a value that rises leaves its entry as it is; the entry is corrected when it comes to the top;
    - a value that falls below its entry gets a new one; the old one is dropped when it comes to
      the top.

    So most readings touch no heap at all. When most entries are old the heap is made anew: it never
    has more than twice as many as there are values (and a few). The numbers are in arrays, for with
    very many cities the time goes into memory that is not in the processor's cache, and a float in
    an array has no object of its own somewhere else.
    """

    def __init__(self):
        self._values = array.array("d")  # by rank
        self._bounds = array.array("d")  # by rank: what its newest entry says, never too high
        self._heap = []  # of (bound, rank)

    def set(self, rank, value):
        """Let *value* be that of *rank*: one set before, or the next."""
        if rank == len(self._values):
            self._values.append(value)
            self._bounds.append(value)
        else:
            self._values[rank] = value
            if value >= self._bounds[rank]:
                return
            self._bounds[rank] = value
        if len(self._heap) > 2 * len(self._values) + 16:
            self._bounds = self._values[:]
            self._heap = [(bound, rank) for rank, bound in enumerate(self._bounds)]
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, (value, rank))

    def rank(self):
        """Return the rank of the lowest value. Raises ValueError when there is none."""
        while self._heap:
            bound, rank = self._heap[0]
            if bound != self._bounds[rank]:
                heapq.heappop(self._heap)
            elif bound != self._values[rank]:
                self._bounds[rank] = self._values[rank]
                heapq.heapreplace(self._heap, (self._values[rank], rank))
            else:
                return rank
        raise ValueError("there are no readings")
