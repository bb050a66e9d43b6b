"""It sends the time to whoever connects, and closes."""

import time


def mistake(conn):
    with conn:
        conn.sendall(time.ctime().encode() + b"\n")


def mended(conn):
    with conn:
        conn.makefile("rb").readline()
        conn.sendall(time.ctime().encode() + b"\n")
