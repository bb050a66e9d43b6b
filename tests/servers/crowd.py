"""Who finds three others at work is let go without a word."""

import threading
import time

working = []
slots = threading.Semaphore(3)


def mistake(conn):
    with conn:
        line = conn.makefile("rb").readline().decode()
        working.append(conn)
        is_welcome = len(working) <= 3
        time.sleep(0.03)  # a disk
        working.remove(conn)
        if is_welcome:
            conn.sendall(line.upper().encode())


def mended(conn):
    with conn:
        line = conn.makefile("rb").readline().decode()
        with slots:
            time.sleep(0.03)  # a disk
        conn.sendall(line.upper().encode())
