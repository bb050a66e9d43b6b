"""Lingering: a connection that has had its last reply lives on for a moment, so that who sends on reads it.

To close a connection while its client still sends resets it (RFC 9293, 3.10.4), and the reset can overtake
the reply. Who sends a second message some milliseconds after the first would see an error and no reply. So
the connection is shut down for sending, which ends what the client reads, and is closed when the client has
closed it, or a second later.

That costs neither a thread nor a wait: each connection that comes looks at one that came before it, and
whoever waits for clients looks at all of them, twice a second. (For one message a connection: docs/speed.md.)
"""

import collections
import threading
import time

from engine.replies import CHUNK, DONT_WAIT

#: Seconds for which a connection lives on, at least; it may be half a second more.
LIVES = 1.0

#: Connections that live on, at most: of more the oldest is closed.
MOST = 64

#: Bytes asked for when a connection is looked at: most have no more to say. Of those that have, so many
#: times CHUNK bytes are read at a look.
ENOUGH = 256
MOST_READ = 32


class Lingering:
    """The connections that live on; *sent_more* is called with the address of each client that sent more.

    What is shared: the deque of them, and whether it is closed, guarded by ``_lock``. Who has taken one out
    is alone with it.
    """

    def __init__(self, sent_more):
        self._sent_more = sent_more
        self._lock = threading.Lock()
        self._living = collections.deque()  # connection, the client's address, when it is to be closed
        self._closed = False

    def take(self, connection, client_address):
        """Let *connection*, shut down for sending, live on; look at one that came before it."""
        entry = connection, client_address, time.monotonic() + LIVES
        with self._lock:
            living = self._living
            living.append(entry)
            if len(living) == 1 and not self._closed:
                return
            entry = living.popleft()
            full = self._closed or len(living) >= MOST
        self._look_at(entry, full)

    def look(self):
        """Look at all that live on."""
        with self._lock:
            count = len(self._living)
        for each in range(count):
            with self._lock:
                if not self._living:
                    return
                entry = self._living.popleft()
            self._look_at(entry)

    def close(self):
        """Close all of them, and whatever comes later."""
        with self._lock:
            self._closed = True
        self.let_go()

    def let_go(self):
        """Close all of them; return how many there were."""
        with self._lock:
            living, self._living = self._living, collections.deque()
        for entry in living:
            self._look_at(entry, closes=True)
        return len(living)

    def _look_at(self, entry, closes=False):
        """Close the connection of this *entry* if it is time for that, or if it *closes* anyway; else put it
        back. What came is read: unread it would make a reset of the close."""
        connection, client_address, ends = entry
        try:
            more = connection.recv(ENOUGH, DONT_WAIT)
            if more.strip(b"\0"):
                self._sent_more(client_address)
            for each in range(MOST_READ if more else 0):
                more = connection.recv(CHUNK, DONT_WAIT)
                if not more:
                    break
        except BlockingIOError:
            more = True
        except OSError:
            more = False  # it was reset
        if more and not closes and time.monotonic() < ends:
            with self._lock:
                if not self._closed:
                    self._living.append(entry)
                    return
        connection.close()
