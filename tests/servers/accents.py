"""ASCII has no accents."""


def mistake(conn):
    with conn:
        message = conn.makefile("rb").readline().decode("ascii")
        conn.sendall(message.upper().encode("ascii"))


def mended(conn):
    with conn:
        message = conn.makefile("rb").readline().decode("utf-8")
        conn.sendall(message.upper().encode("utf-8"))
