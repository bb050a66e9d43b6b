"""The line feed is taken off, but not the carriage return before it."""


def mistake(conn):
    with conn:
        text = conn.makefile("rb").readline().decode()[:-1]
        reply = text.upper() if text.isprintable() else "ERR letters and digits only"
        conn.sendall(reply.encode() + b"\n")


def mended(conn):
    with conn:
        text = conn.makefile("rb").readline().decode().rstrip("\r\n")
        reply = text.upper() if text.isprintable() else "ERR letters and digits only"
        conn.sendall(reply.encode() + b"\n")
