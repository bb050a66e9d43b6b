"""It waits for everybody whose connection broke, each time that somebody asks."""

import time

gone = []


def mistake(conn):
    with conn:
        try:
            line = conn.makefile("rb").readline().decode()
        except ConnectionError:
            return gone.append(conn)
        time.sleep(0.3 * len(gone))  # perhaps they come back
        conn.sendall(line.upper().encode())


def mended(conn):
    with conn:
        try:
            line = conn.makefile("rb").readline().decode()
        except ConnectionError:
            return
        conn.sendall(line.upper().encode())
