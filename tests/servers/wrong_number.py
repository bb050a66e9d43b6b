"""A wrong number ends the consumer, and clients go on getting BYE."""

import queue
import threading

readings, temps = queue.Queue(), {}


def consume():
    while True:
        city, maximum, minimum = readings.get()
        temps[city] = int(maximum), int(minimum)


threading.Thread(target=consume, daemon=True).start()


def latest(query):
    city = query.strip("?")
    if city not in temps:
        return "ERR expected city,max,min"
    return "{},{},{}".format(city, *temps[city])


def mistake(conn):
    with conn:
        city, *degrees = conn.makefile("rb").readline().decode().strip().split(",")
        reply = latest(city)
        if city and len(degrees) == 2:
            readings.put((city, *degrees))
            reply = "BYE"
        conn.sendall(reply.encode() + b"\n")


def mended(conn):
    with conn:
        city, *degrees = conn.makefile("rb").readline().decode().strip().split(",")
        reply = latest(city)
        if city and len(degrees) == 2 and all(text.strip().isdigit() for text in degrees):
            readings.put((city, *degrees))
            reply = "BYE"
        conn.sendall(reply.encode() + b"\n")
