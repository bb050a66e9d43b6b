"""Who leaves in mid-message is waited for without end, and without a pause."""


def mistake(conn):
    with conn:
        data = conn.recv(1024)
        while data and not data.endswith(b"\n"):
            data += conn.recv(1024)
        conn.sendall(data.decode().upper().encode())


def mended(conn):
    with conn:
        data = conn.recv(1024)
        while data and not data.endswith(b"\n"):
            data += conn.recv(1024) or b"\n"
        conn.sendall(data.decode().upper().encode())
