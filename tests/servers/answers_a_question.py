"""A message ends with a question mark, as in some books, not with a line feed."""


def mistake(conn):
    with conn:
        data = b""
        while not data.endswith(b"?"):
            data += conn.recv(1024) or b"?"
        conn.sendall(data.decode().upper().encode() + b"\n")


def mended(conn):
    with conn:
        data = b""
        while not data.endswith(b"\n"):
            data += conn.recv(1024) or b"\n"
        conn.sendall(data.decode().upper().encode())
