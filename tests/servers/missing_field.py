"""A reading with a missing field is an exception, and its client gets no reply."""

temps = {}


def mistake(conn):
    with conn:
        line = conn.makefile("rb").readline().decode()
        city, maximum, minimum = line.split(",")
        temps[city] = maximum, minimum
        conn.sendall(b"BYE\n")


def mended(conn):
    with conn:
        line = conn.makefile("rb").readline().decode()
        try:
            city, maximum, minimum = line.split(",")
            temps[city] = maximum, minimum
            conn.sendall(b"BYE\n")
        except ValueError:
            conn.sendall(b"ERR expected city,max,min\n")
