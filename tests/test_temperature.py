"""handlers/temperature/: : readings, from the socket to the screen."""

import csv
import itertools
import queue
import random
import signal
import threading
import time
import unicodedata

import pytest
from conftest import PATIENCE, short, wait_until

from engine.escapes import printable
from handlers.lines import BadMessage
from handlers.temperature import handler as temperature
from handlers.temperature import reading as reading_module
from handlers.temperature.batches import NOT_PROCESSED
from handlers.temperature.reading import Reading


@pytest.mark.parametrize("message, reading", [
    ("Recife,31,24", ("Recife", "31", "24")),
    ("  Recife , 31 , 24.5 ", ("Recife", "31", "24.5")),
    ("Oymyakon,-3,-67.7", ("Oymyakon", "-3", "-67.7")),
    ("Zero,0,-273.15", ("Zero", "0", "-273.15")),
    ("Same,5,5.0", ("Same", "5", "5.0")),
    ("Signs,+5,.5", ("Signs", "+5", ".5")),
    ('"Olho d\'Água, AL",35,22', ("Olho d'Água, AL", "35", "22")),
    ('"Maceió, AL" ,30,24', ("Maceió, AL", "30", "24")), (' "A" , "1" ,"0" ', ("A", "1", "0")),
    ('"the ""hot"" one",35,22', ('the "hot" one', "35", "22")),
    (unicodedata.normalize("NFD", "São Paulo") + ",31,20", ("São Paulo", "31", "20")),
    ("x" * 100 + ",1,0", ("x" * 100, "1", "0")),
    ("%s {0} %n,1,0", ("%s {0} %n", "1", "0")),
])
def test_a_reading(message, reading):
    assert temperature.parse(message) == Reading(*reading)


@pytest.mark.parametrize("message, problem", [
    (",31,24", "field 1 (city) is empty"),
    ("  ,31,24", "field 1 (city) is empty"), ("Recife,quente,24", "field 2 (max) 'quente'"),
    ("Recife,31,frio", "field 3 (min) 'frio'"), ("Recife,,24", "field 2 (max) is empty"),
    ("Recife,nan,24", "field 2 (max) 'nan'"), ("Recife,inf,24", "field 2 (max) 'inf'"),
    ("Recife,31,-inf", "field 3 (min) '-inf'"), ("Recife,1e999,24", "field 2 (max) '1e999'"),
    ("Recife,1_0,2", "field 2 (max) '1_0'"), ("Recife,٣,2", "field 2 (max) '٣'"),
    ("Recife," + "9" * 5000 + ",24", "field 2 (max) has 5000 characters"),
    ("Recife,20,25", "field 2 (max) 20 is below field 3 (min) 25"),
    ("Recife,20,-273.16", "field 3 (min) -273.16 is colder than absolute zero"),
    ("Recife,-300,-300", "field 2 (max) -300 is colder than absolute zero"),
    ("x" * 101 + ",1,0", "field 1 (city) has 101 characters"),
    ("," * 9999, "the message is empty"), ("x," * 9999, "more than a city and two temperatures"),
    ("Recife," + "x" * 60000 + ",24", "field 2 (max) has 60000 characters"),
], ids=short)
def test_not_a_reading(message, problem):
    with pytest.raises(BadMessage) as raised:
        temperature.parse(message)
    assert problem in str(raised.value)
    assert "expected" in str(raised.value)


COMMAS = "expected commas, such as Recife,31,24"


