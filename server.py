"""The server: a bounded `socketserver.ThreadingTCPServer`, its command line, its start and stop.

    python server.py --service temp
"""

import argparse
import collections
import contextlib
import errno
import logging
import math
import os
import queue
import selectors
import signal
import socket
import socketserver
import struct
import sys
import threading
import time

from handlers import SERVICES
from engine.lane import Lane, Watcher
from handlers.lines import CannotStart
from engine.screen import show

VERSION = "1.0"

log = logging.getLogger("server")

#: Seconds that a wait may last before it looks up: on Windows a Ctrl+C is not noticed in a wait
#: for a lock, only after it.
POLL_INTERVAL = 0.5

#: Seconds to wait when descriptors or threads have run out, before trying again.
RETRY_INTERVAL = 0.5

#: Seconds for which a warning that this has happened is not repeated.
QUIET_INTERVAL = 60.0

#: Seconds that a client over its host's limit waits, in case one before it is just leaving.
REFUSAL_DELAY = 0.002

#: Seconds that a graceful stop gives the messages in flight; STOP_LIMIT is for all of it.
GRACE = 3.0
STOP_LIMIT = 4.5

#: Viewers of the dashboard at a time, in all and from one address.
VIEWERS = 50
VIEWERS_PER_HOST = 10

#: Seconds for which a thread without a client waits for one before it ends.
IDLE_THREAD = 5.0

#: A client served within so many seconds was quick: no other thread was needed meanwhile.
QUICK = 0.001

#: Seconds for which a thread that serves quick clients waits for the next; and those after which,
#: twice at most, a turn is over because a client was not quick.
NEXT_CLIENT = 0.002
LONGEST_TURN = 0.001

#: Whether accept() gives the listening socket's non-blocking mode to the connection, as systems
#: other than Linux do (accept(2) there).
HANDS_MODE_DOWN = not sys.platform.startswith("linux")

#: What waits for one socket: like socketserver's own it does not need a descriptor.
Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)

#: What a connection says, besides ConnectionError, when the network to the client has failed.
UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ETIMEDOUT}

#: What ``accept`` says when the system has run out of something that comes back.
SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM,
             getattr(errno, "WSAEMFILE", errno.EMFILE), getattr(errno, "WSAENOBUFS", errno.ENOBUFS)}

TOO_MANY = "too many connections from your address"
THREADS_RAN_OUT = "the server cannot start a thread for you: try again in a moment"
STATUS = "slots {used}/{slots}, served {served}, refused {refused}, timed out {timed_out}"
TOTALS = ("Stopped: accepted {accepted}, served {served}, refused {refused}, "
          "timed out {timed_out}, gone {gone}, failed {failed}")
ANYONE = ("Any machine that can reach {where} can now connect. "
          "--host 127.0.0.1 keeps it to this one.")
STOPPING = "Stopping, with %d client(s) in service. Ctrl+C again stops at once."
LISTENING = "Listening on {address}"
DASHBOARD = "Dashboard at http://{address}/"
PORT_IN_USE = ("cannot listen on {address}: the port is in use. Is another server running? "
               "Choose another with {option}; 0 picks a free one.")
NOT_PERMITTED = ("cannot listen on {address}: not permitted. Ports below 1024 are for "
                 "administrators: choose another with {option}; 0 picks a free one.")
NOT_OUR_ADDRESS = ("cannot listen on {address}: {host} is not an address of this machine. "
                   "Try --host 127.0.0.1, or 0.0.0.0 for all its addresses.")
UNKNOWN_HOST = ("cannot listen on {address}: there is no host of that name. "
                "Try --host 127.0.0.1, or 0.0.0.0 for all addresses of this machine.")
PORT_OUT_OF_RANGE = ("cannot listen on {address}: there is no such port. "
                     "Choose one from 1024 to 65535 with {option}; 0 picks a free one.")
CANNOT_LISTEN = "cannot listen on {address}: {reason}. Try another --host or {option}."
NOTHING_TO_KEEP = "argument --db: the service {service} keeps nothing; --service temp does"

#: Ctrl+C, the system's request to end, and Ctrl+Break where there is one (Windows).
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK")
                if hasattr(signal, name)]


