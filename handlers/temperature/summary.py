"""The summary of the readings: hottest city, coldest city, count; as queries, screen and page tell it."""

import collections

from engine.language import _, decimals

HOTTEST = "Hottest city: {city} with {temperature}"
COLDEST = "Coldest city: {city} with {temperature}"
NO_READINGS = "No city has sent a reading."


class Summary(collections.namedtuple("Summary", "hottest coldest cities")):
    """The `Reading` of the hottest and of the coldest city, and how many cities there are.

    Without cities the two are None.
    """

    __slots__ = ()

    def for_query(self):
        """Return the fields of the reply to ``?``."""
        count = ["cities", self.cities]
        if not self.cities:
            return count
        return ["hottest", self.hottest.city, self.hottest.maximum,
                "coldest", self.coldest.city, self.coldest.minimum, *count]

    def for_screen(self):
        """Return the lines that are printed, as one text."""
        if not self.cities:
            return _(NO_READINGS)
        return "\n".join([
            _(HOTTEST).format(city=self.hottest.city, temperature=decimals(self.hottest.maximum)),
            _(COLDEST).format(city=self.coldest.city, temperature=decimals(self.coldest.minimum))])

    def for_page(self):
        """Return what ``/state`` has of it, as a dict for JSON."""
        if not self.cities:
            return {"cities": 0, "hottest": None, "coldest": None}
        return {"cities": self.cities,
                "hottest": {"city": self.hottest.city, "temperature": self.hottest.maximum},
                "coldest": {"city": self.coldest.city, "temperature": self.coldest.minimum}}
