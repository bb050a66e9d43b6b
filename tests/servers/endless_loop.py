"""Whoever leaves is waited for without end: recv() gave b"", and the loop goes on."""


def mistake(conn):
    with conn:
        data = b""
        while not data.endswith(b"\n"):
            data += conn.recv(1)
        conn.sendall(data.decode().upper().encode())


def mended(conn):
    with conn:
        data = b""
        while not data.endswith(b"\n"):
            data += conn.recv(1) or b"\n"
        conn.sendall(data.decode().upper().encode())
