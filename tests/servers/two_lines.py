"""What comes after the first line is thrown away."""


def mistake(conn):
    data = conn.recv(1024)
    while data:
        while b"\n" not in data:
            data += conn.recv(1024) or b"\n"
        conn.sendall(data.split(b"\n")[0].decode().upper().encode() + b"\n")
        data = conn.recv(1024)
    conn.close()


def mended(conn):
    data = conn.recv(1024)
    while data:
        while b"\n" not in data:
            data += conn.recv(1024) or b"\n"
        conn.sendall(data.split(b"\n")[0].decode().upper().encode() + b"\n")
        data = data.partition(b"\n")[2] or conn.recv(1024)
    conn.close()
