"""Vanished: who goes away without a word, as with a cable pulled out, is noticed in seconds, not in minutes."""

import contextlib
import socket

#: Probes of a connection on which nothing is sent, before it is given up.
PROBES = 3


def notice_when_it_vanishes(connection, seconds):
    """Have the system end a *connection* whose other end has acknowledged nothing for so many *seconds*.

    Linux does that with what was sent (TCP_USER_TIMEOUT, RFC 5482; else it tries for a quarter of an hour);
    all systems do it with probes while nothing is sent (RFC 9293, 3.8.4), where they let the pace be set.
    """
    pace = max(1, int(seconds // (PROBES + 1)))
    wanted = [("TCP_USER_TIMEOUT", int(seconds * 1000)), ("TCP_KEEPIDLE", pace), ("TCP_KEEPALIVE", pace),
              ("TCP_KEEPINTVL", pace), ("TCP_KEEPCNT", PROBES)]
    with contextlib.suppress(OSError):  # it is gone already: the next call on it tells
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in wanted:
            option = getattr(socket, name, None)
            if option is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
