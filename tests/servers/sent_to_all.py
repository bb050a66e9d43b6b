"""Each reply goes to all clients."""

clients = []


def mistake(conn):
    with conn:
        clients.append(conn)
        for line in conn.makefile("rb"):
            for client in list(clients):
                client.sendall(line.decode().upper().encode())
        clients.remove(conn)


def mended(conn):
    with conn:
        clients.append(conn)
        for line in conn.makefile("rb"):
            conn.sendall(line.decode().upper().encode())
        clients.remove(conn)
