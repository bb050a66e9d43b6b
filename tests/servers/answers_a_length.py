"""It waits for 64 bytes, however long the message is."""


def mistake(conn):
    with conn:
        data = b""
        while len(data) < 64:
            data += conn.recv(64 - len(data)) or bytes(64)
        conn.sendall(data.decode().upper().encode())


def mended(conn):
    with conn:
        data = b""
        while not data.endswith(b"\n"):
            data += conn.recv(1024) or b"\n"
        conn.sendall(data.decode().upper().encode())
