"""It does not close: until the next client comes, the server's loop holds the connection."""


def mistake(conn):
    line = conn.makefile("rb").readline().decode()
    conn.sendall(line.upper().encode())


def mended(conn):
    line = conn.makefile("rb").readline().decode()
    conn.sendall(line.upper().encode())
    conn.close()
