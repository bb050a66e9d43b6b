"""Four that say nothing keep all others out, for ever."""

import threading

from serve import answer

SECONDS = 1  # 60 in a class
slots = threading.Semaphore(4)


def mistake(conn):
    with slots:
        answer(conn)


def mended(conn):
    with slots:
        conn.settimeout(SECONDS)
        answer(conn)
