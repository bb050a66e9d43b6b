"""Foreign protocols: a browser or a TLS client on our port is told so, and has sent no message.

This is a matter of safety too. A web page can have a browser POST any text to any port; what looks
like HTTP must not reach a service.
"""

import re

from engine.errors import Unusable
from engine.language import _

ABOUT = "ERR this port speaks lines of text, not {name}: {remedy}"

#: A browser shows this as text, and runs nothing of it.
HTTP = ("HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n")

BROWSER = "use client.py; the page for browsers is on the port of --dashboard"
PLAIN = "connect without it, with client.py, nc or a socket"

#: How the first bytes of each begin, its name, the remedy, and what goes before the reply. Of TLS
#: the record of a handshake (RFC 8446, 5.1), of telnet a command (RFC 854), of proxies both headers
#: (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt), of HTTP a request line (RFC 9112,
#: 3), of SSH the version (RFC 4253, 4.2).
_KINDS = [
    (rb"[A-Z]{3,7} [^ \n]+ HTTP/\d", "HTTP", BROWSER, HTTP),
    (rb"\x16\x03[\0-\4]", "TLS", PLAIN, ""),
    (rb"\xff[\xf0-\xfe]", "telnet commands", "use a raw connection (PuTTY: Raw)", ""),
    (rb"PROXY (TCP[46]|UNKNOWN)\b|\r\n\r\n\0\r\nQUIT\n", "a proxy's header", PLAIN, ""),
    (rb"SSH-\d", "SSH", PLAIN, ""),
]
_kind_of = re.compile(b"|".join(b"(" + pattern.replace(b"(", b"(?:") + b")"
                                for pattern, *rest in _KINDS)).match


def check_protocol(first_bytes):
    """Raise `Unusable` when a connection whose *first_bytes* these are speaks another protocol."""
    match = _kind_of(first_bytes)
    if match:
        name, remedy, before = _KINDS[match.lastindex - 1][1:]
        raise Unusable(before, _(ABOUT).format(name=_(name), remedy=_(remedy)))
