"""What one client sends goes to the others: a chat."""

clients = []


def mistake(conn):
    clients.append(conn)
    with conn:
        for line in conn.makefile("rb"):
            for client in clients:
                if client is not conn:
                    client.sendall(line)
    clients.remove(conn)


def mended(conn):
    clients.append(conn)
    with conn:
        for line in conn.makefile("rb"):
            conn.sendall(line)
    clients.remove(conn)
