"""It reads until the client has closed its side, and only then answers."""


def mistake(conn):
    with conn:
        message = conn.makefile("rb").read().decode()
        conn.sendall(message.upper().encode())


def mended(conn):
    with conn:
        message = conn.makefile("rb").readline().decode()
        conn.sendall(message.upper().encode())