@pytest.mark.parametrize("message, reply", [
    ("Recife;31;24", "separated by semicolons: " + COMMAS),
    ("Recife; 31,5 ;24,5", "separated by semicolons: expected commas, such as Recife,31.5,24.5"),
    ("Recife;31,5;24", "separated by semicolons: expected commas, such as Recife,31.5,24"),
    ("Recife;31;24,5", "separated by semicolons: expected commas, such as Recife,31,24.5"),
    ("cidade;max;min", "separated by semicolons: " + COMMAS),
    ("Recife\t31\t24", "separated by tabs: " + COMMAS), ("Recife|31|24", "by vertical bars: "),
    ("Recife 31 24", "separated by spaces: " + COMMAS),
    ("Recife  31  24", "separated by spaces: " + COMMAS),
    ("São Paulo 31,5 24", "separated by spaces: expected commas, such as São Paulo,31.5,24"),
    ("Recife,31,5,24", "decimal comma in it: expected a point, such as Recife,31.5,24 or Recife,31,5"),
    ("Recife,31,24;20", "separated by semicolons"), ("Recife;31 °C;24 °C", "separated by semicolons"),
    ("Natal;29", "separated by semicolons"), ("Recife: 31, 24", "by spaces: " + COMMAS),
    ("Recife,31,5,24,5", "a decimal comma in it: expected a point, such as Recife,31.5,24.5"),
    ('Recife,"31,5",24', "a decimal comma in it: expected a point, such as 31.5"),
    ("Recife,31,24\\n", "there is a backslash and the letter n at the end of it: expected a line feed"),
    ("city,max,min", "are words: expected numbers, such as Recife,31,24.5; leave a header row out"),
    ("Cidade,Máxima,Mínima", "leave a header row out"),
    ("", "the message is empty: expected city,max,min such as Recife,31,24.5"),
    ("  ", "the message is empty"), (";;", "the message is empty"), (",,", "field 1 (city) is empty"),
    ("Recife", "there is a city, but no temperatures: expected city,max,min"),
    ("hello to all the world", "there is a city, but no temperatures"),
    ("Recife,31", "one temperature is missing: expected city,max,min"),
    ("Maceió, AL,30,24", "a name with a comma needs quotes"), ("a,b,c,d", "more than a city"),
    ("Recife,31,24\rOlinda,30,25", "carriage return in the message (character 13): end each line"),
    ("Re\rcife,31,24", "carriage return in the message (character 3)"),
    ("Recife,31°C,24", "field 2 (max) '31°C' has a unit: expected the number alone, such as 31"),
    ("Recife,31,24 C", "field 3 (min) '24 C' has a unit: expected the number alone, such as 24"),
    ("Recife,31,\u22125", "field 3 (min) '\u22125' has another sign for minus: expected -, such as -5"),
    ("Recife,31,\u20132.5", "another sign for minus: expected -, such as -2.5"),
    ('"Recife,31,24', "the quotes do not pair"), ('"Re"cife,31,24', "the quotes do not pair"),
    ('"Recife\r",31,24', "a carriage return"), ('"\0",31,24', "a"),
    ('"' + "x" * 140000 + '",31,24', "field 1 (city) has 140000 characters"),
    ('Recife",31,24', "the quotes do not pair"), ('Rio "Bonito",31,24', "the quotes do not pair"),
    ("Recife,31 graus,24", "'31 graus' has a unit: expected the number alone, such as 31"),
    ("Recife,31,24 \u00baC", "has a unit"), ("Recife,31,24%", "has a unit"), ("Recife,31abc,24", "is not a number"),
    ("Recife,R$ 31,24", "'R$ 31' has a currency, as no temperature has: expected degrees such as 31"),
    ('Recife,"1.234,5",24', "'1.234,5' has a separator of thousands: expected the number alone, such as 1234.5"),
    ('Recife,"1,234.5",24', "separator of thousands: expected the number alone, such as 1234.5"),
    ("Recife,1 234 567,24", "such as 1234567"), ("Recife,1e5,24", "field 2 (max) '1e5' is not a number"),
    ("Re\u200bcife,31,24", "(U+200B zero width space)"), ("Re\xadcife,31,24", "(U+00AD soft hyphen)"),
    ("Re\x07cife,31,24", "(U+0007)"), ("\x1f", "no temperatures"), ("\u200c,31,24", "field 1 (city) is empty"),
], ids=short)
def test_each_mistake_has_its_name_and_its_remedy(message, reply):
    with pytest.raises(BadMessage) as raised:
        temperature.parse(message)
    text = str(raised.value)
    assert reply in text and len(text) < 300
    assert not any(word in text for word in ("universal", "delimiter", "field(s)", "unexpected"))


