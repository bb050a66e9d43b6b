"""Each piece is decoded, and a piece may end within a letter."""


def mistake(conn):
    with conn:
        text = ""
        while not text.endswith("\n"):
            text += conn.recv(1024).decode() or "\n"
        conn.sendall(text.upper().encode())


def mended(conn):
    with conn:
        text = conn.makefile("rb").readline().decode()
        conn.sendall(text.upper().encode())
