"""It speaks first, and a client takes that for its reply."""

from serve import answer


def mistake(conn):
    conn.sendall(b"Welcome to my server!\n")
    answer(conn)


def mended(conn):
    answer(conn)
