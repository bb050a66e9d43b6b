"""Of a message in pieces only the last one is kept: = instead of +=."""


def mistake(conn):
    with conn:
        data = b""
        while b"\n" not in data:
            data = conn.recv(1024) or b"\n"
        conn.sendall(data.decode().upper().encode())


def mended(conn):
    with conn:
        data = b""
        while b"\n" not in data:
            data += conn.recv(1024) or b"\n"
        conn.sendall(data.decode().upper().encode())
