"""One file for reading and writing: in text mode, what is written throws away what was read ahead."""


def mistake(conn):
    with conn, conn.makefile("rw", encoding="utf-8") as file:
        for line in file:
            file.write(line.upper())
            file.flush()


def mended(conn):
    with conn, conn.makefile("r", encoding="utf-8") as file:
        for line in file:
            conn.sendall(line.upper().encode("utf-8"))
