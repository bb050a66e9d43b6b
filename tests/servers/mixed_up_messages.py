"""All threads share the variable with the message."""

import time

message = ""


def mistake(conn):
    global message
    with conn:
        message = conn.makefile("rb").readline().decode()
        time.sleep(0.02)  # a disk
        conn.sendall(message.upper().encode())


def mended(conn):
    with conn:
        message = conn.makefile("rb").readline().decode()
        time.sleep(0.02)  # a disk
        conn.sendall(message.upper().encode())
