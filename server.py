"""The lesson's server with limited threads, on Python's own framework; and the program.

    python server.py --service temp

`BoundedThreadingTCPServer` is the lesson's ``MAX_THREADS``, and the loop that waits. The
program runs `ClassroomServer`, which is that class and some rooms of ``engine/`` around it.
"""

import contextlib
import functools
import logging
import os
import socketserver
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
if HERE not in sys.path:  # Python leaves it out with -P and -I
    sys.path.insert(0, HERE)

from engine.accounts import Accounts
from engine.addresses import shown
from engine.books import named
from engine.ending import leave
from engine.errors import CannotStart
from engine.invitation import Invitation
from engine.lane import Lane
from engine.language import _
from engine.leading import LeadingThreads
from engine.listening import Listening, accepting, behind, listening_server
from engine.loading import mistakes_told, slowness_told
from engine.lookout import Lookout
from engine.options import parse_options, service_attributes
from engine.output import prepare_output
from engine.processes import in_processes
from engine.running import running
from engine.shortages import Shortages
from engine.signals import StopSignals, load_what_threads_need
from engine.stopping import GracefulStop, stop_and_tell
from engine.streams import prepare_streams
from engine.variant import variant

log = logging.getLogger("server")

#: Seconds that one wait may last before it looks whether the server is stopping.
POLL_INTERVAL = 0.5

#: Seconds that a graceful stop gives the messages in flight, and those who watch the page.
GRACE = 3.0
PAGE_GRACE = 0.3

TOTALS = ("Stopped: accepted {accepted}, served {served}, refused {refused}, "
          "timed out {timed_out}, gone {gone}, failed {failed}, errors {errors}")
LISTENING = "Listening on {address}"


class BoundedThreadingTCPServer(socketserver.ThreadingTCPServer):
    """A `socketserver.ThreadingTCPServer` that has at most ``max_threads`` threads for clients.

    Each of the ``max_threads`` places is a *slot*; the semaphore ``slots`` counts those that are
    free. A client is accepted when there is a slot for it. Until then it waits in the system's
    backlog, its connection open ("defer acceptance": tcpserver, https://cr.yp.to/ucspi-tcp.html).

    ``max_threads`` may be set in a subclass, or in an instance before it serves: 1 serves one
    client at a time, 0 means no limit. The event ``stopping`` is set while the server stops.
    """

    max_threads = 4

    def __init__(self, *args, **kwargs):
        self.stopping = threading.Event()
        super().__init__(*args, **kwargs)

    @functools.cached_property
    def slots(self):
        """The semaphore, made when the first slot is taken."""
        return threading.Semaphore(self.max_threads or sys.maxsize)

    def process_request(self, request, client_address):
        """Take a slot, and start a thread that serves the client in it."""
        self.slots.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread was started that would give the slot back
            self.slots.release()
            raise

    def process_request_thread(self, request, client_address):
        """Serve the client (in `ClassroomServer` also those after it); then give the slot back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.slots.release()

    def service_actions(self):
        """Wait for a free slot: `serve_forever` calls this before it accepts the next client."""
        super().service_actions()
        while not self.stopping.is_set():
            if self.slots.acquire(timeout=POLL_INTERVAL):
                self.slots.release()  # it stays free: only this thread takes slots
                return
            self.still_full()

    def still_full(self):
        """Do nothing: a hook, called now and then while no slot is free."""

    def verify_request(self, request, client_address):
        """Take no client who comes while the server stops."""
        return not self.stopping.is_set() and super().verify_request(request, client_address)

    def serve_forever(self, poll_interval=POLL_INTERVAL):
        """Serve clients until `shutdown`."""
        self.stopping.clear()
        self.service_actions()  # before the first client; the base class calls it after each look
        super().serve_forever(poll_interval)

    def shutdown(self):
        """Make `serve_forever` return. Clients in service stay until they are served."""
        self.stopping.set()
        super().shutdown()


class ClassroomServer(Accounts, GracefulStop, Shortages, BoundedThreadingTCPServer, LeadingThreads, Listening):
    """The server that the program runs: the lesson's, and around it what a full classroom needs.

    Methods for the caller, besides: ``stop``, ``in_service``, ``totals``, ``status``, ``waiting``. To be
    overridden: ``max_per_host``, ``request_queue_size``, ``refusal``, ``log``; and socketserver's hooks.
    """


def main(arguments=None):
    """Run the server until it is told to stop; return the program's exit status, for `leave`."""
    signals = StopSignals()
    prepare_streams()
    options = options_of(arguments)
    screen = prepare_output(options.quiet, options.verbose)
    try:
        text, status = _(TOTALS).format(**named(serve(options, signals))), 0
    except CannotStart as error:
        text, status = "server.py: {}".format(error), 1
    if not screen.end(signals.time_left() / 2):
        leave(status)  # the screen stands still, and Python would wait for it
    print(text, file=sys.stderr if status else sys.stdout, flush=True)
    return status


def options_of(arguments):
    """Return the options in *arguments*, with the class of the ``handler``. What is wrong with them, or
    with what somebody has written in ``handlers/``, ends the program in one line."""
    with mistakes_told(arguments):
        with slowness_told():
            from handlers import SERVICES
        from handlers.checks.menu import check_menu
        from handlers.checks.service import check_service
        check_menu(SERVICES)
        options = parse_options(SERVICES, arguments)
        check_service(options.handler)
    return options


def serve(options, signals):
    """Serve as the *options* say until a signal comes; return the totals. Raises `CannotStart`."""
    load_what_threads_need()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(make_server(options))
        stack.enter_context(in_processes(server.RequestHandlerClass, options.processes))
        lookout = stack.enter_context(Lookout(server))
        page = stack.enter_context(make_page(options, server, lookout))
        stack.enter_context(running(server.RequestHandlerClass))
        print(_(LISTENING).format(address=shown(server.server_address)))
        stack.enter_context(Invitation(server.server_address, options.service, log,
                                       page and page.server_address))
        stack.enter_context(accepting(server, page))
        signals.wait()
        stop_and_tell(server, GRACE, lookout)
        if page:
            page.stop(PAGE_GRACE)
    return server.totals()


def make_server(options):
    """Return a server that listens as the *options* say. Raises `CannotStart`."""
    handler = variant(options.handler, **service_attributes(options))
    if handler.keep_open and Lane.exists_here:
        handler = variant(handler, lane=Lane())
    return listening_server(behind(options.proxy_protocol, ClassroomServer), handler, options.host,
                            options.port, "--port", max_threads=options.max_threads,
                            max_per_host=options.max_per_host, request_queue_size=options.backlog)


def make_page(options, server, lookout):
    """Return the context of the live page's server about *server*. Raises `CannotStart`."""
    if options.dashboard is None:
        return contextlib.nullcontext()
    from handlers.dashboard import page_about  # not above: it is not for everybody
    return page_about(server, options, ClassroomServer, lookout)


if __name__ == "__main__":
    leave(main())
