"""The request of a viewer, as it comes; or what somebody sends who takes the page's port for another."""

import ipaddress
import re
import socket
import time
import urllib.parse

#: Bytes of a request that are read. Browsers send some hundreds, and all cookies that any server on
#: this machine has set for ``localhost``, whatever its port (RFC 6265, 8.5).
LONGEST_REQUEST = 131072

#: How a request line begins, and a whole one (RFC 9112, 3). Its method is in capitals (RFC 9110, 9.1).
BEGINS = re.compile(rb"[A-Z-]{1,20}( [^\r\n]*\r?)?")
WHOLE = re.compile(rb"[A-Z-]{1,20} [^ \r\n]+ HTTP/\d\.\d\r?\n")


def request_head(connection, seconds):
    """Return what comes on *connection*, as bytes, and whether it came within so many *seconds*,
    however slowly it trickles in: a request up to its empty line, or something else that shows what
    it is: it is no request, as `is_request` tells.
    """
    head = b""
    deadline = time.monotonic() + seconds
    while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) < LONGEST_REQUEST:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return head, False
        connection.settimeout(remaining)
        try:
            piece = connection.recv(LONGEST_REQUEST)
        except socket.timeout as error:
            if error.errno is not None:  # the network's word, not our own limit
                raise
            return head, False
        if not piece:
            raise ConnectionAbortedError("no complete request came")
        head += piece
        if not is_request(head):
            break
    connection.settimeout(seconds)
    return head, True


def is_request(head):
    """Tell whether the bytes *head* are a request of HTTP, or what came of one so far. A message of the
    lesson, TLS (RFC 8446, 5.1) and telnet's commands (RFC 854) are none."""
    return bool(WHOLE.match(head) if b"\n" in head else BEGINS.fullmatch(head))


def is_called(host, names):
    """Tell whether the *host* that a request names, maybe with a port, is this server: an address, or
    one of its *names*.

    Another web page, whose own name leads here for a moment, could read this one otherwise (DNS
    rebinding); and the browser then says that name. What ends with ``.localhost`` leads to the
    browser's own machine (RFC 6761, 6.3). A dot at the end is the root of all names.
    """
    try:
        name = urllib.parse.urlsplit("//" + host).hostname or ""
    except ValueError:
        return False
    name = name[:-1] if name.endswith(".") else name
    try:
        return bool(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        return name in names or name.endswith(".localhost")