@pytest.mark.parametrize("message, city", [
    ("\ufeffRecife,31,24", "Recife"), ("Recife,31.,.5", "Recife"),
    ("\xa0Recife\u3000,\xa031\xa0,\t24", "Recife"), ("São\xa0 \tPaulo,31,24", "São Paulo"),
    ("São  Paulo,31,24", "São Paulo"), ("\u200cRecife\u200d,31,24", "Recife"),
    ("می\u200cخواهم,31,24", "می\u200cخواهم"), ("ක්\u200dරි,31,24", "ක්\u200dරි"),
    ("👩\u200d🌾,31,24", "👩\u200d🌾"), ("Recife,31,24\r", "Recife")])
def test_what_is_understood(message, city):
    assert temperature.parse(message).city == city


def test_joiners_are_shown_as_they_are():
    assert printable("می\u200cخواهم\u200b") == "می\u200cخواهم\\u200b"


def test_a_query_for_a_city_of_nearly_that_name_is_told_it(start_server):
    server = start_server("--service", "temp")
    for city in ("Recife", "São Paulo", "Straße"):
        assert server.ask(city + ",31,24") == "BYE"
    assert server.ask("\ufeff?Recife") == "Recife,31,24"
    for asked, name in [("recife", "Recife"), ("SAO PAULO", "São Paulo"), ("strasse", "Straße"),
                        ("são  paulo", "São Paulo")]:
        assert server.ask("?" + asked).endswith("has come: did you mean '{}'?".format(name))
    assert server.ask("?Recif").endswith("expected a city that has sent one")


def test_a_name_with_very_many_accents_takes_no_time():
    began = time.monotonic()
    with pytest.raises(BadMessage):
        temperature.parse("a" + "\u0300" * 16000 + "\u0316" * 16000 + ",1,0")
    assert time.monotonic() - began < 0.2


@pytest.mark.parametrize("character", [
    "\x00", "\x07", "\x1b[31m", "\x85", "\x9b", "\u200b", "\u202e", "\u2028", "\udc80"])
@pytest.mark.parametrize("name", ["{}Recife", "Re{}cife", "Recife{}"])
def test_a_name_with_a_control_character_is_refused(character, name):
    with pytest.raises(BadMessage):
        temperature.parse(name.format(character) + ",31,24")


def test_the_shared_state_is_a_lock_and_a_queue_of_the_module():
    assert isinstance(temperature.lock, type(threading.Lock()))
    assert isinstance(temperature.readings, queue.Queue)
    assert temperature.readings.maxsize > 0


