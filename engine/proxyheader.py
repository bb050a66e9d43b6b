"""The header in which a balancer says whose connection it hands on: the PROXY protocol, versions 1
and 2 (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt; the numbers here are its sections).

Bytes in, a `Header` out: nothing here waits, or knows of a socket's state.
"""

import collections
import re
import socket
import struct

from engine.errors import Unusable
from engine.escapes import came
from engine.language import _

#: A header that is whole: the address of the client as a socket tells it, None where the balancer speaks
#: for itself or does not know it; and how many bytes the header has.
Header = collections.namedtuple("Header", "address length")

#: Bytes that the line of version 1 may have, its end counted (2.1).
LONGEST_LINE = 107

#: How version 2 begins, and the bytes of it that tell how long it is (2.2).
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FIXED_PART = 16

#: The commands of version 2: the balancer speaks for itself, or for a client.
LOCAL, PROXY = 0x20, 0x21

#: The kinds of addresses that are understood: TCP over IPv4, over IPv6; and the bytes of one address.
UNDERSTOOD = {0x11: (socket.AF_INET, 4), 0x21: (socket.AF_INET6, 16)}

#: The other kinds that there are. From these nothing is taken; nor with LOCAL, whatever the kind (2.2).
OTHER_KINDS = {0x00, 0x01, 0x02, 0x10, 0x12, 0x20, 0x22, 0x30, 0x31, 0x32}

_line = re.compile(rb"PROXY TCP([46]) ([\da-fA-F:.]+) ([\da-fA-F:.]+) (\d+) (\d+)")

NO_HEADER = ("ERR from your address a PROXY header has to come first (--proxy-protocol), not '{text}': "
             "connect to the balancer instead")
WRONG_LINE = ("ERR the PROXY header '{text}' is wrong: expected PROXY TCP4 or TCP6, two addresses and two "
              "ports, such as PROXY TCP4 192.0.2.1 192.0.2.2 50001 50000")
NO_END = ("ERR the PROXY header '{text}' does not end: expected a carriage return and a line feed within "
          "{limit} bytes")
WRONG_BYTE = "ERR byte {position} of the PROXY header is {value}: version 2 has no such value there"
TOO_SHORT = "ERR the PROXY header has {count} bytes of addresses: version 2 has at least {least} there"


def read_header(data):
    """Return the `Header` at the beginning of *data*; None when it is not whole yet.

    Raises `Unusable` when no header begins so.
    """
    if SIGNATURE.startswith(data[:len(SIGNATURE)]):
        return binary_header(data)
    if b"PROXY ".startswith(data[:6]):
        return line_header(data)
    raise Unusable("", _(NO_HEADER).format(text=came(data)))


def line_header(data):
    """As `read_header`, of version 1 (2.1)."""
    line, end, rest = data[:LONGEST_LINE].partition(b"\r\n")
    if not end:
        if len(data) >= LONGEST_LINE or b"\n" in line:
            raise Unusable("", _(NO_END).format(text=came(line), limit=LONGEST_LINE))
        return None
    length = len(line) + len(end)
    if line.startswith(b"PROXY UNKNOWN") and line[13:14] in (b"", b" "):
        return Header(None, length)
    match = _line.fullmatch(line)
    try:
        version, source, destination, *ports = match.groups()  # None has none: AttributeError
        family = socket.AF_INET if version == b"4" else socket.AF_INET6
        host = canonical(family, source.decode())
        canonical(family, destination.decode())
        port = [port_in(text) for text in ports][0]
    except (AttributeError, ValueError, OSError):
        raise Unusable("", _(WRONG_LINE).format(text=came(line))) from None
    return Header(address_of(family, host, port), length)


def canonical(family, text):
    """Return the address *text* as the system writes it; raises OSError or ValueError if it is none."""
    host = socket.inet_ntop(family, socket.inet_pton(family, text))
    if family == socket.AF_INET and host != text:  # 010.0.0.1, which some take for 8.0.0.1
        raise ValueError(text)
    return host


def port_in(text):
    """Return the port that the bytes *text* name; raises ValueError."""
    port = int(text)
    if port > 65535 or str(port).encode() != text:
        raise ValueError(text)
    return port


def binary_header(data):
    """As `read_header`, of version 2 (2.2). What stands after the addresses is skipped."""
    if len(data) < FIXED_PART:
        return None
    command, kind, count = struct.unpack_from("!BBH", data, len(SIGNATURE))
    if command not in (LOCAL, PROXY):
        raise Unusable("", _(WRONG_BYTE).format(position=13, value=hex(command)))
    if command == PROXY and kind not in UNDERSTOOD and kind not in OTHER_KINDS:
        raise Unusable("", _(WRONG_BYTE).format(position=14, value=hex(kind)))
    length = FIXED_PART + count
    if len(data) < length:
        return None
    if command == LOCAL or kind not in UNDERSTOOD:
        return Header(None, length)
    family, size = UNDERSTOOD[kind]
    if count < 2 * size + 4:
        raise Unusable("", _(TOO_SHORT).format(count=count, least=2 * size + 4))
    host = socket.inet_ntop(family, bytes(data[FIXED_PART:FIXED_PART + size]))
    port, = struct.unpack_from("!H", data, FIXED_PART + 2 * size)
    return Header(address_of(family, host, port), length)


def address_of(family, host, port):
    """Return the address as a socket of this *family* tells it."""
    return (host, port) if family == socket.AF_INET else (host, port, 0, 0)
