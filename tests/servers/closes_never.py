"""It does not close, and keeps the connection in a list."""

clients = []


def mistake(conn):
    clients.append(conn)
    line = conn.makefile("rb").readline().decode()
    conn.sendall(line.upper().encode())


def mended(conn):
    clients.append(conn)
    line = conn.makefile("rb").readline().decode()
    conn.sendall(line.upper().encode())
    conn.close()