class BoundedThreadingTCPServer(socketserver.ThreadingTCPServer):
    """A `socketserver.ThreadingTCPServer` that serves at most ``max_threads`` clients at a time.

    Each of the ``max_threads`` places is a *slot*, counted by a semaphore. `process_request`
    takes a slot and starts the thread that serves a client in it; in `serve_forever` the slot is
    there before the client is accepted, who until then waits in the system's backlog, its
    connection open ("defer acceptance of a new one until one finishes": tcpserver).

    To start a thread costs more than to serve a short message, so a thread that is done with
    its client looks itself whether another one waits, and serves it in the same slot. Only when
    nobody waits does it give the slot back; it then stays a few seconds in case `process_request`
    has a new client for it. There are never more such threads than slots. (A client taken so
    passes through `get_request` and `verify_request`, but not through `process_request`.)

    Python runs one thread at a time. While clients are quick, a second thread could only take
    the processor from the first, and that costs as much as the service (measured: 28 us of
    processor time a client with four threads at it, 15 us with one). So a thread whose last
    client was quick keeps the *turn*: it alone takes the next clients. As soon as one makes it
    wait, or a service takes its time, the turn is over, and the threads work side by side. (A
    service that always waits for less than QUICK seconds is one client at a time.)

    Either `serve_forever` serves, or `handle_request`; not the one after the other.

    Class attributes that may be overridden, besides those of ThreadingTCPServer:

    - ``max_threads``: the number of slots; 1 serves one client at a time, 0 means no limit;
    - ``max_per_host``: clients served at a time from one address; 0 means no limit;
    - ``refusal``: what a client is sent who is not served, with a field for the reason;
    - ``log``: the Logger that is told what happens to clients.

    Methods for the caller, besides ``serve_forever``, ``shutdown`` and ``server_close``:

    - ``stop(seconds)``: a graceful stop;
    - ``totals()``, ``in_service()``, ``waiting()``: how many clients were accepted, served and so
      on; who is in service; how many wait.

    A deque in ``tally`` has handlers append to it how many messages they have answered. In ``lane``
    is the `Lane` in which one more thread answers clients while their own threads sleep.

    What is shared, and who may wait for whom: ``_slots`` and ``_idle_threads`` are semaphores and
    ``_handover`` a queue, safe in themselves; ``_lock`` guards ``_clients``, ``_hosts``,
    ``_counts`` and ``_workers`` and is never held while anything else is waited for (``_changed``
    is its condition, for those who wait for a client to leave). The thread in ``serve_forever``
    waits for a slot, and for the end of a turn, twice LONGEST_TURN at most; a thread with a slot
    waits only for its client, never for another thread, except in the lane. The others need no
    lock: ``_slot_in_hand`` belongs to the thread in ``serve_forever``; ``_turn``, the client whose
    thread has the turn, and ``_quick`` only say who should look for clients, and when two threads
    do, one of them finds nobody; ``_quiet_until`` only keeps a warning from being repeated.
    """

    max_threads = 4
    max_per_host = 0
    refusal = "ERR {}\n"
    log = log
    request_queue_size = 128
    # On Windows SO_REUSEADDR would let two servers share a port; see server_bind.
    allow_reuse_address = os.name != "nt"

    def __init__(self, server_address, RequestHandlerClass, bind_and_activate=True):
        self.stopping = threading.Event()
        self._slots = threading.Semaphore(self.max_threads or sys.maxsize)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._clients = {}
        self._hosts = collections.Counter()
        self._counts = dict.fromkeys(("accepted", "served", "refused", "timed out", "gone",
                                      "failed"), 0)
        self._workers = set()
        self._handover = queue.SimpleQueue()
        self._idle_threads = threading.Semaphore(0)
        self._slot_in_hand = False
        self._turn = None
        self._turn_over = threading.Event()
        self._quick = False
        self.tally = None
        self.lane = Lane() if Watcher else None
        self._quiet_until = -math.inf
        super().__init__(server_address, RequestHandlerClass, bind_and_activate)

    # Starting and stopping

    def server_bind(self):
        """Bind so that no other program can share the port; ``::`` takes IPv4 clients too."""
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE") and not self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def serve_forever(self, poll_interval=POLL_INTERVAL):
        """Serve clients until `shutdown`, as the base class does, beginning with a slot in hand."""
        self.stopping.clear()
        # More than one thread accepts: one that finds nobody there must not wait.
        self.socket.setblocking(False)
        self._wait_for_slot()
        super().serve_forever(poll_interval)

    def shutdown(self):
        """Accept no more clients. Those in service stay; a `LineHandler` ends after the messages
        it has received."""
        self.stopping.set()
        super().shutdown()

    def stop(self, seconds):
        """Stop gracefully: accept no more, let idle clients go, answer what has been asked.

        Returns how many clients had to be cut off because *seconds* were not enough; they count as
        timed out. `serve_forever` must be running, in another thread.
        """
        with contextlib.suppress(OSError):  # wakes the thread in serve_forever, on Linux
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.stopping.set()  # again: serve_forever clears it when it has only just begun
        deadline = time.monotonic() + seconds
        with self._lock:
            if os.name != "nt":  # where it would reset the connection if more input came
                for request in self._clients:
                    self._shut(request, socket.SHUT_RD)
            while self._clients and time.monotonic() < deadline:
                self._changed.wait(min(POLL_INTERVAL, seconds))
            cut_off = list(self._clients)
        for request in cut_off:
            self._leave(request, "timed out")
            self._shut(request, socket.SHUT_RDWR)
        self._end_threads(deadline)  # so that what they log comes before what the caller says
        return len(cut_off)

    def server_close(self):
        """Close the listening socket, send idle threads home; as in the base class, wait for
        those that serve clients unless ``daemon_threads`` or ``block_on_close`` says not to."""
        self.stopping.set()
        super().server_close()
        waits = self.block_on_close and not self.daemon_threads
        self._end_threads(math.inf if waits else -math.inf)

    def _end_threads(self, deadline):
        """Send idle threads home; wait for all to end, but not beyond *deadline* (monotonic)."""
        while self._idle_threads.acquire(blocking=False):
            self._handover.put(None)
        with self._lock:
            threads = list(self._workers)
        for thread in threads:
            remaining = max(0, deadline - time.monotonic())
            thread.join(None if remaining == math.inf else remaining)

    # Accepting clients: in serve_forever's thread, and in threads looking for their next client

    def get_request(self):
        """Accept the client that has waited longest; BlockingIOError when nobody does."""
        try:
            request, client_address = self.socket.accept()
        except OSError as error:
            if error.errno in SHORTAGES and not self.stopping.is_set():
                self._say_shortage(error.strerror)
                self.stopping.wait(RETRY_INTERVAL)
            raise
        if HANDS_MODE_DOWN:
            request.setblocking(True)
        return request, client_address

    def verify_request(self, request, client_address):
        """Enter the client among those in service; refuse it when its host has enough of them.

        A client with its reply in hand may come again before the thread that served it has run
        on: before it is refused, that thread gets a moment.
        """
        host = host_of(client_address) if self.max_per_host else None
        with self._lock:
            if self.stopping.is_set():
                return False
            self._counts["accepted"] += 1
            if not host or self._has_room(host):
                self._clients[request] = host, client_address, time.monotonic()
                return True
        self._refuse(request, client_address, TOO_MANY)
        return False

    def _has_room(self, host):
        """Enter *host* once more among those in service, unless it has enough. Holds the lock."""
        if not self._changed.wait_for(lambda: self._hosts[host] < self.max_per_host,
                                      REFUSAL_DELAY):
            return False
        self._hosts[host] += 1
        return True

    def process_request(self, request, client_address):
        """Take a slot, and have a thread serve the client in it."""
        self._wait_for_slot()
        if not self._slot_in_hand:  # stopping: there will be none
            return self.shutdown_request(request)
        client = request, client_address
        if self._quick:
            self._turn = client
        if self._idle_threads.acquire(blocking=False):
            self._handover.put(client)
        else:
            thread = threading.Thread(target=self._serve_clients, args=(client,),
                                      daemon=self.daemon_threads)
            with self._lock:
                self._workers.add(thread)
            try:
                thread.start()
            except (RuntimeError, MemoryError) as error:
                with self._lock:
                    self._workers.discard(thread)
                self._say_shortage(error)
                self._refuse(request, client_address, THREADS_RAN_OUT)
                self.shutdown_request(request)
                self.stopping.wait(RETRY_INTERVAL)
                return None  # with the slot still in hand
        self._slot_in_hand = False
        return None

    def service_actions(self):
        """Wait for the next slot: serve_forever accepts no client before there is one for it.
        Wait also for the turn, while another thread has it."""
        self._wait_for_slot()
        self._wait_for_turn()

    def _wait_for_slot(self):
        """Return with a slot in hand, or without when the server is stopping."""
        while not self._slot_in_hand and not self.stopping.is_set():
            self._slot_in_hand = self._slots.acquire(timeout=POLL_INTERVAL)

    def _wait_for_turn(self):
        """Return when no other thread has the turn; take it from one whose client is not quick."""
        while not self.stopping.is_set():
            self._turn_over.clear()
            client = self._turn
            if not client:
                break
            if not self._turn_over.wait(LONGEST_TURN) and self._turn is client:
                self._turn, self._quick = None, False

    # Serving clients: in the threads that hold the slots

    def _serve_clients(self, client):
        """Serve *client* and those that come after it; the life of a thread."""
        try:
            while client:
                try:
                    self._serve_in_slot(client)
                    # Idle first, free afterwards: whoever takes the slot must find the thread.
                    self._idle_threads.release()
                finally:
                    self._slots.release()
                client = self._handed_client()
        finally:
            with self._lock:
                self._workers.discard(threading.current_thread())

    def _serve_in_slot(self, client):
        """Serve *client* and those that wait after it, for as long as there are any."""
        while client:
            began = time.monotonic()
            self.process_request_thread(*client)
            self._quick = time.monotonic() - began < QUICK
            client = self._next_client(client)

    def _next_client(self, served):
        """Return the client to serve after *served*, or None when that is not for this thread.

        While it has the turn a thread waits a moment for the next client to come.
        """
        turn = self._turn
        if turn and turn is not served:  # another thread has it
            return None
        client = self._waiting_client(NEXT_CLIENT if turn and self._quick else 0)
        self._turn = client if self._quick else None
        if turn and not self._turn:
            self._turn_over.set()
        return client

    def _waiting_client(self, seconds):
        """Return the next client from the backlog, or None when none is there or comes in so many
        *seconds*."""
        # With a blocking socket it is handle_request that accepts, alone.
        while self.socket.gettimeout() == 0 and not self.stopping.is_set():
            try:
                request, client_address = self.get_request()
            except BlockingIOError:
                if not seconds:
                    return None
                self._wait_for_client(seconds)
                seconds = 0
            except OSError:
                return None
            else:
                if self.verify_request(request, client_address):
                    return request, client_address
                self.shutdown_request(request)
        return None

    def _wait_for_client(self, seconds):
        # Suppressed: that the socket is closed in this moment.
        with contextlib.suppress(ValueError, OSError), Selector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.select(seconds)

    def _handed_client(self):
        """Return the client that `process_request` hands over, or None when it is time to end."""
        try:
            return self._handover.get(timeout=0 if self.stopping.is_set() else IDLE_THREAD)
        except queue.Empty:
            if self._idle_threads.acquire(blocking=False):
                return None
            return self._handover.get()  # someone counted on this thread a moment ago

    def finish_request(self, request, client_address):
        """Serve one client with the handler class, and count it."""
        if not self.log.isEnabledFor(logging.INFO):
            super().finish_request(request, client_address)
            self._leave(request, "served")
            return
        self.log.debug("Serving client %s. %s", shown(client_address), self.status())
        began = time.monotonic()
        super().finish_request(request, client_address)
        self._leave(request, "served")
        self.log.info("Served client %s in %.3f s.", shown(client_address),
                      time.monotonic() - began)

    def handle_error(self, request, client_address):
        """Count and log how serving a client ended, other than well."""
        error = sys.exc_info()[1]
        if isinstance(error, socket.timeout) and error.errno is None:
            self._leave(request, "timed out")
            self.log.info("Client %s timed out: %s.", shown(client_address), error)
        elif isinstance(error, ConnectionError) or getattr(error, "errno", None) in UNREACHABLE:
            self._leave(request, "gone")
            self.log.info("Client %s is gone: %s.", shown(client_address), error)
        else:
            self._leave(request, "failed")
            self.log.error("Serving client %s failed.", shown(client_address), exc_info=True)

    def shutdown_request(self, request):
        """Close the connection of a client, which is no longer in service."""
        if request in self._clients:
            self._leave(request)
        if request.fileno() >= 0:  # else the handler has closed it, and saved a system call
            super().shutdown_request(request)
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("%s", self.status())

    # Telling

    def totals(self):
        """Return how many clients were accepted and what became of them: name -> number."""
        with self._lock:
            return dict(self._counts)

    def in_service(self):
        """Return who is in service, the longest first: pairs of an address, as users write it, and
        the ``time.monotonic()`` at which it was accepted."""
        with self._lock:
            clients = list(self._clients.values())
        return [(shown(address), began) for _, address, began in clients]

    def waiting(self):
        """Return how many clients wait in the backlog, or None where the system does not tell."""
        if not sys.platform.startswith("linux"):
            return None
        try:
            info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        except OSError:
            return None  # closed in this moment
        # tcpi_unacked in struct tcp_info; of a listening socket, it counts those not yet accepted.
        return struct.unpack_from("I", info, 24)[0]

    def status(self):
        """Return the state of the slots and the totals in a line, as tcpserver shows them."""
        with self._lock:
            return STATUS.format(used=len(self._clients), slots=self.max_threads or "unlimited",
                                 **_named(self._counts))

    def _leave(self, request, outcome=None):
        """Count the *outcome* of a client, if any, which from now on is not in service.

        Those refused never were; of others only the first outcome counts, as when it was cut off.
        """
        with self._lock:
            if outcome and (request in self._clients or outcome == "refused"):
                self._counts[outcome] += 1
            host = self._clients.pop(request, (None,))[0]
            if host is not None:
                self._hosts[host] -= 1
                if not self._hosts[host]:
                    del self._hosts[host]
            if host is not None or self.stopping.is_set():  # nobody else waits for this
                self._changed.notify_all()

    def _refuse(self, request, client_address, text):
        """Tell a client in one line why it is not served."""
        self._leave(request, "refused")
        self.log.info("Refused client %s: %s.", shown(client_address), text)
        with contextlib.suppress(OSError):  # it need not wait for our answer
            request.setblocking(False)
            request.send(self.refusal.format(text).encode())
            request.shutdown(socket.SHUT_WR)
            # Closing with its message unread would send a reset, which can overtake the answer.
            request.recv(65536)

    def _say_shortage(self, reason):
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + QUIET_INTERVAL
            self.log.warning("Cannot take more clients for now (%s); trying again.", reason)

    @staticmethod
    def _shut(request, how):
        with contextlib.suppress(OSError):  # closed by the other side: just as well
            request.shutdown(how)


