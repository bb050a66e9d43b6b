"""A connection that breaks is an exception, and that ends the server."""


def mistake(listener):
    while True:
        conn, address = listener.accept()
        line = conn.makefile("rb").readline()
        conn.sendall(line.decode("utf-8", "replace").upper().encode())
        conn.close()


def mended(listener):
    while True:
        conn, address = listener.accept()
        try:
            line = conn.makefile("rb").readline()
            conn.sendall(line.decode("utf-8", "replace").upper().encode())
        except OSError as error:
            print(error)
        conn.close()
