"""upper() of bytes knows the letters of English only."""


def mistake(conn):
    with conn:
        line = conn.makefile("rb").readline()
        conn.sendall(line.upper())


def mended(conn):
    with conn:
        line = conn.makefile("rb").readline()
        conn.sendall(line.decode().upper().encode())