def _named(counts):
    """Return *counts* with names that a text can use as fields."""
    return {name.replace(" ", "_"): number for name, number in counts.items()}


def shown(address):
    """Return a socket's *address* as users write it: ``127.0.0.1:50000``, ``[::1]:50000``."""
    host, port = address[:2]
    return ("[{}]:{}" if ":" in host else "{}:{}").format(host, port)


def host_of(address):
    """Return the host in a client's *address*: an IPv4 one is the same when seen over IPv6."""
    host = address[0]
    return host[7:] if host.startswith("::ffff:") and "." in host else host


# The program


def number(kind, least, most, expected):
    """Return a converter for argparse: text to a *kind* of number from *least* to *most*."""
    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError("expected {}, not '{}'".format(expected, text))
        return value
    return convert


class OneLineParser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong in one line."""

    def error(self, message):
        self.exit(2, "{}: {}. See {} --help.\n".format(self.prog, message, self.prog))


def parse_options(arguments=None):
    """Return the options in the command line's *arguments*; wrong ones exit with status 2."""
    parser = OneLineParser(
        prog="server.py", description="Serve a class: one of the lesson's services over TCP.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=22, width=100))
    count = number(int, 0, 10**6, "a whole number from 0 to 1000000")
    positive = number(int, 1, 2**31 - 1, "a whole number from 1 to 2147483647")
    seconds = number(float, 0, 86400, "seconds from 0 to 86400")
    port = number(int, -math.inf, math.inf, "a port from 0 to 65535")
    some_seconds = number(float, 0.001, 86400, "seconds from 0.001 to 86400")
    option = parser.add_argument
    option("--service", metavar="NAME", choices=sorted(SERVICES), default="upper",
           help="what to serve: %(choices)s (default: %(default)s)")
    option("--host", metavar="H", default="127.0.0.1",
           help="address to listen on; 0.0.0.0 lets other machines in (default: %(default)s)")
    option("--port", metavar="P", type=port, default=50000,
           help="port to listen on; 0 picks a free one (default: %(default)s)")
    option("--max-threads", metavar="N", type=count, default=4,
           help="clients served at a time; 0: no limit (default: %(default)s)")
    option("--max-per-host", metavar="N", type=count, default=0,
           help="clients served at a time from one address; 0: no limit (default: %(default)s)")
    option("--max-cities", metavar="N", type=positive, default=100000,
           help="cities that temp keeps; a new one beyond is refused (default: %(default)s)")
    option("--db", metavar="FILE",
           help="where temp keeps every reading, in SQLite (default: nothing is written)")
    option("--dashboard", metavar="PORT", nargs="?", const=8080, type=port,
           help="show a live page on this port, 8080 if none is named (default: no page)")
    option("--backlog", metavar="N", type=positive, default=128,
           help="clients that may wait for a slot, connected (default: %(default)s)")
    option("--timeout", metavar="S", type=some_seconds, default=60.0,
           help="seconds for a message to arrive, and for its reply (default: %(default)g)")
    option("--max-line", metavar="BYTES", type=positive, default=65536,
           help="bytes a message may have (default: %(default)s)")
    option("--keep-open", action="store_true",
           help="go on after the first reply until the client closes (default: close)")
    option("--work", metavar="S", type=seconds, default=0.0,
           help="seconds of work to imitate for every message (default: %(default)g)")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="log warnings only")
    amount.add_argument("-v", "--verbose", action="store_true",
                        help="log messages and slots; show every city's temperatures")
    option("--version", action="version", version="%(prog)s " + VERSION)
    options = parser.parse_args(arguments)
    if options.db is not None and not hasattr(SERVICES[options.service], "db"):
        parser.error(NOTHING_TO_KEEP.format(service=options.service))
    return options


