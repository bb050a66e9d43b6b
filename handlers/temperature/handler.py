"""The lesson's temperatures: clients put readings in a queue, one thread takes them out.

The lesson's ``trava`` is `lock`, its ``fila_proc`` is `readings` and its ``ProcessamentoDados``
is `Consumer`. What is shared, and who may wait for whom:

- `readings`, safe in itself: the threads that serve clients put in, only the consumer takes out.
- `registry` and `latest`, guarded by `lock`, which nobody holds while waiting for anything. Only
  the consumer records (before it starts, what comes out of the store); the others read.
- `wanted`, an event, safe in itself: whoever waits for the consumer's word sets it and so ends the
  consumer's pause. `running_here` is held while the service runs: the rest of this is there once.
- the store belongs to one thread at a time: the one that runs the service opens it before the
  consumer starts and closes it after the consumer has ended; in between only the consumer uses it.

A thread that serves a client waits for the consumer (for room in the queue and, where the reply
depends on it, for the outcome), never for the thread of another client. The consumer waits for
nothing but the disk. It takes everything that waits at once: one hold of the lock, one summary and,
with a store, one transaction for all of it, so that many clients share one `fsync`.

The order is: stored, then recorded, then ``BYE``. Without a store ``BYE`` is sent when the reading
is in the queue; a query goes through the same queue, so it finds everything that came before it.
"""

import collections
import contextlib
import logging
import queue
import threading
import time

from engine.addresses import shown
from engine.errors import CannotStart
from engine.fields import csv_line
from engine.language import _, reason
from engine.seldom import Seldom
from handlers.lines import BadMessage, LineHandler
from handlers.temperature.reading import parse, parse_city
from handlers.temperature.registry import Registry

log = logging.getLogger(__name__)

#: Guards the registry and the latest readings.
lock = threading.Lock()

#: The latest reading of each city; hold `lock` while touching it.
registry = Registry()

#: The readings recorded last, as Items, the newest at the end; hold `lock` while touching it.
latest = collections.deque(maxlen=12)

#: What goes through the queue:
#:
#: - ``reading``: a `Reading`; None when somebody only wants to know that all before is recorded;
#: - ``arrived``: when it came, in seconds since 1970;
#: - ``waiter``: a SimpleQueue for somebody who waits for the outcome, or None. The outcome is None
#:   when all is well, else the text of a problem;
#: - ``sender``: the address of the client.
Item = collections.namedtuple("Item", "reading arrived waiter sender", defaults=[None])

#: The item after which the consumer ends.
END = Item(None, None, None)


class BatchQueue(queue.Queue):
    """A Queue whose ``get`` takes out everything that waits, as a list: one lock for all of it."""

    def _get(self):  # called, and meant to be overridden, by Queue.get(), which holds its lock
        items = list(self.queue)
        self.queue.clear()
        self.not_full.notify_all()
        return items


#: Items on their way to the registry. Bounded: when the consumer falls behind, clients wait.
readings = BatchQueue(maxsize=1000)

#: Seconds for which the consumer lets readings gather after a batch. To switch to its thread and
#: back costs more than a reading: in a flood this saves a third of the processor time, and the
#: screen more than 100 summaries a second.
PAUSE = 0.01

#: Set when somebody waits for the outcome of an item: the consumer then makes no pause.
wanted = threading.Event()

#: Held while the service runs: its lock, its queue and its registry are those of the module.
running_here = threading.Lock()

#: Seconds for which the log does not repeat that readings cannot be stored.
QUIET_INTERVAL = 60.0

#: Seconds that a wait in the main thread may last: on Windows a Ctrl+C is not noticed in it.
POLL_INTERVAL = 0.5

NO_ROOM = "there are {count} cities already: expected a reading of one of them"
NOT_STORED = "the reading was not stored, the server could not write it: send it again later"
NOT_PROCESSED = "the reading could not be processed: the server's log says why"
ALIKE = "no reading of '{city}' has come: did you mean '{alike}'?"
UNKNOWN_CITY = "no reading of '{city}' has come: expected a city that has sent one"
RUNNING_ALREADY = ("this program runs the temperature service already: its lock and its queue are "
                   "there once. Start another program for another one.")
NO_SQLITE = "cannot use --db: this Python has no sqlite3 ({reason}). Use another Python."


