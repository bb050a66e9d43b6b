"""Connecting: to a server that may be absent, or slow."""

import errno
import os
import select
import socket
import time

from talk.waiting import LONGEST_WAIT

#: What a system says that has no port left to connect from, and the seconds for which it may last:
#: Linux remembers a closed connection for 60 s, Windows for up to 240 s (TIME-WAIT, RFC 9293, 3.4).
NO_PORT_LEFT = {errno.EADDRNOTAVAIL, errno.EADDRINUSE}
PORTS_LIMIT = 300.0


def connected(address, limit):
    """Return a connection, opened within *limit* seconds for each address of the host.

    As `socket.create_connection`; on Windows, where a Ctrl+C waits for the end of a wait, the wait
    is cut up.
    """
    if os.name != "nt":
        return socket.create_connection(address, timeout=limit)
    problem = OSError("no address")
    for family, kind, protocol, _, where in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(0.0)
            code = connection.connect_ex(where)
            ends = time.monotonic() + limit
            while code == errno.EWOULDBLOCK:
                remaining = ends - time.monotonic()
                if remaining <= 0:
                    raise socket.timeout
                _, done, failed = select.select([], [connection], [connection],
                                                min(remaining, LONGEST_WAIT))
                if done or failed:
                    code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
            return connection
        except OSError as error:
            connection.close()
            problem = error
        except BaseException:
            connection.close()
            raise
    raise problem


def reaches_itself(connection):
    """Tell whether both ends of a *connection* are the same socket."""
    try:
        return connection.getsockname() == connection.getpeername()
    except OSError:  # it has been reset already: the exchange will say so
        return False
