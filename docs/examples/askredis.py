"""Asking Redis over a plain socket, in its own protocol, RESP: lines, and texts of a length told before
(https://redis.io/docs/latest/develop/reference/protocol-spec/)."""

import contextlib
import os
import socket
import threading

ADDRESS = os.environ.get("REDIS_HOST", "127.0.0.1"), os.environ.get("REDIS_PORT", "6379")
TIMEOUT = 2.0  # seconds for Redis to be reached, and for each piece of its answer


class Own(threading.local):
    """What each thread has for itself: its connection to Redis. It ends with the thread."""

    stream = None


own = Own()


def ask(*commands):
    """Return Redis's replies to *commands*, each a list of words, which are to do no harm twice.

    Raises OSError: then Redis may have done them or not.
    """
    kept = own.stream is not None
    try:
        return ask_once(commands)
    except OSError:
        if not kept:
            raise
    return ask_once(commands)  # the connection that was kept may have ended with Redis, long ago


def ask_once(commands):
    """As `ask`. After an error the connection is of no use: what comes on it next may be an old reply."""
    try:
        if own.stream is None:
            with socket.create_connection(ADDRESS, TIMEOUT) as connection:
                own.stream = connection.makefile("rwb")  # which keeps it open
        own.stream.write(b"".join(map(as_resp, commands)))
        own.stream.flush()
        return [read_reply(own.stream) for command in commands]
    except OSError:
        stream, own.stream = own.stream, None
        with contextlib.suppress(AttributeError, OSError):
            stream.close()
        raise


def as_resp(command):
    """Return a *command* as Redis reads it: ``*2\\r\\n$4\\r\\nECHO\\r\\n$2\\r\\nhi\\r\\n``."""
    words = [word.encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def read_reply(stream):
    """Return a reply of Redis: a str or a list. Raises OSError when it is an error, or there is none."""
    line = stream.readline()
    kind, text = line[:1], line[1:-2].decode()
    if kind == b"$":
        data = stream.read(int(text) + 2)
        if data.endswith(b"\r\n"):
            return data[:-2].decode()
    elif kind == b"*":
        return [read_reply(stream) for number in range(int(text))]
    elif kind in (b"+", b":"):
        return text
    raise ConnectionError(text if kind == b"-" else "it closed the connection")