def make_server(options):
    """Return a server that listens as the *options* say. Raises `CannotStart`."""
    service = SERVICES[options.service]
    handler = type(service.__name__, (service,), {
        "timeout": options.timeout, "max_line": options.max_line,
        "keep_open": options.keep_open, "work": options.work, "max_cities": options.max_cities,
        "db": options.db})
    return listening(handler, options.host, options.port, "--port",
                     max_threads=options.max_threads, max_per_host=options.max_per_host,
                     request_queue_size=options.backlog)


def make_dashboard(options, watch):
    """Return a server for the page that shows *watch*. Raises `CannotStart`."""
    from handlers.dashboard.handler import DashboardHandler
    names = {"localhost", options.host.lower(), socket.gethostname().lower()}
    handler = type("DashboardHandler", (DashboardHandler,), {"watch": watch, "names": names})
    quiet = logging.getLogger("dashboard")
    quiet.setLevel(logging.WARNING)  # who watches is not who is served
    return listening(handler, options.host, options.dashboard, "--dashboard",
                     max_threads=VIEWERS, max_per_host=VIEWERS_PER_HOST, log=quiet,
                     refusal=DashboardHandler.refusal)


def listening(handler, host, port, option, **attributes):
    """Return a server for *handler* that listens on *host* and *port*.

    Raises `CannotStart` with what is wrong; *option* is the one that chose the port.
    """
    try:
        if not 0 <= port <= 65535:
            raise OverflowError(port)  # getaddrinfo would use what is left modulo 65536
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM,
                                   flags=socket.AI_PASSIVE)
        # A name may stand for both kinds of address: the lesson's clients use IPv4.
        family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        # Daemons, since what a graceful stop did not end must not outlive it.
        return type("Server", (BoundedThreadingTCPServer,), dict(
            attributes, address_family=family, daemon_threads=True))(address, handler)
    except (OSError, OverflowError, UnicodeError) as error:
        raise CannotStart(start_problem(error, host, port, option)) from None


