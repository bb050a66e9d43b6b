"""The stations of a reading, for the page: the queue, the consumer, and the lock that it holds or waits for."""

import math
import time

#: What the consumer is doing.
WAITING, STORING, LOCKING, RECORDING = "waiting", "storing", "locking", "recording"

#: Seconds for which the size of a batch is shown: most are gone before anybody looks.
HOLD = 1.0


class Stations:
    """What is known of the stations.

    What is shared: ``_doing`` is set by the consumer alone, whole each time, and may be read by all. The
    largest batch is guarded by the lock of the registry, which the consumer holds when it calls `count` and the
    page when it calls `largest`. ``seen`` is for the threads of the page, one at a time.
    """

    def __init__(self):
        self._doing = WAITING, time.monotonic()
        self._largest, self._counted = 0, -math.inf
        self.seen = None  # what the page was shown last

    def doing(self, what):
        """Let the consumer, whose thread calls this, be known to do this from now on."""
        self._doing = what, time.monotonic()

    def count(self, items):
        """Count a batch of so many items; the consumer has just said what it is doing."""
        now = self._doing[1]
        if items >= self._largest or now - self._counted >= HOLD:
            self._largest, self._counted = items, now

    def largest(self):
        """Return how many items the largest batch had of late."""
        return self._largest if time.monotonic() - self._counted < HOLD else 0

    def consumer(self):
        """Return what the consumer is doing; and where that takes its time, for how many whole seconds."""
        what, since = self._doing
        return {"consumer": what, "since": 0 if what == WAITING else int(time.monotonic() - since)}
