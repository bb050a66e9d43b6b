"""Something comes behind the line feed of its reply: a prompt."""


def mistake(conn):
    with conn:
        for line in conn.makefile("rb"):
            conn.sendall((line.decode().upper() + "> ").encode())


def mended(conn):
    with conn:
        for line in conn.makefile("rb"):
            conn.sendall(line.decode().upper().encode())
