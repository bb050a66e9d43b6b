"""After an exception a slot is not given back."""

import threading

slots = threading.Semaphore(4)


def mistake(conn):
    slots.acquire()
    with conn:
        line = conn.makefile("rb").readline().decode()
        conn.sendall(line.upper().encode())
    slots.release()


def mended(conn):
    with slots, conn:
        line = conn.makefile("rb").readline().decode()
        conn.sendall(line.upper().encode())
