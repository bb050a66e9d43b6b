"""A wrong number is kept as if it were one."""

temps = {}


def mistake(conn):
    with conn:
        fields = conn.makefile("rb").readline().decode().strip().split(",")
        reply = temps.get(fields[0][1:], "ERR expected city,max,min")
        if len(fields) == 3 and fields[0]:
            temps[fields[0]], reply = ",".join(fields), "BYE"
        conn.sendall(reply.encode() + b"\n")


def mended(conn):
    with conn:
        fields = conn.makefile("rb").readline().decode().strip().split(",")
        reply = temps.get(fields[0][1:], "ERR expected city,max,min")
        if len(fields) == 3 and fields[0] and fields[1].strip().isdigit() and fields[2].isdigit():
            temps[fields[0]], reply = ",".join(fields), "BYE"
        conn.sendall(reply.encode() + b"\n")
