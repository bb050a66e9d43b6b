"""One client is answered, and no second one: accept() stands before the loop."""

from serve import answer


def mistake(listener):
    conn, address = listener.accept()
    while True:
        answer(conn)


def mended(listener):
    while True:
        conn, address = listener.accept()
        answer(conn)
