"""A line is read up to 1024 bytes, and the rest is lost without a word."""


def mistake(conn):
    with conn:
        line = conn.makefile("rb").readline(1024).decode()
        conn.sendall(line.upper().encode())


def mended(conn):
    with conn:
        line = conn.makefile("rb").readline(65536).decode()
        conn.sendall(line.upper().encode())
