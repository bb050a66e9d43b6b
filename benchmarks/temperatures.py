"""Temperatures at the scale of a country, and on disk: what a reading costs.

    python benchmarks/temperatures.py [--quick] [--only CASE] [--db FOLDER] [--markdown FILE]

The case "cities" measures the processor time of a reading, from the text of the message to that
of the summary, with 10 to 100,000 cities: the lesson's way (max() and min() over all cities) and
ours, in this process, without sockets and queue. The case "disk" measures readings a second with
--db, from clients that keep their connections open and send the next reading when they have their
BYE, beside how often the same disk can append 100 bytes to a file and fsync() it.
"""

import argparse
import gc
import os
import random
import statistics
import sys
import tempfile
import time

import load
from compare import OURS, ROOT, Server, Table, microseconds, progress, run_cases

sys.path.insert(0, str(ROOT))

from handlers.temperature import handler as temperature  # noqa: E402 - it lies beside this folder

CITIES = 10, 1000, 5570, 40000, 100000


class Climate:
    """Readings as a country sends them: any city at any time, each around its own climate."""

    def __init__(self, cities):
        self.choose = random.Random(cities)
        self.means = [self.choose.uniform(-5, 28) for _ in range(cities)]

    def first(self):
        """Return a message from each city."""
        return [self.message(city) for city in range(len(self.means))]

    def messages(self, number):
        """Return so many messages, each from a random city."""
        return [self.message(self.choose.randrange(len(self.means))) for _ in range(number)]

    def message(self, city):
        minimum = self.means[city] + self.choose.gauss(0, 4)
        return "City {:d},{:.1f},{:.1f}".format(
            city, minimum + self.choose.uniform(5, 12), minimum)


class Lesson:
    """What the lesson's queue server does with a message (but for the decimals)."""

    def __init__(self):
        self.temp = {}

    def process(self, msg):
        temp = self.temp
        dados = msg.split(",")
        temp[dados[0]] = list(map(float, dados[1:]))
        mais_quente = max(temp, key=lambda k: temp.get(k)[0])
        mais_fria = min(temp, key=lambda k: temp.get(k)[1])
        return "Cidade mais quente: {} com {}\nCidade mais fria: {} com {}".format(
            mais_quente, temp[mais_quente][0], mais_fria, temp[mais_fria][1])

    def prepare(self, messages):
        for msg in messages:
            dados = msg.split(",")
            self.temp[dados[0]] = list(map(float, dados[1:]))


class Ours:
    """What this server does with a message, one at a time: the summary of a batch of one."""

    def __init__(self):
        temperature.registry = temperature.Registry()

    def process(self, message):
        reading = temperature.parse(message)
        temperature.check_room(reading.city, 10**6)
        with temperature.lock:
            temperature.registry.record(reading)
            return temperature.registry.summary().for_screen()

    def prepare(self, messages):
        for message in messages:
            self.process(message)


class RegistryAlone(Ours):
    """Only what the number of cities can matter to: to record, and to find both extremes."""

    def process(self, reading):
        registry = temperature.registry
        registry.record(reading)
        registry.hottest()
        registry.coldest()

    def prepare(self, messages):
        for message in messages:
            self.process(temperature.parse(message))


def seconds_a_reading(way, cities, number, rounds):
    """Return the median processor time of a reading, in seconds."""
    climate = Climate(cities)
    processor = way()
    processor.prepare(climate.first())
    times = []
    for _ in range(rounds + 1):
        messages = climate.messages(number)
        if way is RegistryAlone:
            messages = [temperature.parse(message) for message in messages]
        gc.collect()
        began = time.process_time()
        for message in messages:
            processor.process(message)
        times.append((time.process_time() - began) / number)
    return statistics.median(times[1:])  # the first warms up


def cities_case(table, scale, rounds):
    """Processor time per reading, the lesson's way and ours."""
    rows = []
    first = None
    for cities in CITIES if scale == 1 else CITIES[:2]:
        progress("%d cities" % cities)
        # The lesson's way takes so long that fewer readings have to do.
        lesson = seconds_a_reading(Lesson, cities, max(10**6 // cities // scale, 2), rounds)
        ours = seconds_a_reading(Ours, cities, 100000 // scale, rounds)
        alone = seconds_a_reading(RegistryAlone, cities, 100000 // scale, rounds)
        first = first or (lesson, ours, alone)
        rows.append(["{:,}".format(cities), microseconds(lesson),
                     *(cell for figure, least in ((ours, first[1]), (alone, first[2]))
                       for cell in (microseconds(figure), "%.2f" % (figure / least)))])
    table.add("processor time per reading", ["cities", "lesson us", "ours us", "times 10 cities",
                                             "registry alone us", "times 10 cities"], rows)


def fsyncs_a_second(folder, seconds):
    """Return how often the disk of *folder* can append to a file and have it on disk."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            file.write(b"x" * 100)
            os.fsync(file.fileno())
            count += 1
        return count / (time.perf_counter() - began)


def readings_a_second(path, clients, number):
    """Return the rate at which so many clients have their readings stored."""
    options = ["--service", "temp", "--keep-open", "--max-threads", str(clients)]
    with Server(OURS, *options, *(["--db", path] if path else [])) as server:
        def run(number):
            load.one_message_at_a_time(server.port, clients, number, b"Recife,31.5,24\n", b"BYE\n")
        run(clients * 5)
        began = time.perf_counter()
        run(number)
        return number / (time.perf_counter() - began)


def disk_case(table, scale, rounds, folder):
    """Readings a second that are on disk, beside the disk's own rate."""
    figures = {clients: [] for clients in (1, 4, 32)}
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        for round_number in range(rounds):
            for clients, measured in figures.items():
                progress("disk: round %d, %d clients" % (round_number + 1, clients))
                path = os.path.join(temporary, "%d-%d.db" % (round_number, clients))
                number = 200 * clients if clients > 1 else 1000
                measured.append((fsyncs_a_second(temporary, 1 / scale),
                                 readings_a_second(path, clients, max(number // scale, clients)),
                                 readings_a_second(None, clients, max(number // scale, clients))))
    rows = []
    for clients, measured in figures.items():
        fsyncs, stored, unstored = (statistics.median(column) for column in zip(*measured))
        rows.append([str(clients), "%.0f" % fsyncs, "%.0f" % stored, "%.2f" % (stored / fsyncs),
                     "%.0f" % unstored])
    table.add("readings a second on disk", ["clients", "fsync/s of the disk", "readings/s",
                                            "readings per fsync", "without --db"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="tiny counts: only to see it run")
    parser.add_argument("--only", default="", help="only the cases whose name has this in it")
    parser.add_argument("--db", metavar="FOLDER", help="where to put the files of the case "
                        "\"disk\" (default: the folder for temporary files)")
    parser.add_argument("--markdown", metavar="FILE", help="also write the tables there")
    options = parser.parse_args()
    rounds, scale = (1, 100) if options.quick else (options.rounds, 1)
    table = Table()
    cases = {"cities": lambda: cities_case(table, scale, rounds),
             "disk": lambda: disk_case(table, scale, rounds, options.db)}
    run_cases(cases, table, options)


if __name__ == "__main__":
    main()