def test_each_reading_shows_who_is_hottest_and_coldest(start_server):
    server = start_server("--service", "temp")
    for reading, hottest, coldest in [
            ("Recife,31,24", "Recife with 31", "Recife with 24"),
            ("Garanhuns,25.5,12", "Recife with 31", "Garanhuns with 12"),
            ("Teresina,40,25", "Teresina with 40", "Garanhuns with 12"),
            ("Teresina,20,-3.50", "Recife with 31", "Teresina with -3.50"),
            ('"Olho d\'Água, AL",35,22', "Olho d'Água, AL with 35", "Teresina with -3.50")]:
        shown = server.out.text.count("\n")
        assert server.ask(reading) == "BYE"
        server.out.wait_for("^Coldest city: .*$", (shown - 1) // 2 + 1)
        assert server.out.text.splitlines()[-2:] == ["Hottest city: " + hottest,
                                                     "Coldest city: " + coldest]
    assert server.stop() == 0
    assert server.out.all().splitlines()[-3:-1] == ["Hottest city: Olho d'Água, AL with 35",
                                                    "Coldest city: Teresina with -3.50"]


def test_bad_readings_do_not_stop_the_consumer(start_server):
    server = start_server("--service", "temp")
    for message in ["Recife,quente,24", "", "a,b,c,d", "Recife,nan,nan"]:
        assert server.ask(message).startswith("ERR ")
    assert server.ask("Recife,31,24") == "BYE"
    server.out.wait_for("^Hottest city: Recife with 31$")


def test_lines_without_quotes_mean_the_same_without_a_csv_reader():
    choose = random.Random(7)
    for _ in range(20000):
        message = "".join(choose.choice("aé1,, .-\u0303\x1f\t")
                          for _ in range(choose.randrange(9)))
        expected = next(csv.reader([message], strict=True, skipinitialspace=True), []) or [""]
        assert [field.strip(" ") for field in reading_module.fields_of(message)] == [
            field.strip(" ") for field in expected]


def test_queries(start_server):
    server = start_server("--service", "temp")
    assert server.ask("?") == "cities,0"
    assert server.ask("?Recife") == ("ERR no reading of 'Recife' has come: expected a city that "
                                     "has sent one")
    for reading in "Recife,32,24", "Teresina,40,25.50", "Garanhuns,25,12", '"A ""B"", C",30,20':
        assert server.ask(reading) == "BYE"
    assert server.ask("?") == "hottest,Teresina,40,coldest,Garanhuns,12,cities,4"
    assert server.ask(" ?").startswith("ERR there is a city, but no")
    assert server.ask("?  ") == "hottest,Teresina,40,coldest,Garanhuns,12,cities,4"
    assert server.ask("?Recife") == "Recife,32,24"
    assert server.ask("? Teresina ") == "Teresina,40,25.50"
    assert server.ask('?A "B", C') == '"A ""B"", C",30,20'
    assert server.ask('"?",50,-1') == "BYE"
    assert server.ask("?") == "hottest,?,50,coldest,?,-1,cities,5"
    assert server.ask("?" + "x" * 101).startswith("ERR field 1 (city) has 101 characters")
    assert server.ask("?\x1b[2J") == (
        "ERR field 1 (city) has an invisible or control character (U+001B): expected plain text")


def test_a_query_sees_every_reading_that_was_acknowledged_before(start_server):
    server = start_server("--service", "temp", "--max-threads", "8")
    problems = []

    def report(city):
        for number in range(30):
            if server.ask("{},{},0".format(city, number)) != "BYE":
                problems.append("not taken")
            reply = server.ask("?" + city)
            if reply != "{},{},0".format(city, number):
                problems.append(reply)
    threads = [threading.Thread(target=report, args=("City %d" % n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_a_flood_is_applied_in_batches_under_one_summary(monkeypatch):
    shown = []
    monkeypatch.setattr(temperature, "print", shown.append, raising=False)
    monkeypatch.setattr(temperature, "registry", temperature.Registry())
    for number in range(temperature.readings.maxsize):
        put(Reading("City %d" % (number % 50), str(number), str(-number)))
    with temperature.TemperatureHandler.running():
        temperature.readings.join()
        assert len(temperature.registry) == 50
    assert shown == ["Hottest city: City 49 with 999\nColdest city: City 49 with -999"] * 2


def test_a_reading_that_cannot_be_processed_harms_no_other(monkeypatch, caplog):
    class Fragile(temperature.Registry):
        def record(self, reading):
            if reading.city == "Boom":
                raise ZeroDivisionError("a mistake")
            super().record(reading)
    monkeypatch.setattr(temperature, "print", lambda text: None, raising=False)
    monkeypatch.setattr(temperature, "registry", Fragile())
    waiters = [queue.SimpleQueue() for _ in range(4)]
    for waiter, city in zip(waiters, ["A", "Boom", "B"]):
        temperature.readings.put(temperature.Item(Reading(city, "2", "1"), 0.0, waiter))
    temperature.readings.put(temperature.Item(None, 0.0, waiters[3]))
    with temperature.TemperatureHandler.running():
        assert [waiter.get(timeout=PATIENCE) for waiter in waiters] == [
            None, NOT_PROCESSED, None, None]
        assert [reading.city for reading in temperature.registry] == ["A", "B"]
        assert [item.reading.city for item in temperature.latest][-2:] == ["A", "B"]
    assert "a mistake" in caplog.text


def handler_for(**attributes):
    """Return a handler of the service without a client: `reply` is all that is asked of it."""
    handler = object.__new__(type("Handler", (temperature.TemperatureHandler,), attributes))
    handler.client_address = ("127.0.0.1", 1)
    return handler


def test_the_limit_of_cities_is_exceeded_by_the_readings_on_their_way_at_most(monkeypatch):
    """By what the queue holds, as much in the consumer's hands, and one for each thread."""
    monkeypatch.setattr(temperature, "registry", temperature.Registry())
    monkeypatch.setattr(temperature, "readings", temperature.BatchQueue(maxsize=7))
    monkeypatch.setattr(temperature, "print", lambda text: None, raising=False)
    taken, stored, waits = threading.Event(), threading.Event(), queue.SimpleQueue()

    class SlowStore:
        def append(self, rows):
            taken.set()
            assert stored.wait(PATIENCE)
    handler = handler_for(max_cities=3, make_way=lambda self: waits.put("for room in the queue"))
    cities = iter(range(1000))

    def send():
        assert handler.reply("City {},2,1".format(next(cities))) == "BYE"
    for number in range(7):
        send()
    consumer = temperature.Consumer(SlowStore())
    consumer.start()
    assert taken.wait(PATIENCE)
    for number in range(7):
        send()
    threads = [threading.Thread(target=send) for number in range(2)]
    for thread in threads:
        thread.start()
        waits.get(timeout=PATIENCE)
    stored.set()
    for thread in threads:
        thread.join(PATIENCE)
    temperature.readings.join()
    assert len(temperature.registry) == 7 + 7 + 2
    for number in range(30):
        with pytest.raises(BadMessage, match="there are 16 cities already: expected a reading of"):
            send()
    assert handler.reply("City 6,3,1") == "BYE"
    temperature.readings.put(temperature.END)
    consumer.join(PATIENCE)
    assert len(temperature.registry) == 16 and temperature.registry.get("City 6").maximum == "3"


def test_with_a_store_a_single_client_finds_the_limit_exact(monkeypatch, tmp_path):
    monkeypatch.setattr(temperature, "registry", temperature.Registry())
    monkeypatch.setattr(temperature, "print", lambda text: None, raising=False)
    handler = handler_for(max_cities=3, db=str(tmp_path / "readings.db"), make_way=lambda self: None)
    with handler.running():
        for city in "A", "B", "C", "B":
            assert handler.reply(city + ",2,1") == "BYE"
        with pytest.raises(BadMessage, match="there are 3 cities already"):
            handler.reply("D,2,1")
        assert handler.reply("A,2,1") == "BYE"
    assert [reading.city for reading in temperature.registry] == ["A", "B", "C"]


def put(reading):
    """Put *reading* in the queue as a handler does that does not wait for the outcome."""
    temperature.readings.put(temperature.Item(reading, time.time(), None))


def test_the_consumer_survives_what_it_meets(caplog, monkeypatch):
    shown = queue.SimpleQueue()

    def show(text):
        if "Boom" in text:
            raise OSError("the screen broke")
        shown.put(text)
    monkeypatch.setattr(temperature, "print", show, raising=False)
    monkeypatch.setattr(temperature, "registry", temperature.Registry())
    with temperature.TemperatureHandler.running():
        put(Reading("Boom", "99", "1"))
        wait_until(lambda: "the screen broke" in caplog.text, "the log")
        assert shown.empty()
        put(Reading("Boom", "1", "1"))
        put(Reading("Recife", "31", "1"))
        put(Reading("Zz", "31", "0"))
        temperature.readings.join()
    texts = [shown.get_nowait() for number in range(shown.qsize())]
    assert texts and set(texts) == {"Hottest city: Recife with 31\nColdest city: Zz with 0"}


def failing_once(function):
    """Return *function*, the first call of which finds no memory."""
    calls = itertools.count()

    def called(*arguments):
        if next(calls) == 0:
            raise MemoryError
        return function(*arguments)
    return called


class Waiter:
    """Waits for an outcome; *put* is what the consumer calls to tell it."""

    def __init__(self):
        self.outcomes = queue.SimpleQueue()
        self.put = self.outcomes.put


@pytest.mark.parametrize("step", ["taking", "recording", "the latest", "telling", "counting", "showing",
                                  "pausing", "none"])
def test_one_failure_for_lack_of_memory_costs_one_reading_at_most(step, monkeypatch, caplog):
    monkeypatch.setattr(temperature, "print", lambda text: None, raising=False)
    monkeypatch.setattr(temperature, "registry", temperature.Registry())
    monkeypatch.setattr(temperature, "readings", temperature.BatchQueue(1000))
    monkeypatch.setattr(temperature, "latest", type("Latest", (list,), {})())
    monkeypatch.setattr(temperature, "wanted", type("Wanted", (queue.Queue,), {})())
    waiters = [Waiter() for number in range(4)]
    owner, name = {
        "taking": (temperature.readings.not_full, "notify_all"), "showing": (temperature, "print"),
        "recording": (temperature.registry, "record"), "the latest": (temperature.latest, "append"),
        "telling": (waiters[1], "put"), "counting": (temperature.readings, "task_done"),
        "pausing": (temperature.wanted, "get"), "none": (waiters[0], "put")}[step]
    if step != "none":
        monkeypatch.setattr(owner, name, failing_once(getattr(owner, name)))
    for waiter, city in zip(waiters, ["A", "B", "C"]):
        temperature.readings.put(temperature.Item(Reading(city, "2", "1"), 0.0, waiter))
    temperature.readings.put(temperature.Item(None, 0.0, waiters[3]))
    with temperature.TemperatureHandler.running():
        outcomes = [waiter.outcomes.get(timeout=PATIENCE) for waiter in waiters]
        assert outcomes == [NOT_PROCESSED if step == "recording" else None, None, None, None]
        put(Reading("D", "4", "0"))  # and it goes on
        handler = handler_for(make_way=lambda self: None)
        assert handler.reply("?D") == "D,4,0"
        cities = [reading.city for reading in temperature.registry]
        assert cities == (["B", "C", "D"] if step == "recording" else ["A", "B", "C", "D"])
    assert ("MemoryError" in caplog.text) == (step != "none")


def test_a_mistake_in_the_store_is_told_and_the_consumer_goes_on(monkeypatch, caplog):
    class Store:
        append = staticmethod(failing_once(lambda rows: None))
    monkeypatch.setattr(temperature, "print", lambda text: None, raising=False)
    monkeypatch.setattr(temperature, "registry", temperature.Registry())
    consumer = temperature.Consumer(Store())
    consumer.start()
    for city, outcome in ("A", NOT_PROCESSED), ("B", None):
        waiter = queue.SimpleQueue()
        temperature.readings.put(temperature.Item(Reading(city, "2", "1"), 0.0, waiter))
        assert waiter.get(timeout=PATIENCE) == outcome
    temperature.readings.put(temperature.END)
    consumer.join(PATIENCE)
    assert [reading.city for reading in temperature.registry] == ["B"]
    assert "MemoryError" in caplog.text


def test_verbose_shows_the_whole_registry(start_server):
    server = start_server("--service", "temp", "-v")
    server.ask("São Paulo,31.5,-3")
    server.out.wait_for(r"^City        Max  Min\nSão Paulo  31.5   -3\nHottest city")


def test_what_a_client_sends_cannot_drive_the_terminal(start_server):
    server = start_server("--service", "temp", "-v")
    for name in ["\x1b[2J\x1b]0;title\x07", "a\rHottest city: fake", "\u202eeficeR", "\x9b31m",
                 "\0"]:
        reply = server.ask(name + "x,31,24")
        assert reply.startswith("ERR ") and reply.isprintable(), reply
    assert server.ask("%s%n{city},31,24") == "BYE"
    server.out.wait_for("^Coldest city: %s%n{city} with 24$")
    assert server.stop() == 0
    for text in server.out.all(), server.err.all():
        assert all(line.isprintable() for line in text.split("\n")), text


def test_every_acknowledged_reading_is_in_the_last_summary(start_server):
    server = start_server("--service", "temp", "--max-threads", "0", "-v")
    acknowledged = []

    def report(number):
        for city in range(20):
            name = "City {}-{}".format(number, city)
            try:
                if server.ask("{},{},{}".format(name, city, -number)) == "BYE":
                    acknowledged.append(name)
            except (OSError, AssertionError):
                return
    threads = [threading.Thread(target=report, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    server.out.wait_for("^City 3-5 ")
    assert server.stop(signal.SIGTERM) == 0
    for thread in threads:
        thread.join()
    last = server.out.all()[server.out.all().rindex("Max  Min"):]
    missing = [name for name in acknowledged if name + " " not in last]
    assert acknowledged and not missing
