"""A reading without a city is taken."""

temps = {}


def mistake(conn):
    with conn:
        fields = conn.makefile("rb").readline().decode().strip().split(",")
        reply = temps.get(fields[0][1:], "ERR expected city,max,min")
        if len(fields) == 3 and fields[1].strip().isdigit():
            temps[fields[0]], reply = ",".join(fields), "BYE"
        conn.sendall(reply.encode() + b"\n")


def mended(conn):
    with conn:
        fields = conn.makefile("rb").readline().decode().strip().split(",")
        reply = temps.get(fields[0][1:], "ERR expected city,max,min")
        if len(fields) == 3 and fields[0].strip() and fields[1].strip().isdigit():
            temps[fields[0]], reply = ",".join(fields), "BYE"
        conn.sendall(reply.encode() + b"\n")
