"""Each reply goes to all clients."""

import contextlib

clients = []


def mistake(conn):
    clients.append(conn)
    for line in conn.makefile("rb"):
        for client in list(clients):
            with contextlib.suppress(OSError):  # it has gone
                client.sendall(line.decode().upper().encode())
    clients.remove(conn)
    conn.close()


def mended(conn):
    clients.append(conn)
    for line in conn.makefile("rb"):
        conn.sendall(line.decode().upper().encode())
    clients.remove(conn)
    conn.close()
