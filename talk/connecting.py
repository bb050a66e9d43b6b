"""Connecting: to a server that may be absent, or slow, from a system that may have no port left."""

import errno
import os
import select
import socket
import time

from engine.language import _, decimals, reason
from talk.commands import is_here
from talk.problems import ServerProblem
from talk.waiting import LONGEST_WAIT

#: What a system says that knows no way to an address: nobody there answers its question who has it
#: (RFC 826), or no network that it is in leads there.
NO_WAY_THERE = {errno.EHOSTUNREACH, errno.ENETUNREACH}

#: What a system says that has no port left to connect from, and the seconds for which it may last:
#: Linux remembers a closed connection for 60 s, Windows for up to 240 s (TIME-WAIT, RFC 9293, 3.4).
NO_PORT_LEFT = {errno.EADDRNOTAVAIL, errno.EADDRINUSE}
PORTS_LIMIT = 300.0

REFUSED = "Cannot reach {server}: connection refused. Is the server running there? Check --host and --port."
REFUSED_THERE = ("Cannot reach {server}: connection refused. Is the server running there, with --host 0.0.0.0? "
                 "Check --host and --port.")
NO_ANSWER = ("Cannot reach {server}: no answer within {seconds} s. Perhaps, the likeliest first: the address is "
             "another one (the server's terminal prints it); the server was not started with --host 0.0.0.0; the "
             "firewall of its machine lets nobody in; this machine is in another network.")
UNKNOWN_HOST = "Cannot reach {server}: there is no host of that name. Check --host and --port."
NO_WAY = ("Cannot reach {server}: {reason}. Perhaps the address is another one (the server's terminal prints it), "
          "or this machine is in another network.")
UNREACHABLE = "Cannot reach {server}: {reason}. Check --host and --port."
PORTS_RAN_OUT = "This system has no free port left for a moment; going on when it has one..."


def open_connection(address, limit, say, was_there=False):
    """Return a connection to the *address*, a host and a port, opened within *limit* seconds for
    each address of the host.

    Where an earlier connection shows that the server *was_there*, it waits for a free port if there
    is none, and has *say* tell the user. Raises `ServerProblem`.
    """
    try:
        return connected_from_a_free_port(address, limit, say, PORTS_LIMIT if was_there else 0.0)
    except ConnectionRefusedError as error:
        text = REFUSED if is_here(address[0]) else REFUSED_THERE
        raise ServerProblem.about(address, text) from error
    except socket.timeout as error:
        raise ServerProblem.about(address, NO_ANSWER, seconds=decimals("%g" % limit)) from error
    except (socket.gaierror, UnicodeError) as error:
        raise ServerProblem.about(address, UNKNOWN_HOST) from error
    except OSError as error:
        text = NO_WAY if error.errno in NO_WAY_THERE else UNREACHABLE
        raise ServerProblem.about(address, text, reason=reason(error)) from error


def connected_from_a_free_port(address, limit, say, patience):
    """Return a connection, as `connected` does. In a long file the system's ports may run out,
    until old connections are forgotten: wait for that for *patience* seconds."""
    ends, said = time.monotonic() + patience, False
    while True:
        try:
            return connected(address, limit)
        except OSError as error:
            if error.errno not in NO_PORT_LEFT or time.monotonic() >= ends:
                raise
        if not said:
            say(_(PORTS_RAN_OUT))
            said = True
        time.sleep(LONGEST_WAIT)


def connected(address, limit):
    """Return a connection to somebody else. Raises OSError, or UnicodeError for an odd name."""
    host, port = address
    if host.isascii():
        host = host.encode()  # for the encoding of other names Python loads modules (measured: 2 ms)
    connect = connected_in_steps if os.name == "nt" else socket.create_connection
    connection = connect((host, port), limit)
    if reaches_itself(connection):
        connection.close()  # nobody listens: the system gave it the very port that it asked for
        raise ConnectionRefusedError
    return connection


def connected_in_steps(address, limit):
    """Return a connection, as ``socket.create_connection`` does. On Windows a Ctrl+C waits for the
    end of a wait; so the wait is cut up."""
    problem = OSError("no address")
    for family, kind, protocol, name, where in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connect_in_steps(connection, where, time.monotonic() + limit)
            return connection
        except OSError as error:
            connection.close()
            problem = error
        except BaseException:
            connection.close()
            raise
    raise problem


def connect_in_steps(connection, where, ends):
    """Connect the socket to *where*. Raises OSError, ``socket.timeout`` when the time *ends*."""
    connection.settimeout(0.0)
    code = connection.connect_ex(where)
    while code == errno.EWOULDBLOCK:
        remaining = ends - time.monotonic()
        if remaining <= 0:
            raise socket.timeout
        ready = select.select([], [connection], [connection], min(remaining, LONGEST_WAIT))
        if ready[1] or ready[2]:
            code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def reaches_itself(connection):
    """Tell whether both ends of a *connection* are the same socket."""
    try:
        return connection.getsockname() == connection.getpeername()
    except OSError:  # it has been reset already: the exchange will say so
        return False
