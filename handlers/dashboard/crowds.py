"""Crowds: many clients who come at a time; how long it took to serve them, and how long half of them waited.

A crowd begins when somebody comes where nobody was waiting or at work, and ends when that is so again. The
backlog is a queue, so whoever has come first leaves first, about: from how many have come and how many have
left, at each moment, follows how long each of them took.
"""

import collections

#: Clients that are a crowd, and seconds of quiet after which it is over.
LEAST = 5
QUIET = 2.0


class Crowds:
    """Sees the crowds in the counts that it is told now and then. Times are seconds of the server's
    uptime, and as exact as that is often. Not safe for threads: its user holds a lock.

    - ``began``: when the crowd began that is here now, or None where too few have come to be one;
    - ``latest``: the last one that is over, as a dict for JSON, or None.
    """

    def __init__(self):
        self.began = self.latest = None
        self._began = None  # the same of those who are yet too few, too
        self._clients = 0  # who have come since then
        self._number = self._came = self._left = 0
        self._told = 0.0  # when it was told the last time
        self._busy_until = 0.0
        self._moment = self._last = 0.0  # of what is counted; when the last one left
        self._here = collections.deque()  # [when they came, how many of them are still here]
        self._took = collections.Counter()  # seconds, in tenths -> how many clients took so long
        self._waits_are_known = True

    def count(self, now, totals, waiting, at_work):
        """Take note of the *totals* at the moment *now*, how many are *waiting* (None: the system does not
        tell), and whether anybody is *at_work*."""
        came = totals["accepted"] - totals["refused"] + (waiting or 0)
        left = sum(totals[outcome] for outcome in ("served", "timed out", "gone", "failed"))
        self._moment = (self._told + now) / 2  # what has happened since then happened about here
        new, gone = max(0, came - self._came), left - self._left
        self._told, self._came, self._left = now, max(came, self._came), left
        if self._began is None:
            if not new:
                return
            self._begin(waiting is not None)
        if new:
            self._here.append([self._moment, new])
            self._clients += new
            if self._clients >= LEAST:
                self.began = self._began
        if gone:
            self._let_leave(gone)
        if new or gone or waiting or at_work:
            self._busy_until = now
        elif now - self._busy_until >= QUIET:
            self._end()

    def _begin(self, waits_are_known):
        self._began = self._last = round(self._moment, 1)
        self._clients = 0
        self._here.clear()
        self._took.clear()
        self._waits_are_known = waits_are_known

    def _let_leave(self, count):
        """Let so many clients have left, those first who came first."""
        while count and self._here:
            came, here = self._here[0]
            leaving = min(count, here)
            self._took[round(self._moment - came, 1)] += leaving
            count -= leaving
            self._here[0][1] -= leaving
            if not self._here[0][1]:
                self._here.popleft()
            self._last = self._moment

    def _end(self):
        clients = sum(self._took.values())
        if clients >= LEAST:
            self._number += 1
            self.latest = {
                "number": self._number, "clients": clients, "began": self._began,
                "seconds": round(self._last - self._began, 1),
                "median": median(self._took) if self._waits_are_known else None}
        self.began = self._began = None


def median(counts):
    """Return the least of the numbers, each there so many times, that half of them do not exceed."""
    seen, half = 0, sum(counts.values()) / 2
    for number in sorted(counts):
        seen += counts[number]
        if seen >= half:
            return number
    return None