def start_problem(error, host, port, option):
    """Return one line that says why the server cannot start and what to do about it."""
    if isinstance(error, OverflowError):
        text = PORT_OUT_OF_RANGE
    elif isinstance(error, (socket.gaierror, UnicodeError)):
        text = UNKNOWN_HOST
    else:
        text = {errno.EADDRINUSE: PORT_IN_USE, errno.EACCES: NOT_PERMITTED,
                errno.EADDRNOTAVAIL: NOT_OUR_ADDRESS}.get(error.errno, CANNOT_LISTEN)
    return text.format(address=shown((host, port)), host=host, option=option,
                       reason=getattr(error, "strerror", None) or error)


def main(arguments=None):
    """Run the server until it is told to stop; return the program's exit status."""
    stop_signals = catch_stop_signals()
    options = parse_options(arguments)
    prepare_output(options)
    try:
        totals = serve(options, stop_signals)
    except CannotStart as error:
        print("server.py: {}".format(error), file=sys.stderr)
        return 1
    show(TOTALS.format(**_named(totals)))
    return 0


def serve(options, stop_signals):
    """Serve as the *options* say until a signal comes; return the totals. Raises `CannotStart`."""
    load_what_threads_need()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(make_server(options))
        pages = []
        if options.dashboard is not None:
            from handlers.dashboard.watch import Watch  # not above: it is not for everybody
            watch = stack.enter_context(Watch(server, options.service))
            pages.append(stack.enter_context(make_dashboard(options, watch)))
        stack.enter_context(server.RequestHandlerClass.running())
        show(LISTENING.format(address=shown(server.server_address)))
        for page in pages:
            show(DASHBOARD.format(address=shown(reachable(page.server_address))))
        warn_if_open(server.server_address[0])
        limit_stop(server.stopping)
        for each in [server, *pages]:
            threading.Thread(target=each.serve_forever, name="acceptor", daemon=True).start()
        wait_for_signal(stop_signals)
        server.stopping.set()  # before anything that may block: see limit_stop
        in_service = len(server.in_service())
        if in_service:
            log.info(STOPPING, in_service)
        cut_off = server.stop(GRACE)
        if cut_off:
            log.warning("%d client(s) were cut off: they took too long.", cut_off)
        for page in pages:
            page.stop(0)
    return server.totals()


