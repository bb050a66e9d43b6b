"""Its reply has no line feed at its end."""


def mistake(conn):
    with conn:
        message = conn.makefile("rb").readline().decode().strip()
        conn.sendall(message.upper().encode())


def mended(conn):
    with conn:
        message = conn.makefile("rb").readline().decode().strip()
        conn.sendall((message.upper() + "\n").encode())
