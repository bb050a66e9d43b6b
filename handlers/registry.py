"""The registry of cities, and which is hottest and coldest: plain data, no sockets, no threads."""

import collections

#: One city's temperatures as they were sent: ``maximum`` and ``minimum`` are text in degrees
#: Celsius (``"31"``, ``"31.5"``, ``"-3"``), so that they are shown as they came.
Reading = collections.namedtuple("Reading", "city maximum minimum")


class Registry:
    """The latest reading of each city. Not safe for threads: its user holds a lock."""

    def __init__(self):
        self._readings = {}

    def __len__(self):
        return len(self._readings)

    def __iter__(self):
        """The latest readings, in the order in which their cities became known."""
        return iter(self._readings.values())

    def record(self, reading):
        """Let *reading* be the latest of its city."""
        self._readings[reading.city] = reading

    def hottest(self):
        """Return the reading whose maximum is highest; on a tie, of the city known first.

        Raises ValueError when there are no readings.
        """
        return max(self, key=lambda reading: float(reading.maximum))

    def coldest(self):
        """Return the reading whose minimum is lowest; on a tie, of the city known first.

        Raises ValueError when there are no readings.
        """
        return min(self, key=lambda reading: float(reading.minimum))

    def table(self):
        """Return all the readings as lines of text in aligned columns."""
        rows = [("City", "Max", "Min"), *self]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join("{:<{}}  {:>{}}  {:>{}}".format(
            row[0], widths[0], row[1], widths[1], row[2], widths[2]) for row in rows)
