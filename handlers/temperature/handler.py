"""The lesson's temperatures: clients put readings in a queue, one thread takes them out.

The lesson's ``trava`` is `lock`, its ``fila_proc`` is `readings` and its ``ProcessamentoDados``
is `Consumer`. What is shared, and who may wait for whom:

- `readings`, safe in itself: the threads that serve clients put in, only the consumer takes out.
- `registry` and `latest`, guarded by `lock`, which nobody holds while waiting for anything. Only
  the consumer records (before it starts, what comes out of the store); the others read.
- `wanted`, safe in itself: whoever waits for the consumer's word puts something in and so ends the
  consumer's pause. `running_here` is held while the service runs: a second one cannot run in the same program.
- the store belongs to one thread at a time: the one that runs the service opens it before the
  consumer starts and closes it after the consumer has ended; in between only the consumer uses it.

A thread that serves a client waits for the consumer (for room in the queue and, where the reply
depends on it, for the outcome), never for the thread of another client. The consumer waits for
readings, the disk and `lock`, for no client. It takes everything that waits at once: one hold of the
lock, one summary and, with a store, one transaction for all of it, so that many clients share one
`fsync`.

With a store the order is: stored, then recorded, then ``BYE``. Without one ``BYE`` is sent as soon as
the reading is in the queue; a query goes through the same queue, so it finds everything that came before it.
"""

import collections
import contextlib
import logging
import queue
import threading
import time

from engine.addresses import shown
from engine.errors import CannotStart
from engine.escapes import excerpt
from engine.fields import csv_line, fields_of, is_number
from engine.language import _, reason
from engine.seldom import Seldom
from engine.support import support_of
from handlers.lines import BadMessage, LineHandler
from handlers.temperature.batches import BatchQueue, Item
from handlers.temperature.letters import has_a_pair, what_it_may_be
from handlers.temperature.reading import parse, parse_city
from handlers.temperature.registry import Registry, table_of
from handlers.temperature.stations import LOCKING, RECORDING, STORING, WAITING, Stations

log = logging.getLogger(__name__)

#: Guards the registry and the latest readings.
lock = threading.Lock()

#: The latest reading of each city; hold `lock` while touching it.
registry = Registry()

#: The readings recorded last, as Items, the newest at the end; hold `lock` while touching it.
latest = collections.deque(maxlen=12)

#: The item after which the consumer ends.
END = Item(None, None)

#: Items on their way to the registry. Bounded: when the consumer falls behind, clients wait.
readings = BatchQueue(maxsize=1000)

#: How far readings are on their way, for the page.
stations = Stations()

#: Seconds for which the page waits for the lock; after that it shows what it saw before, and who holds it.
LOCK_PATIENCE = 0.1

#: Seconds for which the consumer lets readings gather after a batch. To switch to its thread and
#: back costs more than a reading: in a flood this saves a third of the processor time, and the
#: screen more than 100 summaries a second.
PAUSE = 0.01

#: Has something in it when somebody waits for the outcome of an item: the consumer makes no pause.
wanted = queue.SimpleQueue()

#: Held while the service runs: its lock, its queue and its registry are those of the module.
running_here = threading.Lock()

#: Seconds for which the log does not repeat that readings cannot be stored.
QUIET_INTERVAL = 60.0

#: Seconds that a wait in the main thread may last: on Windows a Ctrl+C is not noticed in it.
POLL_INTERVAL = 0.5

NO_ROOM = "there are {count} cities already: expected a reading of one of them"
NOT_STORED = "the reading was not stored, the server could not write it: send it again later"
ALIKE = "no reading of '{city}' has come: did you mean '{alike}'?"
UNKNOWN_CITY = "no reading of '{city}' has come: expected a city that has sent one"
NOT_A_QUERY = ("a query is ? and the name of a city, alone; perhaps the ? stands for a letter of the name that your "
               "program could not write: send UTF-8")
RUNNING_ALREADY = ("this program runs the temperature service already: its lock and its queue are "
                   "there once. Start another program for another one.")
NO_LOG = ("%s: its folder allows no write-ahead log, as on a network drive. Readings are as safe without it, and "
          "take longer; other programs cannot read the file while the server runs.")
NO_SQLITE = "cannot use --db: this Python has no sqlite3 ({reason}). Use another Python."


