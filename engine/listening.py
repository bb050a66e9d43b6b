"""The listening socket: nobody else shares its port, and what keeps it from listening is said."""

import contextlib
import errno
import os
import socket
import socketserver
import struct
import sys
import threading

from engine.addresses import host_of, shown
from engine.errors import CannotStart
from engine.language import _, reason
from engine.variant import variant

PORT_IN_USE = ("cannot listen on {address}: the port is in use, by another server or by a connection "
               "that some program has made. Choose another with {option}; 0 picks a free one.")
RESERVED = ("cannot listen on {address}: Windows has reserved the port, or another program has it "
            "for itself. Choose another with {option}; 0 picks a free one.")
NOT_PERMITTED = ("cannot listen on {address}: not permitted. Ports below 1024 are for "
                 "administrators: choose another with {option}; 0 picks a free one.")
NOT_OUR_ADDRESS = ("cannot listen on {address}: {host} is not an address of this machine. "
                   "Try --host 127.0.0.1, or 0.0.0.0 for all its addresses.")
UNKNOWN_HOST = ("cannot listen on {address}: there is no host of that name. "
                "Try --host 127.0.0.1, or 0.0.0.0 for all addresses of this machine.")
PORT_OUT_OF_RANGE = ("cannot listen on {address}: there is no such port. "
                     "Choose one from 1024 to 65535 with {option}; 0 picks a free one.")
CANNOT_LISTEN = "cannot listen on {address}: {reason}. Try another --host or {option}."


class ListeningSocket(socket.socket):
    """A socket whose ``accept`` costs less. It looks up ``family`` and ``type`` for each client;
    a `socket.socket` makes members of an enum of them, `socket.SocketType`, below it, plain
    numbers (measured: 35 us of processor time a client, 32 without the enums)."""

    __slots__ = ()
    family, type = socket.SocketType.family, socket.SocketType.type


class Listening(socketserver.TCPServer):
    """A TCPServer with a port of its own, a backlog, and how many wait in it."""

    request_queue_size = 128
    # On Windows SO_REUSEADDR would let two servers share a port; see server_bind.
    allow_reuse_address = os.name != "nt"

    def server_bind(self):
        """Bind so that no other program can share the port; ``::`` takes IPv4 clients too."""
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE") and not self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()
        self.socket = ListeningSocket(fileno=self.socket.detach())

    def waiting(self):
        """Return how many clients wait in the backlog, or None where the system does not tell."""
        if not sys.platform.startswith("linux"):
            return None
        try:
            info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        except OSError:
            return None  # closed in this moment, or not TCP
        # tcpi_unacked in struct tcp_info; of a listening socket, it counts those not yet accepted.
        return struct.unpack_from("I", info, 24)[0]


def behind(balancer, server_class):
    """Return the *server_class*, a `ClassroomServer`; if there is a *balancer*, the address of one, a
    subclass whose clients come through it."""
    if balancer is None:
        return server_class
    from engine.balanced import BehindBalancer  # not above: nobody else waits for this
    return type(server_class.__name__, (BehindBalancer, server_class),
                {"balancer": host_of((balancer,))})


def listening_server(server_class, handler, host, port, option, **attributes):
    """Return a server of this class for *handler* that listens on *host* and *port*.

    Raises `CannotStart` with what is wrong; *option* is the one that chose the port.
    """
    try:
        if not 0 <= port <= 65535:
            raise OverflowError(port)  # getaddrinfo would use what is left modulo 65536
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM,
                                   flags=socket.AI_PASSIVE)
        # A name may stand for both kinds of address: the lesson's clients use IPv4.
        entry = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        family, address = entry[0], entry[4]
        # Daemons, since what a graceful stop did not end must not outlive it.
        server_class = variant(server_class, address_family=family, daemon_threads=True, **attributes)
        return server_class(address, handler)
    except (OSError, OverflowError, UnicodeError) as error:
        raise CannotStart(start_problem(error, host, port, option)) from None


def start_problem(error, host, port, option):
    """Return one line that says why the server cannot start and what to do about it."""
    if isinstance(error, OverflowError):
        text = PORT_OUT_OF_RANGE
    elif isinstance(error, (socket.gaierror, UnicodeError)):
        text = UNKNOWN_HOST
    else:
        text = {errno.EADDRINUSE: PORT_IN_USE,
                errno.EACCES: RESERVED if os.name == "nt" else NOT_PERMITTED,
                errno.EADDRNOTAVAIL: NOT_OUR_ADDRESS}.get(error.errno, CANNOT_LISTEN)
    return _(text).format(address=shown((host, port)), host=host, option=option,
                          reason=reason(error))


@contextlib.contextmanager
def accepting(*servers):
    """Have each of *servers* that is not None serve, in a thread of its own; in the ``with`` statement
    they are to be stopped, and at its end those threads are waited for."""
    threads = [threading.Thread(target=each.serve_forever, name="acceptor", daemon=True)
               for each in servers if each]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()
