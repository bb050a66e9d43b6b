"""Four that say nothing keep all others out, for ever."""

import threading

from serve import answer

SECONDS = 1  # 60 in a class
places = threading.Semaphore(4)


def mistake(conn):
    with places:
        answer(conn)


def mended(conn):
    with places:
        conn.settimeout(SECONDS)
        answer(conn)
