"""Who leaves without a word has sent no last byte, and the exception ends the server."""


def mistake(listener):
    while True:
        conn, address = listener.accept()
        data = conn.recv(1024)
        while data[-1] != ord("\n"):
            data += conn.recv(1024) or b"\n"
        conn.sendall(data.decode("utf-8", "replace").upper().encode())
        conn.close()


def mended(listener):
    while True:
        conn, address = listener.accept()
        try:
            data = conn.recv(1024)
            while data[-1] != ord("\n"):
                data += conn.recv(1024) or b"\n"
            conn.sendall(data.decode("utf-8", "replace").upper().encode())
        except Exception as error:
            print(error)
        conn.close()
