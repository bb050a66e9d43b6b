"""What is said once a minute, however often it happens: the first time at once, then seldom."""

import math
import threading
import time


class Seldom:
    """Says yes to whoever asks, at most once in *interval* seconds.

    Safe for threads: of those who ask at the same time one gets the yes.
    """

    def __init__(self, interval):
        self._interval = interval
        self._next = -math.inf  # by time.monotonic(); guarded by the lock
        self._lock = threading.Lock()

    def is_due(self):
        """Return whether it is time again; if it is, it will not be for the next *interval*."""
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return False
            self._next = now + self._interval
            return True
