"""Text cannot be sent, only bytes: the exception ends the server with its first client."""


def mistake(listener):
    while True:
        conn, address = listener.accept()
        line = conn.makefile("rb").readline().decode()
        conn.sendall(line.upper())
        conn.close()


def mended(listener):
    while True:
        conn, address = listener.accept()
        line = conn.makefile("rb").readline().decode()
        conn.sendall(line.upper().encode())
        conn.close()
