"""Bytes that are not UTF-8 cannot be decoded, and the exception ends the server."""


def mistake(listener):
    while True:
        conn, address = listener.accept()
        line = conn.makefile("rb").readline()
        conn.sendall(line.decode().upper().encode())
        conn.close()


def mended(listener):
    while True:
        conn, address = listener.accept()
        try:
            line = conn.makefile("rb").readline()
            conn.sendall(line.decode().upper().encode())
        except (OSError, UnicodeDecodeError) as error:
            print(error)
        conn.close()