class TemperatureHandler(LineHandler):
    """Take a reading, ``city,max,min``, for the registry and answer ``BYE``; answer queries.

    ``?`` is answered with the hottest and the coldest city and how many there are, ``?city`` with
    the latest reading of that city, both as a line of CSV.

    Class attributes that may be overridden:

    - ``max_cities``: how many cities there can be, besides those that came out of the store. That
      is looked at when a reading comes. The readings on their way at that moment are recorded all
      the same, for their ``BYE`` is a promise: what is in the queue, as many again in the consumer's
      hands, and one for each thread that is about to put one in (with ``db`` these only). An exact
      limit would need a place reserved for each of them: 40 lines, and a second thing to guard.
    - ``db``: the file in which a `Store` keeps every reading; None keeps them in memory alone.
    """

    waits = False  # except in `put` and `outcome_of`, which call make_way() first
    max_cities = 100000
    db = None

    @classmethod
    @contextlib.contextmanager
    def running(cls):
        """Keep the consumer running; at the end let it finish, then show a last summary.

        With ``db`` the registry begins with what is in the store. Raises `CannotStart`.
        """
        if not running_here.acquire(blocking=False):
            raise CannotStart(_(RUNNING_ALREADY))
        with contextlib.ExitStack() as stack:
            stack.callback(running_here.release)
            store = None
            if cls.db is not None:
                store = stack.enter_context(contextlib.closing(open_store(cls.db)))
            consumer = Consumer(store)
            consumer.start()
            try:
                yield
            finally:
                readings.put(END)
                wanted.put(END)
                while consumer.is_alive():
                    consumer.join(POLL_INTERVAL)
                show()

    @staticmethod
    def back_up(path, copy):
        """Copy the readings in the file *path* to a new file *copy*; return a sentence that says so. Raises
        `CannotStart`."""
        try:
            from handlers.temperature.backup import back_up  # not above, as for `open_store`
        except ImportError as error:
            raise CannotStart(_(NO_SQLITE).format(reason=error)) from None
        return back_up(path, copy)

    def reply(self, message):
        if message.startswith(("?", "\ufeff?")):  # the mark that some editors put before a text
            return self.answer_query(message.partition("?")[2])
        reading = parse(message)
        if "?" in reading.city or not reading.city.isascii() and has_a_pair(reading.city):
            self.look_at_letters(reading.city)
        check_room(reading.city, self.max_cities)
        problem = self.hand_over(reading)
        if problem:
            raise BadMessage(_(problem))
        return "BYE"

    def look_at_letters(self, city):
        """Have it noted when the name of a *city* looks spoilt; it is taken all the same."""
        found = what_it_may_be(city)
        if found:
            text, *names = found
            support_of(self.server).note_once(text, self.client_address, *map(excerpt, names))

    def hand_over(self, reading):
        """Put *reading* in the queue; with a store, return the outcome: None, or what the problem is."""
        if self.db is not None:
            return self.outcome_of(reading)
        self.put(Item(reading, time.time(), sender=self.client_address))
        return None

    def put(self, item):
        """Put *item* in the queue; wait when it is full."""
        try:
            readings.put_nowait(item)
        except queue.Full:
            self.make_way()
            readings.put(item)

    def outcome_of(self, reading):
        """Put *reading* in the queue; wait for its outcome: None, or what the problem is.

        Without one (None) wait until all that came before it is recorded.
        """
        waiter = queue.SimpleQueue()
        self.make_way()
        readings.put(Item(reading, time.time(), waiter, self.client_address))
        wanted.put(waiter)
        return waiter.get()

    @classmethod
    def for_the_page(cls):
        """Return what the live page shows, a dict for JSON, and the latest reading of every city.

        The threads of the page call this, one at a time. Where the lock is held for long they see what
        they saw before: the page goes on, and shows that.
        """
        locked = not lock.acquire(timeout=LOCK_PATIENCE)
        if not locked:
            try:
                stations.seen = registry.summary(), list(registry), list(latest), stations.largest()
            finally:
                lock.release()
        summary, known, recent, largest = stations.seen or (Registry().summary(), [], [], 0)
        newest = [dict(item.reading._asdict(), client=shown(item.sender or ""),
                       time=time.strftime("%H:%M:%S", time.localtime(item.arrived)))
                  for item in reversed(recent)]
        way = dict(stations.consumer(), queue=readings.qsize(), hand=max(largest, len(readings.taken)),
                   locked=locked)
        return dict(summary.for_page(), latest=newest, way=way), known

    def answer_query(self, text):
        """Return the reply to ``?`` and *text*, the rest of the line."""
        city = parse_city(text) if text.strip() else None
        self.outcome_of(None)
        with lock:
            fields = registry.summary().for_query() if city is None else registry.get(city)
            alike = None if fields else registry.alike(city)
        if fields is None:
            if is_reading(text):
                raise BadMessage(_(NOT_A_QUERY))
            raise BadMessage(_(ALIKE if alike else UNKNOWN_CITY).format(city=excerpt(city), alike=alike))
        return csv_line(fields)


