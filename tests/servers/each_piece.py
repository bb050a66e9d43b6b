"""Each piece is answered as it comes. In capitals that does no harm: no mistake, but worth a note."""


def mistake(conn):
    with conn:
        for data in iter(lambda: conn.recv(1024), b""):
            conn.sendall(data.decode("utf-8", "ignore").upper().encode())


def mended(conn):
    with conn:
        for line in conn.makefile("rb"):
            conn.sendall(line.decode("utf-8", "replace").upper().encode())
