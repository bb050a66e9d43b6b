"""Foreign protocols: a browser or a TLS client on our port is told so, and has sent no message.

This is a matter of safety too. A web page can have a browser POST any text to any port; what looks
like HTTP must not reach a service.
"""

import re

from engine import meant
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
#: 3; RTSP, SIP and ICAP have the same), of SSH the version (RFC 4253, 4.2), of SOCKS the greeting
#: (RFC 1928, 3), of MQTT, AMQP, PostgreSQL and RDP what opens a connection (MQTT 3.1.1, 3.1; AMQP
#: 1.0, 2.2; PostgreSQL's manual, 53.7; MS-RDPBCGR, 2.2.1.1), of Redis a command (RESP).
_KINDS = [
    (rb"[A-Za-z]{3,16} [^ \n]+ [Hh][Tt][Tt][Pp]/\d", "HTTP", BROWSER, HTTP),
    (rb"(GET|HEAD|POST|PUT|DELETE|OPTIONS) /[^ \n]*\n", "HTTP", BROWSER, HTTP),
    (rb"[A-Z_]{3,16} [^ \n]+ RTSP/\d", "RTSP", PLAIN, ""),
    (rb"[A-Z]{3,16} [^ \n]+ SIP/\d", "SIP", PLAIN, ""),
    (rb"[A-Z]{3,16} [^ \n]+ ICAP/\d", "ICAP", PLAIN, ""),
    (rb"\x16\x03[\0-\4]", "TLS", PLAIN, ""),
    (rb"PROXY (TCP[46]|UNKNOWN)\b|\r\n\r\n\0\r\nQUIT\n", "a proxy's header", PLAIN, ""),
    (rb"SSH-\d", "SSH", PLAIN, ""),
    (rb"\x10[\0-\xff]{1,4}\0(\x04MQTT|\x06MQIsdp)", "MQTT", PLAIN, ""),
    (rb"AMQP[\0-\x09]", "AMQP", PLAIN, ""),
    (rb"\0\0[\0-\xff]{2}\0\x03\0\0|\0\0\0[\x08\x10]\x04\xd2\x16[\x2e-\x30]", "PostgreSQL", PLAIN, ""),
    (rb"\x05(\x01[\0-\x09]|\x02[\0-\x09]{2}|\x03[\0-\x09]{3}|\x04[\0-\x09]{4})\Z", "SOCKS", PLAIN, ""),
    (rb"\x04[\x01\x02][\0-\xff]{6}[^\0\n]*\0", "SOCKS", PLAIN, ""),
    (rb"\x03\0[\0-\xff]{3}\xe0", "RDP", PLAIN, ""),
    (rb"\*\d+\r\n\$\d+\r\n", "Redis", PLAIN, ""),
]
_ANY_KIND = b"|".join(b"(" + pattern.replace(b"(", b"(?:") + b")" for pattern, *rest in _KINDS)

#: What may begin one of them, or something else that is no text. It is asked about every client, and
#: has to be quick: what most messages begin with is out at once.
_may_be_foreign = re.compile(rb"[\0-\x1f\x80-\xc1\xf5-\xff]|[\0-\xff]\0|[A-Za-z_]{3,16} [^ \n]+ [A-Za-z]{3,4}/\d"
                             rb"|[A-Z]{3,7} (?:/|TCP|UNK)|SSH-|AMQP[\0-\x09]|\*\d").match

#: A command of telnet's. Its DONT begins like the mark of UTF-16, which is looked for first.
_telnet = re.compile(rb"\xff(?:[\xf0-\xfd]|\xfe[\0-\x31\xff])").match
TELNET, RAW = "telnet commands", "use a raw connection (PuTTY: Raw)"


def check_protocol(first_bytes):
    """Raise `Unusable` when a connection whose *first_bytes* these are speaks another protocol, or
    sends what no message is.

    Return a sentence, or None, for the case that the first message is refused.
    """
    return look_closer(first_bytes) if _may_be_foreign(first_bytes) else None


def look_closer(first_bytes):
    """As `check_protocol`, and slower."""
    match = re.match(_ANY_KIND, first_bytes)  # made ready when it is first needed: that takes 2 ms
    if match:
        name, remedy, before = _KINDS[match.lastindex - 1][1:]
        raise Unusable(before, _(ABOUT).format(name=_(name), remedy=_(remedy)))
    sentence = meant.surely(first_bytes)
    if sentence:
        raise Unusable("", "ERR " + sentence)
    if _telnet(first_bytes):
        raise Unusable("", _(ABOUT).format(name=_(TELNET), remedy=_(RAW)))
    return meant.behind_an_empty_message(first_bytes[1:]) if first_bytes[:1] == b"\n" else None
