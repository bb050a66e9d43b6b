"""A client's way through the server: admitted or refused, served, gone; and what is logged of it."""

import contextlib
import errno
import logging
import socket
import sys
import time

from engine.books import Books, named
from engine.jams import Jams
from engine.language import _, decimals, reason
from engine.lingering import Lingering
from engine.mistakes import Mistakes
from engine.names import who
from engine.replies import can_be_read
from engine.support import HandlerSupport

#: What a connection says, besides ConnectionError, when the network to the client has failed.
UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ETIMEDOUT}

STATUS = ("slots {used}/{slots}, served {served}, refused {refused}, timed out {timed_out}, "
          "errors {errors}")


class Accounts(HandlerSupport):
    """Mix-in for a `BoundedThreadingTCPServer` with `LeadingThreads` and `Listening`: refuses
    clients, and accounts for all others.

    Attributes and methods for the caller:

    - ``books``: who is in service, and the totals (`Books`);
    - ``mistakes``: what clients did wrong (`Mistakes`);
    - ``in_service()``, ``totals()``: as in the books.

    Class attributes that may be overridden:

    - ``max_per_host``: clients served at a time from one address; 0 means no limit;
    - ``refusal``: what a client is sent who is not served, with a field for the reason;
    - ``log``: the Logger that is told what happens to clients.

    A subclass may override ``get_request``, ``verify_request``, ``finish_request`` and
    ``handle_error`` as it likes, also without ``super()``: nothing here depends on them.
    """

    max_per_host = 0
    refusal = "ERR {}\n"
    log = logging.getLogger("server")

    def __init__(self, *args, **kwargs):
        self.books = Books()
        self.mistakes = Mistakes(self.books, self.log)
        self.jams = Jams(self.books, self.log)
        self.lingering = Lingering(self.mistakes.note_more)
        self.mistake, self.sent_more = self.mistakes.note, self.mistakes.note_more
        self.no_line_feed, self.note_once = self.mistakes.note_no_line_feed, self.mistakes.note_once
        self.linger = self.lingering.take
        super().__init__(*args, **kwargs)

    def in_service(self):
        """Return who is in service, the longest first: a list of `InService`."""
        return self.books.in_service()

    def totals(self):
        """Return how many clients came, and what became of them: name -> number."""
        return self.books.totals()

    # In the acceptor's thread, or the leader's

    def process_request(self, request, client_address):
        """Admit the client that ``serve_forever`` has accepted, or refuse it."""
        if not self.admit(request, client_address):
            return self.shutdown_request(request)
        try:
            return super().process_request(request, client_address)
        except BaseException:
            self.books.leave(request, "failed")
            raise

    def admit(self, request, client_address):
        """Enter the client among those in service, or refuse it; tell which."""
        why_not = self.books.enter(request, client_address, self.max_per_host)
        if why_not:
            self.refuse(request, client_address, why_not)
        return not why_not

    def refuse(self, request, client_address, text):
        """Tell a client in one line why it is not served."""
        self.books.leave(request, "refused")
        self.log.info("Refused client %s: %s.", who(client_address), _(text))
        with contextlib.suppress(OSError):  # it need not wait for our answer
            request.setblocking(False)
            request.send(self.refusal.format(_(text)).encode())
            request.shutdown(socket.SHUT_WR)
            # Closing with its message unread would send a reset, which can overtake the answer.
            request.recv(65536)

    def look_up(self):
        """See which of those who have had their reply have closed."""
        super().look_up()
        self.lingering.look()

    def server_close(self):
        super().server_close()
        self.lingering.close()

    def still_full(self):
        """See whether those who hold the slots say nothing while others wait."""
        super().still_full()
        self.look_up()
        self.jams.look(lambda: can_be_read(self.socket, 0), self.waiting)

    # In the thread that serves the client

    def serve_client(self, request, client_address):
        """Serve one client, as ThreadingMixIn.process_request_thread does, and count how it ends.

        A handler that calls ``sys.exit()`` has failed; the thread goes on with the next client.
        """
        tells = self.log.isEnabledFor(logging.INFO)
        tells_all = tells and self.log.isEnabledFor(logging.DEBUG)
        began, outcome, entry = time.monotonic(), "served", None
        try:
            if tells_all:
                self.log.debug("Serving client %s. %s", who(client_address), self.status())
            entry = self.books.begin(request)
            self.finish_request(request, client_address)
            if entry and entry.client.failed:
                outcome = "failed"  # as the log says already
            self.books.leave(request, outcome)
        except BaseException as error:
            outcome = outcome_of(error, request)
            self.books.leave(request, outcome)  # first: who reads in the log that it left may come
            self.handle_error(request, client_address)
        finally:
            # A handler that has closed it, or lets it live on, has saved two system calls.
            if request.fileno() >= 0 and not (entry and entry.client.lingers):
                self.shutdown_request(request)
        if tells and outcome == "served":
            self.log.info("Served client %s in %s s.", who(client_address),
                          decimals("%.3f" % (time.monotonic() - began)))
        if tells_all:
            self.log.debug("%s", self.status())

    def abandon(self, request, client_address):
        self.books.leave(request, "failed")
        super().abandon(request, client_address)

    def status(self):
        """Return the state of the slots and the totals in a line, as tcpserver shows them."""
        return _(STATUS).format(used=len(self.in_service()), slots=self.max_threads or _("unlimited"),
                                **named(self.totals()))

    # For the handlers

    def introduce(self, request, client):
        self.books.introduce(request, client)

    def handle_error(self, request, client_address):
        """Log how serving a client ended, other than well."""
        error = sys.exc_info()[1]
        outcome = outcome_of(error, request)
        if outcome == "timed out":
            self.log.info("Client %s timed out: %s.", who(client_address), reason(error))
        elif outcome == "gone":
            self.log.info("Client %s is gone: %s.", who(client_address), reason(error))
        else:
            self.log.error("Serving client %s failed.", who(client_address), exc_info=True)


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
