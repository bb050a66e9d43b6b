"""Greetings: a server that speaks first; then the first line that comes is no reply."""

import socket
import time

#: Seconds in which another line has come, if one comes.
SOON = 0.2


def line_after(conversation, seconds=SOON):
    """Return the line that came, or comes within *seconds*, after the reply in a *conversation*; "" if
    there is none."""
    data, ends = bytearray(conversation.unasked), time.monotonic() + seconds
    while b"\n" not in data and conversation.socket is not None:
        conversation.socket.settimeout(max(0.0, ends - time.monotonic()))
        try:
            piece = conversation.socket.recv(4096)
        except (OSError, socket.timeout):  # nothing more, or the end
            break
        if not piece:
            break
        data += piece
    return data.partition(b"\n")[0].decode(errors="backslashreplace").rstrip("\r")


def shows(message, reply):
    """Tell whether the *reply* has the *message* in it, in small letters or capitals."""
    return message.casefold() in reply.casefold()
