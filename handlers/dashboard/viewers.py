"""Who watches the page: a place for each, and whoever finds none is told so at once."""

import collections
import threading


class Viewers:
    """At most *most* viewers at a time, and *per_host* from one address."""

    def __init__(self, most=50, per_host=10):
        self.most, self.per_host = most, per_host
        self._lock = threading.Lock()
        self._hosts = collections.Counter()  # host -> its viewers; hold the lock

    def enter(self, host):
        """Take a place for a viewer on *host*; return False when there is none."""
        with self._lock:
            if not self._has_room_for(host):
                return False
            self._hosts[host] += 1
            return True

    def leave(self, host):
        """Give a place back."""
        with self._lock:
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def has_room_for(self, host):
        """Tell whether there is a place now."""
        with self._lock:
            return self._has_room_for(host)

    def _has_room_for(self, host):
        return sum(self._hosts.values()) < self.most and self._hosts[host] < self.per_host
