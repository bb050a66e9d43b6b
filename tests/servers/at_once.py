"""One client at a time."""

import threading

from serve import answer


def mistake(listener):
    while True:
        conn, address = listener.accept()
        answer(conn)


def mended(listener):
    while True:
        conn, address = listener.accept()
        threading.Thread(target=answer, args=(conn,), daemon=True).start()
