"""The books: who is in service, and what became of those who were; each is counted once."""

import collections
import threading
import time

from engine.addresses import host_of, shown
from engine.language import _
from engine.replies import has_closed

#: Seconds that a client over its host's limit waits, in case one before it is just leaving.
REFUSAL_DELAY = 0.002

#: How the service of a client can end.
OUTCOMES = "served", "refused", "timed out", "gone", "failed"

STATUS = ("slots {used}/{slots}, served {served}, refused {refused}, timed out {timed_out}, "
          "errors {errors}")

#: A client in service: its address, as users write it; the ``time.monotonic()`` at which it was
#: accepted; and what it is doing: a `Doing`.
InService = collections.namedtuple("InService", "address began doing")

#: What a client is doing: a word, the ``time.monotonic()`` since when, and how many bytes of an
#: unfinished message have come.
Doing = collections.namedtuple("Doing", "word since bytes")


class Client:
    """A client in service. ``handler`` is the one that has introduced itself, if any."""

    __slots__ = "address", "host", "began", "thread", "handler"

    def __init__(self, address, host):
        self.address, self.host, self.began = address, host, time.monotonic()
        self.thread = self.handler = None


class Books:
    """Mix-in for a `BoundedThreadingTCPServer`: its clients in service, how many of each host,
    and the totals.

    ``max_per_host`` clients are served at a time from one address; 0 means no limit.

    What is shared: the clients, the hosts and the totals, guarded by ``_books``, which nobody holds
    while waiting for anything else. ``_someone_left`` is its condition.
    """

    max_per_host = 0

    def __init__(self, *args, **kwargs):
        self._books = threading.Lock()
        self._someone_left = threading.Condition(self._books)
        self._clients = {}
        self._hosts = collections.defaultdict(set)  # host -> the requests of its clients
        self._totals = dict.fromkeys(("accepted", *OUTCOMES, "errors"), 0)
        self._messages = 0
        super().__init__(*args, **kwargs)

    def enter(self, request, client_address):
        """Enter a client that was accepted; return False when its host has too many already.

        A client with its reply in hand may come again before the thread that served it has run
        on: before it is refused, that thread gets a moment. Any other is refused at once, for this
        thread accepts the clients.
        """
        client = Client(client_address, host_of(client_address) if self.max_per_host else None)
        with self._books:
            self._totals["accepted"] += 1
            if client.host is not None:
                if not self._has_room_for(client.host):
                    return False
                self._hosts[client.host].add(request)
            self._clients[request] = client
            return True

    def _has_room_for(self, host):
        """Tell whether *host* may have one more client, maybe after one before it has left."""
        others = self._hosts[host]
        if len(others) < self.max_per_host:
            return True
        return (any(is_leaving(other, self._clients[other]) for other in others)
                and self._someone_left.wait_for(
                    lambda: len(self._hosts[host]) < self.max_per_host, REFUSAL_DELAY))

    def leave(self, request, outcome):
        """Count the *outcome* of a client, which from now on is not in service.

        Those refused may never have been; of others only the first outcome counts, as when one was
        cut off.
        """
        with self._books:
            client = self._clients.pop(request, None)
            if client or outcome == "refused":
                self._totals[outcome] += 1
            if client:
                self._messages += client.handler.answered if client.handler else 0
                if client.host is not None:
                    self._hosts[client.host].discard(request)
                    if not self._hosts[client.host]:
                        del self._hosts[client.host]
                if client.host is not None or self.stopping.is_set():  # else nobody waits for it
                    self._someone_left.notify_all()

    def introduce(self, handler):
        """Let *handler* be known as the one that serves its client: it counts its ``answered``
        messages."""
        client = self._clients.get(handler.request)
        if client:
            client.handler = handler

    def totals(self):
        """Return how many clients were accepted, what became of them, and how many ``ERR`` replies
        they were sent: name -> number."""
        with self._books:
            return dict(self._totals)

    def messages(self):
        """Return how many messages have been answered, also those of clients in service."""
        with self._books:
            return self._messages + sum(client.handler.answered for client
                                        in self._clients.values() if client.handler)

    def in_service(self):
        """Return who is in service, the longest first: a list of `InService`."""
        with self._books:
            clients = list(self._clients.values())
        return [InService(shown(client.address), client.began, doing(client))
                for client in clients]

    def status(self):
        """Return the state of the slots and the totals in a line, as tcpserver shows them."""
        with self._books:
            return _(STATUS).format(used=len(self._clients), slots=self.max_threads or _("unlimited"),
                                 **named(self._totals))


def doing(client):
    """Return the `Doing` of a *client*: what its handler says, if that can tell."""
    tells = getattr(client.handler, "doing", None)
    word, since, count = tells() if tells else ("in work", None, 0)
    return Doing(word, client.began if since is None else since, count)


def is_leaving(request, client):
    """Tell whether a *client* is on its way out: its connection is closed, it has had its only
    reply, or it has closed and its handler is about to find that."""
    handler = client.handler
    if request.fileno() < 0:
        return True
    if not hasattr(handler, "leaving"):
        return False
    if handler.last_size and not handler.keep_open and not handler.leaving:
        return True  # else it lingers, which may take long
    return bool(handler.last_size or handler.waiting) and has_closed(request)


def named(totals):
    """Return *totals* with names that a text can use as fields."""
    return {name.replace(" ", "_"): number for name, number in totals.items()}
