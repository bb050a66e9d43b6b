"""It closes without a reply: text cannot be sent, only bytes."""


def mistake(conn):
    with conn:
        message = conn.makefile("rb").readline().decode()
        conn.sendall(message.upper())


def mended(conn):
    with conn:
        message = conn.makefile("rb").readline().decode()
        conn.sendall(message.upper().encode())
