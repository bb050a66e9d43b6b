"""The books: who is in service, and what became of those who were; each is counted once."""

import collections
import contextlib
import threading
import time

from engine.addresses import host_of, shown
from engine.support import ClientState

#: Seconds, at most, for which a client over its host's limit waits for one before it that is surely
#: on its way out. On a quiet machine that takes less than 1 ms, on a very busy one 100.
LEAVES_WITHIN = 0.5

#: Seconds that one wait may last: on Windows a Ctrl+C is not noticed in it, only after it.
POLL_INTERVAL = 0.5

#: How the service of a client can end.
OUTCOMES = "served", "refused", "timed out", "gone", "failed"

TOO_MANY = "too many connections from your address"
STOPPING = "the server is stopping"

#: A client in service: its address, as users write it; the ``time.monotonic()`` at which it was
#: accepted; and what it is doing: a `Doing`.
InService = collections.namedtuple("InService", "address began doing")

#: What a client is doing: a word, the ``time.monotonic()`` since when, and how many bytes of an
#: unfinished message have come.
Doing = collections.namedtuple("Doing", "word since bytes")

#: What is known of a client whose handler has not introduced it.
UNKNOWN = ClientState()


class Entry:
    """A client in the books. ``request`` is the socket of its connection, ``thread`` the ident of the
    thread that it has, ``client`` what its handler tells of it: a `ClientState`."""

    __slots__ = "request", "address", "host", "began", "thread", "client", "was_waited_for"

    def __init__(self, request, address, host):
        self.request, self.address, self.host = request, address, host
        self.began = time.monotonic()
        self.thread, self.client, self.was_waited_for = None, UNKNOWN, False

    def doing(self):
        """Return what the client is doing: a `Doing`."""
        word, since, count = self.client.doing()
        return Doing(word, self.began if since is None else since, count)

    def is_leaving(self):
        """Tell whether it is sure that the client is on its way out, and it has not taken long."""
        return not self.was_waited_for and (self.request.fileno() < 0 or self.client.is_leaving())


def has_room(host, most, entries, someone_left):
    """Tell whether *host* may have one more client than those in *entries*, maybe after one before it
    has left, of which the condition *someone_left* tells; hold its lock."""
    def others():
        return [entry for entry in entries.values() if entry.host == host]

    def is_there():
        return len(others()) < most
    if is_there():
        return True
    leaving = [entry for entry in others() if entry.is_leaving()]
    if leaving and someone_left.wait_for(is_there, LEAVES_WITHIN):
        return True
    for entry in leaving:
        entry.was_waited_for = True  # whoever stays all the same holds up nobody twice
    return False


class Books:
    """The clients in service, by the sockets of their connections, and the totals.

    What is shared: all of it, guarded by ``_lock``, which nobody holds while waiting for anything
    else; ``_someone_left`` is its condition. What may fail, as for lack of memory, comes before
    what is changed: so a client is in the books, and counted, as a whole or not at all.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._someone_left = threading.Condition(self._lock)
        self._entries = {}
        self._totals = dict.fromkeys(("accepted", *OUTCOMES, "errors"), 0)
        self._messages = 0
        self._closed = False
        self._stoppers = set()  # idents of the threads that stop the server just now

    # For the thread that accepts

    def enter(self, request, client_address, most_of_a_host=0):
        """Enter a client that was accepted. Return None, or the text of why it may not enter: its
        host has as many as it may (0: no limit), or the books are closed.

        A client with its reply in hand may come again before the thread that served it has run
        on: that thread gets a moment.
        """
        entry = Entry(request, client_address,
                      host_of(client_address) if most_of_a_host else None)
        with self._lock:
            full = entry.host is not None and not self._has_room(entry.host, most_of_a_host)
            why_not = STOPPING if self._closed else TOO_MANY if full else None
            accepted = self._totals["accepted"] + 1
            if not why_not:
                self._entries[request] = entry
            self._totals["accepted"] = accepted
            return why_not

    def _has_room(self, host, most):
        return has_room(host, most, self._entries, self._someone_left)

    # For the threads that serve

    def rename(self, request, client_address, most_of_a_host=0):
        """Have the client be the one at this address, as its balancer says; return as `enter`."""
        host = host_of(client_address) if most_of_a_host else None
        with self._lock:
            if host is not None and not self._has_room(host, most_of_a_host):
                return TOO_MANY
            entry = self._entries.get(request)
            if entry:
                entry.address, entry.host = client_address, host
            return None

    def begin(self, request):
        """Note that the calling thread serves the client; return its `Entry`, None when it was cut
        off before."""
        entry = self._entries.get(request)
        if entry:
            entry.thread = threading.get_ident()
        return entry

    def introduce(self, request, client):
        """Let *client*, a `ClientState`, be known as what its handler tells of it."""
        entry = self._entries.get(request)
        if entry:
            entry.client = client

    def leave(self, request, outcome):
        """Count the *outcome* of a client, which from now on is not in service.

        Those refused may never have been; of others only the first outcome counts, as when one was
        cut off.
        """
        with self._lock:
            entry = self._entries.get(request)
            if not entry and outcome != "refused":
                return
            count = self._totals[outcome] + 1
            messages = self._messages + (entry.client.answered if entry else 0)
            self._entries.pop(request, None)
            self._totals[outcome], self._messages = count, messages
            if self._closed or entry and entry.host is not None:  # else nobody waits for it
                self._someone_left.notify_all()

    def count_error(self):
        """Count an ``ERR`` that a client was sent."""
        with self._lock:
            self._totals["errors"] += 1

    # For the thread that stops the server

    @contextlib.contextmanager
    def closed(self):
        """In the ``with`` statement nobody waits for the clients of the calling thread; from its
        beginning nobody enters any more, until `reopen`."""
        me = threading.get_ident()
        with self._lock:
            self._closed = True
            self._stoppers.add(me)
            self._someone_left.notify_all()  # another thread that stops may have waited for mine
        try:
            yield
        finally:
            with self._lock:
                self._stoppers.discard(me)

    def reopen(self):
        """Let clients enter."""
        with self._lock:
            self._closed = False

    def others(self, seconds=0.0):
        """Wait at most *seconds* until all clients have left but those of threads that stop the
        server. Return the entries of those who have not."""
        ends = time.monotonic() + seconds
        with self._lock:
            while self._others() and time.monotonic() < ends:
                self._someone_left.wait(min(POLL_INTERVAL, max(0.0, ends - time.monotonic())))
            return self._others()

    def _others(self):
        return [entry for entry in self._entries.values()
                if (entry.client.thread or entry.thread) not in self._stoppers]

    # For whoever looks

    def totals(self):
        """Return how many clients were accepted, what became of them, and how many ``ERR`` replies
        they were sent: name -> number."""
        with self._lock:
            return dict(self._totals)

    def messages(self):
        """Return how many messages have been answered, also those of clients in service."""
        with self._lock:
            return self._messages + sum(entry.client.answered for entry in self._entries.values())

    def entries(self):
        """Return the `Entry` of each client in service, the longest first."""
        with self._lock:
            return list(self._entries.values())

    def in_service(self):
        """Return who is in service, the longest first: a list of `InService`."""
        return [InService(shown(entry.address), entry.began, entry.doing())
                for entry in self.entries()]


def named(totals):
    """Return *totals* with names that a text can use as fields."""
    return {name.replace(" ", "_"): number for name, number in totals.items()}
