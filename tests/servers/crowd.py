"""Who finds three others at work is let go without a word."""

import threading
import time

slots = threading.Semaphore(3)


def mistake(conn):
    with conn:
        line = conn.makefile("rb").readline().decode()
        if slots.acquire(blocking=False):
            time.sleep(0.03)  # a disk
            slots.release()
            conn.sendall(line.upper().encode())


def mended(conn):
    with conn:
        line = conn.makefile("rb").readline().decode()
        with slots:
            time.sleep(0.03)  # a disk
        conn.sendall(line.upper().encode())
