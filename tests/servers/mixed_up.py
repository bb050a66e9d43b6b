"""All threads share the variable with the socket: the reply goes to whoever came last."""

client = None


def mistake(conn):
    global client
    client = conn
    line = client.makefile("rb").readline().decode()
    client.sendall(line.upper().encode())
    conn.close()


def mended(conn):
    client = conn
    line = client.makefile("rb").readline().decode()
    client.sendall(line.upper().encode())
    conn.close()
