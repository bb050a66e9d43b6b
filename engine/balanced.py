"""Behind a balancer a client is who the balancer says, in the header that it sends first."""

import math
import socket
import threading
import time
import types

from engine.accounts import outcome_of
from engine.addresses import host_of, shown
from engine.errors import Unusable
from engine.escapes import came
from engine.incoming import AS_LEADER, CAME, LONGEST_WAIT, Incoming, wait_for_any
from engine.language import _
from engine.proxyheader import read_header
from engine.replies import DONT_WAIT, can_be_read

#: Bytes that are looked at together: more than a header that a network sends in one piece.
PEEK_BYTES = 2048

#: The flags that have ``recv`` look at what has come, leave it there and not wait: as a number, for to
#: put the two together takes the enum of flags 1 to 2 us (Python 3.13, 3.8).
PEEK = int(socket.MSG_PEEK | DONT_WAIT)

LATE = "ERR no complete PROXY header within {seconds:g} s: expected one from a balancer at your address"
NOT_WHOLE = "ERR the PROXY header ended after {count} bytes and was not whole: '{text}'"
CLOSED_HALFWAY = "it closed in the middle of the PROXY header"
STOPPED_BEFORE = "the server stopped before its PROXY header had come"
HEALTH_CHECK = "Health check from %s."
HEALTH_CHECKS = "Health checks of the balancer, among those who are gone: %d."


class HealthCheck(Exception):
    """The balancer came to see whether the server is there, and has left: no client was with it."""


class BehindBalancer:
    """Mix-in for a `ClassroomServer`: of each connection from the host ``balancer`` the header is read,
    and the client is who that names, for its limit, the log, the page and the handler. From any other
    host a header is no message, as without this.

    A header may be slow to come. So nobody who accepts reads it: the thread that serves the client
    does, in the client's slot, and makes way before it waits. The limit of the client's host is looked
    at then.

    What is shared: how many health checks there were, guarded by ``_checks_lock``.
    """

    balancer = None

    def __init__(self, *args, **kwargs):
        self._checks, self._checks_lock = 0, threading.Lock()
        super().__init__(*args, **kwargs)

    # In the acceptor's thread, or the leader's

    def admit(self, request, client_address):
        """Enter a connection from the balancer: whose limit counts is not known yet; others as ever."""
        if host_of(client_address) != self.balancer:
            return super().admit(request, client_address)
        why_not = self.books.enter(request, client_address)
        if why_not:
            self.refuse(request, client_address, why_not)
        return not why_not

    # In the thread that serves the client

    def serve_client(self, request, client_address):
        """Serve the client for whom the balancer has made the connection; others as ever."""
        if host_of(client_address) == self.balancer:
            client_address = self.meet(request, client_address)
        if client_address is not None:
            super().serve_client(request, client_address)

    def meet(self, request, client_address):
        """Return the address of the client for whom a connection from the balancer is; None when there
        is nobody to be served: then the connection is closed, and accounted for."""
        address = None
        try:
            address = self.client_behind(request, client_address)
        except HealthCheck:
            self.books.leave(request, "gone")
            self.log.debug(HEALTH_CHECK, shown(client_address))
            with self._checks_lock:
                self._checks += 1
        except BaseException as error:
            self.shutdown_request(request)  # first: `outcome_of` takes an open one for a failure of ours
            self.books.leave(request, outcome_of(error, request))
            self.handle_error(request, client_address)
        if address is None and request.fileno() >= 0:
            self.shutdown_request(request)
        return address

    def client_behind(self, request, client_address):
        """Return the address that the header names; None when the client was told that it is not served."""
        reader = HeaderReader(self, request, client_address)
        try:
            address = reader.read_address()
        except Unusable as error:
            reader.refuse(error)
            self.books.leave(request, "served")  # as whoever is answered an ERR
            return None
        if self.max_per_host:  # to find room for a host may take a moment
            reader.make_way()
        why_not = self.books.rename(request, address, self.max_per_host)
        if why_not:
            self.refuse(request, address, why_not)
            return None
        return address

    # In the thread that stops the server

    def stop(self, seconds):
        """Stop, and tell how many of those who are gone were health checks."""
        cut_off = super().stop(seconds)
        if self._checks:
            self.log.info(HEALTH_CHECKS, self._checks)
        return cut_off


class HeaderReader(Incoming):
    """What comes on a connection from the balancer before anything of the client's, until the same
    deadline as a message. Not a byte of what comes after it is taken."""

    header = None

    def __init__(self, server, request, client_address):
        super().__init__(types.SimpleNamespace(
            request=request, client_address=client_address, server=server,
            timeout=server.RequestHandlerClass.timeout))

    def read_address(self):
        """Return the address of the client; the connection's own where the balancer names nobody else.

        Raises `Unusable` for what is no header; ``socket.timeout`` (the balancer is told);
        `HealthCheck`; ``ConnectionError`` where it closes halfway, or the server stops.
        """
        self.deadline = time.monotonic() + self.timeout
        while not self.header:
            seen = self.look()
            if not seen:
                self.end_of_input()
            self.header = read_header(self.partial + seen)
            count = self.header.length - len(self.partial) if self.header else len(seen)
            self.partial = self.partial + self.connection.recv(count, DONT_WAIT)
        self.partial = b""
        address = self.header.address
        if address and address[:2] != (host_of(self.address), self.address[1]):
            return address
        if not self.look():  # the balancer speaks for itself: for a check it says no more
            self.end_of_input()
        return self.address

    def look(self):
        """Return what has come, and leave it there; ``b""`` when no more comes. Waits until the deadline.
        """
        bell = self.support.bell  # on Windows
        sockets = [self.connection, bell] if bell else [self.connection]
        while True:
            stops = self.stopping.is_set()
            try:
                return self.connection.recv(PEEK_BYTES, PEEK)
            except BlockingIOError:
                if stops:
                    return b""
            except ConnectionError:  # a check may well end with a reset
                return b""
            remaining = self.deadline - time.monotonic()
            if remaining <= 0:
                self.say_it_is_late()
                raise socket.timeout("no complete message in time")
            if self.leading and can_be_read(self.connection, AS_LEADER):
                continue
            self.make_way()
            self.waiting = True
            wait_for_any(sockets, min(remaining, math.inf if bell or DONT_WAIT else LONGEST_WAIT))
            self.waiting = False

    def end_of_input(self):
        """Nothing more comes: raise what that means."""
        if self.partial:
            self.send_last_words(_(NOT_WHOLE).format(count=len(self.partial), text=came(self.partial)))
            raise ConnectionAbortedError(CLOSED_HALFWAY)
        if self.stopping.is_set():
            raise ConnectionAbortedError(STOPPED_BEFORE)
        raise HealthCheck

    def say_it_is_late(self):
        """Tell the balancer that its header has not come in time, and what has come of it."""
        if self.header:
            return super().say_it_is_late()
        text = _(LATE).format(seconds=self.timeout)
        if self.partial:
            text += _(CAME).format(count=len(self.partial), text=came(self.partial))
        self.ended = True
        return self.send_last_words(text)