class TemperatureHandler(LineHandler):
    """Take a reading, ``city,max,min``, for the registry and answer ``BYE``; answer queries.

    ``?`` is answered with the hottest and the coldest city and how many there are, ``?city`` with
    the latest reading of that city, both as a line of CSV.

    Class attributes that may be overridden:

    - ``max_cities``: how many cities there can be, besides those that came out of the store. It is
      looked at when a reading comes. Those on their way at that moment have had their ``BYE`` and
      are recorded all the same: one queue full, another one in the consumer's hands, and one for
      each thread that is about to put one in are the most by which it can be exceeded; with ``db``
      one for each thread. (To keep a place for each new city that is on its way made the number
      exact, and was a third more to read and a second thing under the lock.)
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
                wanted.set()
                while consumer.is_alive():
                    consumer.join(POLL_INTERVAL)
                show()

    def reply(self, message):
        if message.startswith("?"):
            return self.answer_query(message[1:])
        reading = parse(message)
        check_room(reading.city, self.max_cities)
        problem = self.hand_over(reading)
        if problem:
            raise BadMessage(problem)
        return "BYE"

    def hand_over(self, reading):
        """Put *reading* in the queue; with a store, return the outcome: None, or a problem's text."""
        if self.db is not None:
            return self.outcome_of(reading)
        self.put(Item(reading, time.time(), None, self.client_address))
        return None

    def put(self, item):
        """Put *item* in the queue; wait when it is full."""
        try:
            readings.put_nowait(item)
        except queue.Full:
            self.make_way()
            readings.put(item)

    def outcome_of(self, reading):
        """Put *reading* in the queue; wait for the consumer's word: None, or a problem's text."""
        waiter = queue.SimpleQueue()
        self.make_way()
        readings.put(Item(reading, time.time(), waiter, self.client_address))
        wanted.set()
        return waiter.get()

    @classmethod
    def for_the_page(cls):
        """Return what a dashboard shows: a dict for JSON, and the latest reading of every city."""
        with lock:
            summary, known, recent = registry.summary(), list(registry), list(latest)
        newest = [dict(item.reading._asdict(), client=shown(item.sender or ""),
                       time=time.strftime("%H:%M:%S", time.localtime(item.arrived)))
                  for item in reversed(recent)]
        return dict(summary.for_page(), latest=newest), known

    def answer_query(self, text):
        """Return the reply to ``?`` and *text*, the rest of the line."""
        city = parse_city(text) if text.strip() else None
        self.outcome_of(None)  # everything that came before has been processed
        with lock:
            fields = registry.summary().for_query() if city is None else registry.get(city)
            alike = None if fields else registry.alike(city)
        if fields is None:
            raise BadMessage(_(ALIKE if alike else UNKNOWN_CITY).format(city=city, alike=alike))
        return csv_line(fields)


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
    log.info("Readings of %d cities came out of %s.", len(known), path)
    return store


class Consumer(threading.Thread):
    """Takes what is in the queue, has it stored and recorded, and shows what that changes.

    *store* is where the readings are kept, or None.
    """

    def __init__(self, store=None):
        super().__init__(name="consumer", daemon=True)
        self.store = store
        self.warnings = Seldom(QUIET_INTERVAL)

    def run(self):
        items = []
        while END not in items:
            items = readings.get()
            try:
                self.process(items)
            except Exception:
                # A batch may go wrong; the thread must live for all that follow, and nobody be
                # left waiting. (Those who have been told already do not read this second word.)
                log.exception("A batch of %d could not be processed.", len(items))
                tell(items, [_(NOT_PROCESSED)] * len(items))
            finally:
                for item in items:
                    readings.task_done()
            if self.store is None and END not in items:  # with one, writing to the disk takes its time
                wanted.wait(PAUSE)
            wanted.clear()  # whoever set it put an item in the queue first: the next get() returns it

    def process(self, items):
        """Store and record the readings in *items*, tell who waits, show the summary."""
        new = [item for item in items if item.reading]
        problem = self.keep(new)
        with lock:
            outcomes = [record(item.reading, problem) if item.reading else None
                        for item in items]
            latest.extend(item for item, outcome in zip(items, outcomes)
                          if item.reading and not outcome)
        tell(items, outcomes)
        if new and not problem:
            show()

    def keep(self, items):
        """Store the readings of *items*, if there is a store: all or none.

        Returns None, or the text for those whose readings could not be stored.
        """
        if self.store is None or not items:
            return None
        try:
            self.store.append((item.arrived, item.reading) for item in items)
        except OSError as error:
            if self.warnings.is_due():
                log.error("Readings cannot be stored for now (%s); who sends one is told so.",
                          reason(error))
            return _(NOT_STORED)
        except Exception:
            log.exception("%d reading(s) could not be stored.", len(items))
            return _(NOT_PROCESSED)
        return None


def record(reading, problem):
    """Enter *reading* in the registry unless there was a *problem*; return what there is now.

    The caller holds `lock`. A mistake of ours with one reading is its own problem, not that of
    those beside it in the batch.
    """
    if not problem:
        try:
            registry.record(reading)
            return None
        except Exception:
            log.exception("The reading %r could not be processed.", reading)
            problem = _(NOT_PROCESSED)
    return problem


def tell(items, outcomes):
    """Tell each of those who wait for one of *items* its outcome."""
    for item, outcome in zip(items, outcomes):
        if item.waiter is not None:
            item.waiter.put(outcome)


def show():
    """Print the summary; with the log at DEBUG (``-v``) the whole registry before it, as a table."""
    with lock:
        text = registry.summary().for_screen()
        if registry and log.isEnabledFor(logging.DEBUG):
            text = registry.table() + "\n" + text
    print(text)
