"""Threads that go on to the next client: to start a thread costs more than a short message.

The pattern is *leader/followers* (Schmidt et al., "Leader/Followers", 2000; POSA 2). One thread at
a time leads: it waits for the next client, and serves it. Before it waits for anything else, for
more than a millisecond, it makes way: then a follower leads. A thread that has served its client
leads or follows, and ends when nobody has needed it for some seconds.

So one thread serves as long as nobody makes it wait. That is fast, because Python runs one thread
at a time: a second one could only take the interpreter from the first (measured: 20 us of
processor time a client with one thread leading, 39 us with four in ``accept``). And nobody has to
guess who is quick: whoever waits makes way.
"""

import contextlib
import logging
import socket
import socketserver
import sys
import threading

from engine.crew import Crew
from engine.lead import Lead
from engine.replies import can_be_read
from engine.support import HandlerSupport

log = logging.getLogger("server")

#: Seconds for which the leader waits for a client before it looks whether the server is stopping.
POLL_INTERVAL = 0.5

#: Whether ``accept`` gives the listening socket's non-blocking mode to the connection, as systems
#: other than Linux do (accept(2) there).
HANDS_MODE_DOWN = not sys.platform.startswith("linux")

#: Seconds for which a thread leads, or follows, without a client before it ends.
IDLE_LIMIT = 5.0

GOES_ON = "A thread could not accept or serve a client; it goes on."


#: The methods of handlers that make way before they wait.
_MAKE_WAY = {socketserver.BaseRequestHandler.__init__}


def makes_way(method):
    """Promise of a handler's ``setup``, ``handle`` or ``finish``: before it waits for anything, it
    calls ``make_way()`` of its server.

    A handler with one of these that has not promised it is served by a thread that does not lead.
    """
    _MAKE_WAY.add(method)
    return method


def may_lead(handler):
    """Tell whether a thread that runs this class of handlers makes way before it waits."""
    return (isinstance(handler, type) and issubclass(handler, socketserver.BaseRequestHandler)
            and {handler.__init__, handler.setup, handler.handle, handler.finish} <= _MAKE_WAY)


class LeadingThreads(HandlerSupport, socketserver.ThreadingTCPServer):
    """A ThreadingTCPServer whose threads serve more than one client each.

    `process_request` starts a thread, which leads if no other thread does. There are more hooks:

    - ``admit(request, client_address)``: asked for each client that a leader has accepted, after
      ``verify_request``;
    - ``serve_client(request, client_address)``: called for each client, in its thread;
    - ``look_up()``: called at least twice a second by whoever waits for clients;
    - ``abandon(request, client_address)``: called for a client that could not be served to the
      end, for lack of memory.

    ``crew`` has the threads.

    The thread in ``serve_forever``, the acceptor, waits until no thread leads; a follower waits for the
    lead; a leader waits only for its client. With ``handle_request``, in its place, no thread leads.
    """

    def __init__(self, *args, **kwargs):
        self._lead = Lead()
        self.leads = self._lead.is_mine
        self.crew = Crew()
        super().__init__(*args, **kwargs)

    # In the acceptor's thread

    def serve_forever(self, poll_interval=POLL_INTERVAL):
        """Serve clients until `shutdown`, together with the threads that lead."""
        self.socket.setblocking(False)  # more than one thread may accept: none must wait there
        self._lead.start(2 * POLL_INTERVAL)
        while True:
            try:
                return super().serve_forever(poll_interval)
            except Exception:  # as for lack of memory: nothing but a stop ends the acceptor
                if self.stopping.is_set():
                    return None
                log.exception(GOES_ON)
                self.stopping.wait(POLL_INTERVAL)
            except BaseException:
                self._lead.end()
                raise

    def service_actions(self):
        """Wait until no thread leads: until then the leader accepts the clients."""
        super().service_actions()
        self.look_up()
        self._lead.wait_until_nobody_leads(POLL_INTERVAL)
        for client in self.crew.bury():
            self.abandon(*client)

    def process_request(self, request, client_address):
        """Start a thread for this client, as ThreadingMixIn does; it leads if nobody does."""
        thread = threading.Thread(target=self.process_request_thread, daemon=self.daemon_threads,
                                  args=(request, client_address))
        self.crew.enlist(thread, request, client_address)
        self._lead.give_to(thread)
        try:
            thread.start()
        except BaseException:
            self._lead.give_up(thread)
            self.crew.dismiss(thread)
            raise

    def shutdown(self):
        """Accept nobody any more. Threads without a client end; a leader looks up soon."""
        self.make_way()  # a handler may be what calls this
        self._lead.end()
        super().shutdown()

    def server_close(self):
        """Close the listening socket; threads without a client end, and are waited for where they
        would outlive the program."""
        self._lead.end()
        with contextlib.suppress(OSError):  # wakes a leader that waits for a client, on Linux
            self.socket.shutdown(socket.SHUT_RDWR)
        super().server_close()
        if self.block_on_close and not self.daemon_threads:
            for thread in set(self.crew.members()) - {threading.current_thread()}:
                thread.join()

    # In the threads that serve clients

    def process_request_thread(self, request, client_address):
        """Serve this client and then those that come after it; the life of a thread."""
        client = request, client_address
        may = may_lead(self.RequestHandlerClass)
        try:
            while client:
                if HANDS_MODE_DOWN:
                    client[0].setblocking(True)
                if not may:
                    self.make_way()
                try:
                    self.serve_client(*client)
                except MemoryError:
                    log.exception(GOES_ON)
                    self.abandon(*client)
                client = self._next_client()
        finally:
            self.make_way()

    def serve_client(self, request, client_address):
        """Serve one client."""
        super().process_request_thread(request, client_address)

    def abandon(self, request, client_address):
        """Let go of a client whose thread could not serve it to the end."""
        self.shutdown_request(request)

    def look_up(self):
        """Do nothing: a hook, called at least twice a second by whoever waits for clients."""

    def admit(self, request, client_address):
        """Return whether to serve this client."""
        return True

    def make_way(self):
        """Let another thread lead, if this one does: it is about to wait for something."""
        self._lead.give_up()

    def _next_client(self):
        """Lead, and return the next client; None when it is time for this thread to end."""
        waits = 0
        while waits < IDLE_LIMIT / POLL_INTERVAL and self._lead.take(IDLE_LIMIT):
            try:
                request, client_address = self.get_request()
            except BlockingIOError:
                if not client_waits(self.socket, POLL_INTERVAL):
                    waits += 1
                    self.look_up()
            except OSError:  # the socket was closed, or descriptors have run out
                waits += 1
                self.look_up()
            except MemoryError:
                waits += 1
                log.exception(GOES_ON)
            else:
                if self._is_welcome(request, client_address):
                    return request, client_address
        return None

    def _is_welcome(self, request, client_address):
        """Tell whether a client that this thread has accepted is to be served; if not let it go."""
        try:
            if self.verify_request(request, client_address) and self.admit(request, client_address):
                return True
        except Exception:
            self.handle_error(request, client_address)
        self.shutdown_request(request)
        return False


def client_waits(listening, seconds):
    """Wait for a client to come to the socket *listening*, at most *seconds*; tell whether one has."""
    try:
        return can_be_read(listening, seconds)
    except (OSError, ValueError):  # it was closed in this moment
        return False
