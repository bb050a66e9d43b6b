"""It keeps the connection open, and does not notice that its client has left."""


def mistake(conn):
    with conn, conn.makefile("rb") as lines:
        while True:
            line = lines.readline().decode()
            conn.sendall(line.upper().encode())


def mended(conn):
    with conn, conn.makefile("rb") as lines:
        while True:
            line = lines.readline().decode()
            if not line:
                break
            conn.sendall(line.upper().encode())
