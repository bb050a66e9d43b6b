"""It keeps the connection open, but answers one message only."""


def mistake(conn):
    with conn:
        line = conn.makefile("rb").readline().decode()
        conn.sendall(line.upper().encode())
        while conn.recv(1024):
            print("The client is still there.")


def mended(conn):
    with conn:
        for line in conn.makefile("rb"):
            conn.sendall(line.decode().upper().encode())
