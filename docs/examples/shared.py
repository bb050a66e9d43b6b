"""One registry for several servers: the readings are in Redis.

    python docs/examples/shared.py --port 50001
"""

import contextlib
import pathlib
import sys

import askredis

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

import handlers
import server
from engine.fields import csv_line
from engine.language import reason
from handlers.lines import BadMessage, CannotStart, LineHandler
from handlers.temperature.reading import parse

CANNOT_USE = "cannot use Redis on {}:{} ({}): {}"


class SharedHandler(LineHandler):
    """Take a reading, ``city,max,min``, for the registry in Redis; answer ``?``. ``BYE`` comes when Redis
    has taken the reading, and promises what Redis does. ``waits`` is true, as it is for every service
    that does not say otherwise: each message waits for Redis."""

    @classmethod
    @contextlib.contextmanager
    def running(cls):
        try:
            askredis.ask(["PING"])
        except OSError as error:
            raise CannotStart(CANNOT_USE.format(
                *askredis.ADDRESS, reason(error), "start redis-server")) from None
        yield

    def reply(self, message):
        try:
            return summary() if message.strip() == "?" else take(parse(message))
        except OSError as error:
            raise BadMessage(CANNOT_USE.format(
                *askredis.ADDRESS, reason(error), "send this again later")) from None


def take(reading):
    """Have Redis keep the reading, both temperatures or none; twice is as once."""
    askredis.ask(["MULTI"], ["ZADD", "hottest", reading.maximum, reading.city],
                 ["ZADD", "coldest", reading.minimum, reading.city], ["EXEC"])
    return "BYE"


def summary():
    """Return the hottest city, the coldest and how many there are, all of the same moment."""
    hottest, coldest, cities = askredis.ask(
        ["MULTI"], ["ZREVRANGE", "hottest", "0", "0", "WITHSCORES"],
        ["ZRANGE", "coldest", "0", "0", "WITHSCORES"], ["ZCARD", "hottest"], ["EXEC"])[-1]
    ends = [(name, city, "{:.15g}".format(float(degrees)))  # Redis tells 31.1 as 31.100000000000001
            for name, (city, degrees) in [("hottest", hottest), ("coldest", coldest)]] if hottest else []
    return csv_line([field for end in ends for field in end] + ["cities", cities])


if __name__ == "__main__":
    handlers.SERVICES["shared"] = SharedHandler
    server.leave(server.main(["--service", "shared", *sys.argv[1:]]))
