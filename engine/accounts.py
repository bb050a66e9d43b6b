"""A client's way through the server: admitted or refused, served, gone; and what is logged of it."""

import contextlib
import errno
import logging
import socket
import sys
import threading
import time

from engine.addresses import shown
from engine.books import Books
from engine.language import _, decimals, reason

#: What a connection says, besides ConnectionError, when the network to the client has failed.
UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ETIMEDOUT}

TOO_MANY = "too many connections from your address"


class Accounts(Books):
    """Mix-in for a server with `LeadingThreads`: refuses clients, and accounts for all others.

    Class attributes that may be overridden, besides ``max_per_host``:

    - ``refusal``: what a client is sent who is not served, with a field for the reason;
    - ``log``: the Logger that is told what happens to clients.

    A subclass may override ``get_request``, ``verify_request``, ``finish_request`` and
    ``handle_error`` as it likes, also without ``super()``: nothing here depends on them.
    """

    refusal = "ERR {}\n"
    log = logging.getLogger("server")

    def process_request(self, request, client_address):
        """Admit the client that ``serve_forever`` has accepted, or refuse it."""
        if not self.admit(request, client_address):
            return self.shutdown_request(request)
        try:
            return super().process_request(request, client_address)
        except BaseException:
            self.leave(request, "failed")
            raise

    def admit(self, request, client_address):
        """Enter the client among those in service; refuse it when its host has enough of them."""
        if self.enter(request, client_address):
            return True
        self.refuse(request, client_address, TOO_MANY)
        return False

    def refuse(self, request, client_address, text):
        """Tell a client in one line why it is not served."""
        self.leave(request, "refused")
        self.log.info("Refused client %s: %s.", shown(client_address), _(text))
        with contextlib.suppress(OSError):  # it need not wait for our answer
            request.setblocking(False)
            request.send(self.refusal.format(_(text)).encode())
            request.shutdown(socket.SHUT_WR)
            # Closing with its message unread would send a reset, which can overtake the answer.
            request.recv(65536)

    def serve_client(self, request, client_address):
        """Serve one client, as ThreadingMixIn.process_request_thread does, and count how it ends.

        A handler that calls ``sys.exit()`` has failed; the thread goes on with the next client.
        """
        tells = self.log.isEnabledFor(logging.INFO)
        tells_all = tells and self.log.isEnabledFor(logging.DEBUG)
        if tells_all:
            self.log.debug("Serving client %s. %s", shown(client_address), self.status())
        began, outcome = time.monotonic(), "served"
        try:
            client = self._clients.get(request)
            if client:  # else it was cut off before it began
                client.thread = threading.get_ident()
            self.finish_request(request, client_address)
            if client and getattr(client.handler, "failed", False):
                outcome = "failed"  # as the log says already
            self.leave(request, outcome)
        except BaseException as error:
            outcome = outcome_of(error, request)
            self.leave(request, outcome)  # first: whoever reads in the log that it left may come
            self.handle_error(request, client_address)
        finally:
            if request.fileno() >= 0:  # else the handler has closed it, and saved two system calls
                self.shutdown_request(request)
        if tells and outcome == "served":
            self.log.info("Served client %s in %s s.", shown(client_address),
                          decimals("%.3f" % (time.monotonic() - began)))
        if tells_all:
            self.log.debug("%s", self.status())

    def handle_error(self, request, client_address):
        """Log how serving a client ended, other than well."""
        error = sys.exc_info()[1]
        outcome = outcome_of(error, request)
        if outcome == "timed out":
            self.log.info("Client %s timed out: %s.", shown(client_address), reason(error))
        elif outcome == "gone":
            self.log.info("Client %s is gone: %s.", shown(client_address), reason(error))
        else:
            self.log.error("Serving client %s failed.", shown(client_address), exc_info=True)


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
