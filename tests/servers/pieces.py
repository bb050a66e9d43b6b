"""What one recv() brings is taken for a message."""


def mistake(conn):
    with conn:
        message = conn.recv(1024).decode()
        conn.sendall(message.upper().encode())


def mended(conn):
    with conn:
        message = conn.makefile("rb").readline().decode()
        conn.sendall(message.upper().encode())
