"""What comes after the first line is thrown away."""


def mistake(conn):
    data = conn.recv(1024)
    while data:
        while b"\n" not in data:
            data += conn.recv(1024) or b"\n"
        line, rest = data.split(b"\n", 1)
        conn.sendall(line.decode().upper().encode() + b"\n")
        data = conn.recv(1024)
    conn.close()


def mended(conn):
    data = conn.recv(1024)
    while data:
        while b"\n" not in data:
            data += conn.recv(1024) or b"\n"
        line, rest = data.split(b"\n", 1)
        conn.sendall(line.decode().upper().encode() + b"\n")
        data = rest or conn.recv(1024)
    conn.close()