def is_reading(text):
    """Tell whether *text*, the rest of a query, would be a reading without the ``?``."""
    fields = fields_of(text)
    return bool(fields) and len(fields) == 3 and all(is_number(field.strip()) for field in fields[1:])


def check_room(city, limit):
    """Raise `BadMessage` when *city* is a new one, and there are *limit* cities already."""
    with lock:
        if len(registry) >= limit and city not in registry:
            raise BadMessage(_(NO_ROOM).format(count=len(registry)))


def open_store(path):
    """Return the store in the file *path*, its readings in the registry. Raises `CannotStart`."""
    try:
        from handlers.temperature.store import Store  # not above: without --db nobody waits for this
    except ImportError as error:
        raise CannotStart(_(NO_SQLITE).format(reason=error)) from None
    try:
        store = Store(path)
        try:
            known = store.latest()
        except OSError:
            store.close()
            raise
    except OSError as error:
        raise CannotStart(error) from None
    with lock:
        for reading in known:
            registry.record(reading)
    if not store.has_log:
        log.warning(NO_LOG, path)
    log.info("Readings of %d cities came out of %s.", len(known), path)
    return store


class Consumer(threading.Thread):
    """Takes what is in the queue, has it stored and recorded, tells who waits, shows what is new.

    *store* is where the readings are kept, or None.

    Nothing ends it but `END`. What it could not do is logged, and it goes on where it was: an item
    is in ``readings.taken`` until it is recorded, then in `untold` until who waits for it is told.
    So what goes wrong with one reading harms no other, and nobody is left waiting.
    """

    def __init__(self, store=None):
        super().__init__(name="consumer", daemon=True)
        self.store = store
        self.warnings = Seldom(QUIET_INTERVAL)
        self.untold = collections.deque()
        self.may_record = False  # what was taken: it is stored, or there is no store
        self.news = False  # something was recorded that is yet to be shown
        self.ended = False

    def run(self):
        while not self.ended:
            try:
                self.take()
                self.record()
                self.tell()
                self.show_news()
                self.pause()
            except Exception:
                with contextlib.suppress(Exception):  # to log it may go wrong as well
                    log.exception("The consumer could not do all of its work; it goes on.")

    def take(self):
        """Take a batch and have it stored, unless the last one is not finished."""
        if readings.taken or self.untold:
            return
        self.may_record = self.store is None
        readings.take()
        if self.store is not None:
            self.store_taken()

    def store_taken(self):
        """Store the readings that were taken: all or none."""
        new = [item for item in readings.taken if item.reading]
        stations.doing(STORING)
        try:
            if new:
                self.store.append((item.arrived, item.reading) for item in new)
            self.may_record = True
        except OSError as error:
            for item in new:
                item.outcome = NOT_STORED
            if self.warnings.is_due():
                log.error("Readings cannot be stored for now (%s); who sends one is told so.",
                          reason(error))

    def record(self):
        """Record what was taken, if it may be."""
        taken = readings.taken
        stations.doing(LOCKING)
        with lock:
            stations.doing(RECORDING)
            stations.count(len(taken))
            while taken:
                self.untold.append(taken[0])
                item = taken.popleft()
                if self.may_record and item.reading:
                    registry.record(item.reading)
                    item.outcome = None
                    self.news = True
                    latest.append(item)
        stations.doing(WAITING)

    def tell(self):
        """Tell those who wait what the outcome is."""
        while self.untold:
            item = self.untold[0]
            if item.waiter is not None:
                item.waiter.put(item.outcome)
            if item is END:
                self.ended = True
            self.untold.popleft()
            readings.task_done()

    def show_news(self):
        """Show the summary, if something was recorded."""
        if self.news:
            self.news = False
            show()

    def pause(self):
        """Let readings gather. With a store, writing to the disk takes its time."""
        if self.store is None and not self.ended:
            with contextlib.suppress(queue.Empty):
                wanted.get(timeout=PAUSE)
        while not wanted.empty():  # who waits has put an item in the queue first: it is taken next
            wanted.get()


def show():
    """Print the summary; with the log at DEBUG (``-v``) the whole registry before it, as a table."""
    with lock:  # for as long as it takes to copy, no longer
        summary = registry.summary()
        known = list(registry) if log.isEnabledFor(logging.DEBUG) else []
    text = summary.for_screen()
    if known:
        text = table_of(known) + "\n" + text
    print(text)