def reachable(address):
    """Return *address*, or this machine's own where it stands for all of a machine's addresses."""
    return ({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0]), address[1])


def warn_if_open(host):
    """Say who can connect when *host*, which the server listens on, is not only this machine."""
    if not (host_of((host,)).startswith("127.") or host == "::1"):
        everywhere = host in ("0.0.0.0", "::")
        log.warning("%s", ANYONE.format(where="this one" if everywhere else host))


def prepare_output(options):
    """Set up the log on standard error; let no console's character set break a line."""
    level = (logging.WARNING if options.quiet else
             logging.DEBUG if options.verbose else logging.INFO)
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s",
                        datefmt="%H:%M:%S")
    if hasattr(sys.stdout, "reconfigure"):  # IDLE's has not
        sys.stdout.reconfigure(errors="backslashreplace")


def catch_stop_signals():
    """Return a queue that receives Ctrl+C and SIGTERM instead of their interrupting anything.

    A SimpleQueue, since its put() may interrupt its own get(), as a signal handler does.
    """
    received = queue.SimpleQueue()

    def first(signum, frame):
        for caught in STOP_SIGNALS:
            signal.signal(caught, second)
        received.put(signum)

    def second(signum, frame):
        os._exit(1)  # asked twice: at once

    for caught in STOP_SIGNALS:
        signal.signal(caught, first)
    return received


def wait_for_signal(received):
    """Wait, without using the processor, until a signal has been *received*."""
    while True:
        try:
            return received.get(timeout=POLL_INTERVAL)
        except queue.Empty:
            continue  # the wait is cut up for Windows: see POLL_INTERVAL


def load_what_threads_need():
    """Let one thread end while there are descriptors to be had.

    The C library loads something from a file when the first thread ends, and where it cannot,
    ends the program (glibc's pthread_exit and libgcc_s; Python 3.8 under Linux).
    """
    thread = threading.Thread(name="first", daemon=True)
    thread.start()
    thread.join()


def limit_stop(stopping):
    """End the program if a stop takes too long, as when nobody takes our output any more.

    One thread says so, another ends it, for to say so may block as well. They are started
    beforehand: when they are needed there may be no threads to be had.
    """
    def after(seconds, act, *arguments):
        stopping.wait()
        time.sleep(seconds)
        act(*arguments)
    for arguments in ((STOP_LIMIT, log.error, "Could not stop in time; stopped at once."),
                      (STOP_LIMIT + 0.2, os._exit, 1)):
        threading.Thread(target=after, args=arguments, name="limit", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
