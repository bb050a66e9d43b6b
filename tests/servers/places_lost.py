"""After an exception a place is not given back."""

import threading

places = threading.Semaphore(4)


def mistake(conn):
    places.acquire()
    with conn:
        line = conn.makefile("rb").readline().decode()
        conn.sendall(line.upper().encode())
    places.release()


def mended(conn):
    with places, conn:
        line = conn.makefile("rb").readline().decode()
        conn.sendall(line.upper().encode())
