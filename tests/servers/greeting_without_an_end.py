"""It asks for the message, without a line feed."""

from serve import answer


def mistake(conn):
    conn.sendall(b"Message: ")
    answer(conn)


def mended(conn):
    answer(conn)
