"""The stations of a reading, for the page: the queue, the consumer, and the lock that it holds or waits for."""

import time

#: What the consumer is doing.
WAITING, STORING, LOCKING, RECORDING = "waiting", "storing", "locking", "recording"


class Stations:
    """What is known of the stations.

    What is shared: ``_doing`` is set by the consumer alone, whole each time, and may be read by all. The
    largest batch is guarded by the lock of the registry, which the consumer holds when it calls `count` and the
    page when it calls `largest`. ``seen`` is for the threads of the page, one at a time.
    """

    def __init__(self):
        self._doing = WAITING, time.monotonic()
        self._largest = 0
        self.seen = None  # what the page was shown last

    def doing(self, what):
        """Let the consumer, whose thread calls this, be known to do this from now on."""
        self._doing = what, time.monotonic()

    def count(self, items):
        """Count a batch of so many items."""
        self._largest = max(self._largest, items)

    def largest(self):
        """Return how many items the largest batch had since the last time."""
        largest, self._largest = self._largest, 0
        return largest

    def consumer(self):
        """Return what the consumer is doing; and where that takes its time, for how many whole seconds."""
        what, since = self._doing
        return {"consumer": what, "since": 0 if what == WAITING else int(time.monotonic() - since)}
