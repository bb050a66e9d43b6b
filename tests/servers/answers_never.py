"""The reply stays in the buffer of a file, for want of flush()."""


def mistake(conn):
    with conn, conn.makefile("r", encoding="utf-8") as lines, conn.makefile("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line.upper())


def mended(conn):
    with conn, conn.makefile("r", encoding="utf-8") as lines, conn.makefile("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line.upper())
            file.flush()
