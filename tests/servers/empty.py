"""An empty message has no first word, and the exception ends the server."""


def mistake(listener):
    while True:
        conn, address = listener.accept()
        line = conn.makefile("rb").readline().decode()
        print("The first word:", line.split()[0])
        conn.sendall(line.upper().encode())
        conn.close()


def mended(listener):
    while True:
        conn, address = listener.accept()
        try:
            line = conn.makefile("rb").readline().decode()
            print("The first word:", line.split()[0])
            conn.sendall(line.upper().encode())
        except Exception as error:
            print(error)
        conn.close()
