"""Who is in service and how that ended: every client accepted is counted once, however it ends."""

import collections
import contextlib
import errno
import logging
import socket
import sys
import threading
import time

from engine.addresses import host_of, shown

#: Seconds that a client over its host's limit waits, in case one before it is just leaving.
REFUSAL_DELAY = 0.002

#: What a connection says, besides ConnectionError, when the network to the client has failed.
UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ETIMEDOUT}

#: How the service of a client can end.
OUTCOMES = "served", "refused", "timed out", "gone", "failed"

TOO_MANY = "too many connections from your address"
STATUS = "slots {used}/{slots}, served {served}, refused {refused}, timed out {timed_out}"


class Client:
    """A client in service. ``handler`` is the one that has introduced itself, if any."""

    __slots__ = "address", "host", "began", "thread", "handler"

    def __init__(self, address, host):
        self.address, self.host, self.began = address, host, time.monotonic()
        self.thread = self.handler = None


class Accounts:
    """Mix-in for a server with `LeadingThreads`: counts clients, limits each host, refuses.

    Class attributes that may be overridden:

    - ``max_per_host``: clients served at a time from one address; 0 means no limit;
    - ``refusal``: what a client is sent who is not served, with a field for the reason;
    - ``log``: the Logger that is told what happens to clients.

    A subclass may override ``get_request``, ``verify_request``, ``finish_request`` and
    ``handle_error`` as it likes, also without ``super()``: nothing here depends on them.

    What is shared: the clients, the hosts and the totals, guarded by ``_books``, which nobody holds
    while waiting for anything else. ``_someone_left`` is its condition.
    """

    max_per_host = 0
    refusal = "ERR {}\n"
    log = logging.getLogger("server")

    def __init__(self, *args, **kwargs):
        self._books = threading.Lock()
        self._someone_left = threading.Condition(self._books)
        self._clients = {}
        self._hosts = collections.Counter()
        self._totals = dict.fromkeys(("accepted", *OUTCOMES), 0)
        self._messages = 0
        super().__init__(*args, **kwargs)

    # A client's way: admitted or refused, served, gone

    def process_request(self, request, client_address):
        """Admit the client that ``serve_forever`` has accepted, or refuse it."""
        if not self.admit(request, client_address):
            return self.shutdown_request(request)
        try:
            return super().process_request(request, client_address)
        except BaseException:
            self._leave(request, "failed")
            raise

    def admit(self, request, client_address):
        """Enter the client among those in service; refuse it when its host has enough of them.

        A client with its reply in hand may come again before the thread that served it has run
        on: before it is refused, that thread gets a moment.
        """
        client = Client(client_address, host_of(client_address) if self.max_per_host else None)
        with self._books:
            self._totals["accepted"] += 1
            if client.host is None or self._has_room(client.host):
                self._clients[request] = client
                return True
        self.refuse(request, client_address, TOO_MANY)
        return False

    def _has_room(self, host):
        """Enter *host* once more among those in service, unless it has enough; holds the lock."""
        if not self._someone_left.wait_for(lambda: self._hosts[host] < self.max_per_host,
                                           REFUSAL_DELAY):
            return False
        self._hosts[host] += 1
        return True

    def refuse(self, request, client_address, text):
        """Tell a client in one line why it is not served."""
        self._leave(request, "refused")
        self.log.info("Refused client %s: %s.", shown(client_address), text)
        with contextlib.suppress(OSError):  # it need not wait for our answer
            request.setblocking(False)
            request.send(self.refusal.format(text).encode())
            request.shutdown(socket.SHUT_WR)
            # Closing with its message unread would send a reset, which can overtake the answer.
            request.recv(65536)

    def serve_client(self, request, client_address):
        """Serve one client, as ThreadingMixIn.process_request_thread does, and count how it ends.

        A handler that calls ``sys.exit()`` has failed; the thread goes on with the next client.
        """
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("Serving client %s. %s", shown(client_address), self.status())
        began, outcome = time.monotonic(), "served"
        try:
            client = self._clients.get(request)
            if client:  # else it was cut off before it began
                client.thread = threading.get_ident()
            self.finish_request(request, client_address)
        except BaseException as error:
            outcome = outcome_of(error, request)
            self.handle_error(request, client_address)
        finally:
            self._leave(request, outcome)
            self.shutdown_request(request)
        if outcome == "served" and self.log.isEnabledFor(logging.INFO):
            self.log.info("Served client %s in %.3f s.", shown(client_address),
                          time.monotonic() - began)
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("%s", self.status())

    def handle_error(self, request, client_address):
        """Log how serving a client ended, other than well."""
        error = sys.exc_info()[1]
        outcome = outcome_of(error, request)
        if outcome == "timed out":
            self.log.info("Client %s timed out: %s.", shown(client_address), error)
        elif outcome == "gone":
            self.log.info("Client %s is gone: %s.", shown(client_address), error)
        else:
            self.log.error("Serving client %s failed.", shown(client_address), exc_info=True)

    def _leave(self, request, outcome):
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
                    self._hosts[client.host] -= 1
                    if not self._hosts[client.host]:
                        del self._hosts[client.host]
                self._someone_left.notify_all()

    # Telling

    def introduce(self, handler):
        """Let *handler* be known as the one that serves its client: it counts its ``answered``
        messages."""
        client = self._clients.get(handler.request)
        if client:
            client.handler = handler

    def totals(self):
        """Return how many clients were accepted and what became of them: name -> number."""
        with self._books:
            return dict(self._totals)

    def messages(self):
        """Return how many messages have been answered, also those of clients in service."""
        with self._books:
            return self._messages + sum(client.handler.answered for client
                                        in self._clients.values() if client.handler)

    def in_service(self):
        """Return who is in service, the longest first: pairs of an address, as users write it, and
        the ``time.monotonic()`` at which it was accepted."""
        with self._books:
            clients = list(self._clients.values())
        return [(shown(client.address), client.began) for client in clients]

    def status(self):
        """Return the state of the slots and the totals in a line, as tcpserver shows them."""
        with self._books:
            return STATUS.format(used=len(self._clients), slots=self.max_threads or "unlimited",
                                 **named(self._totals))


def outcome_of(error, request):
    """Return how the service of a client ended that ended with this *error*.

    The network's errors are the client's only if it is no longer there: a handler may also have
    connections of its own, to a service behind it. (Our own handlers close the connection first;
    they raise these errors for nothing else.)
    """
    if isinstance(error, socket.timeout) and error.errno is None:
        return "timed out"
    if isinstance(error, ConnectionError) or getattr(error, "errno", None) in UNREACHABLE:
        return "failed" if is_there(request) else "gone"
    return "failed"


def is_there(request):
    """Tell whether a client is still there: it has not closed its side, nor is it unreachable."""
    try:
        request.setblocking(False)
        return bool(request.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def named(totals):
    """Return *totals* with names that a text can use as fields."""
    return {name.replace(" ", "_"): number for name, number in totals.items()}
