"""The registry of cities, and which is hottest and coldest: plain data, no sockets, no threads."""

import collections
import heapq

#: One city's temperatures as they were sent: ``maximum`` and ``minimum`` are text in degrees
#: Celsius (``"31"``, ``"31.5"``, ``"-3"``), so that they are shown as they came.
Reading = collections.namedtuple("Reading", "city maximum minimum")


class Registry:
    """The latest reading of each city. Not safe for threads: its user holds a lock.

    To record a reading takes O(log n) for n cities: the lesson's ``max()`` and ``min()`` over all
    of them took longer than the readings of a whole country would leave time for.
    """

    def __init__(self):
        self._readings = {}
        self._ranks = {}  # city -> how many were known before it
        self._hottest = _Extreme()
        self._coldest = _Extreme()

    def __len__(self):
        return len(self._readings)

    def __iter__(self):
        """The latest readings, in the order in which their cities became known."""
        return iter(self._readings.values())

    def record(self, reading):
        """Let *reading* be the latest of its city."""
        city = reading.city
        rank = self._ranks.setdefault(city, len(self._ranks))
        self._readings[city] = reading
        self._hottest.set(rank, city, -float(reading.maximum))
        self._coldest.set(rank, city, float(reading.minimum))

    def hottest(self):
        """Return the reading whose maximum is highest; on a tie, of the city known first.

        Raises ValueError when there are no readings.
        """
        return self._readings[self._hottest.city()]

    def coldest(self):
        """Return the reading whose minimum is lowest; on a tie, of the city known first.

        Raises ValueError when there are no readings.
        """
        return self._readings[self._coldest.city()]

    def table(self):
        """Return all the readings as lines of text in aligned columns."""
        rows = [("City", "Max", "Min"), *self]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join("{:<{}}  {:>{}}  {:>{}}".format(
            row[0], widths[0], row[1], widths[1], row[2], widths[2]) for row in rows)


class _Extreme:
    """Finds the city with the lowest value, on a tie the one of lowest rank.

    A heap with lazy deletion: a city whose value changes gets a new entry, and its old one is
    dropped when it comes to the top. When most entries are old the heap is made anew, so it
    never has more than twice as many as there are cities (and a few).
    """

    def __init__(self):
        self._heap = []
        self._latest = {}

    def set(self, rank, city, value):
        """Let *value* be that of *city*, which has this *rank* among equals."""
        entry = (value, rank, city)
        if self._latest.get(city) == entry:
            return
        self._latest[city] = entry
        if len(self._heap) > 2 * len(self._latest) + 16:
            self._heap = list(self._latest.values())
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, entry)

    def city(self):
        """Return the city. Raises ValueError when there is none."""
        while self._heap:
            entry = self._heap[0]
            if self._latest[entry[2]] == entry:
                return entry[2]
            heapq.heappop(self._heap)
        raise ValueError("there are no readings")
