"""What the live page watches: a look at the server, and the news since the last one."""

import collections
import json
import math
import threading
import time

from engine.addresses import shown
from engine.effort import has_gil, processors
from engine.escapes import printable
from engine.invitation import ONE_FILE, commands, files, pages
from engine.jams import enough_for
from engine.names import name_of
from engine.support import Word
from handlers.dashboard.crowds import Crowds
from handlers.dashboard.minute import Minute

#: Seconds between two looks: the page is sent five of them a second at most.
INTERVAL = 0.2

#: Slots that are told of; the page draws fewer.
MOST_SLOTS = 1000

#: After a whole state for ``/state`` no other one is made for REST times as long as that took: to
#: ask for it in a loop takes a twentieth of the processor at most.
REST = 20

#: Kinds of mistakes that are told of, and seconds between two looks at them: in a flood of mistakes they
#: would be most of what is sent.
MOST_KINDS = 6
KINDS_EVERY = 1.0

#: What a client does who keeps its thread at work.
AT_WORK = {Word.IN_WORK, Word.NOT_READING}

#: What one look saw: the state for the page; the latest reading of every city, or None where the
#: service has none; the last second of the `Minute` with something in it; and a mark, which is the
#: same as long as there is nothing new to see; and who was in service. Looks are numbered.
Look = collections.namedtuple("Look", "state readings eventful mark clients number")

#: What a viewer has seen who has seen nothing.
NOTHING = Look({}, None, None, None, None, 0)

#: What of the state changes all the time, but is news only when a second with something in it is
#: over: it would be half of all that is sent. ``second`` is the one under way, with which the others end.
OF_THE_MINUTE = "messages", "queue", "second"


class Watch:
    """Looks at *server*, a `BoundedThreadingTCPServer` that serves the service of this *name*, for
    the page that listens on the address *page*. What is stuck is asked of the *lookout*, if there is one.

    Use it in a ``with`` statement: in between a thread counts what happens in each second. Its
    ``service`` and ``port`` never change.
    """

    def __init__(self, server, name, page=None, lookout=None):
        self.server, self._lookout = server, lookout
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._looked = -math.inf
        self._look = None
        self._news = {}  # what leads to the latest look: number of the one seen before -> bytes
        self._whole_lock = threading.Lock()
        self._whole = b""
        self._whole_began = self._whole_due = -math.inf
        self._boxes = [None] * min(server.max_threads, MOST_SLOTS)
        self._minute = Minute()
        self._crowds = Crowds()
        self._mistakes = mistakes(server.mistakes)
        self._mistakes_due = -math.inf
        self._ended = threading.Event()
        self._thread = None
        self._page = page
        self.service, self.port = name, server.server_address[1]
        self._standing = {"service": name, "max_threads": server.max_threads, "port": self.port,
                          "gil": has_gil(), "cores": processors()}
        self._ways = self._find_ways()

    def __enter__(self):
        self._thread = threading.Thread(target=self._count_seconds, name="watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()

    def look(self, age=INTERVAL / 2):
        """Return the latest `Look`, at most *age* seconds old."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked >= age:
                self._look, self._looked = self._look_now(now, age), now
                self._news.clear()
            return self._look

    def news(self, seen, look):
        """Return, as bytes, the events that lead from what was *seen* to this *look*.

        They are made once, for all who have seen the same.
        """
        with self._lock:
            if look is not self._look:  # there is a newer one: this viewer is late
                return news(seen, look)
            if seen.number not in self._news:
                self._news[seen.number] = news(seen, look)
            return self._news[seen.number]

    def whole(self):
        """Return the state of this moment with all readings, as bytes of JSON.

        All who ask meanwhile get the same; and they wait where it took long.
        """
        asked = time.monotonic()
        with self._whole_lock:
            if self._whole_began <= asked:
                self._ended.wait(max(0.0, self._whole_due - time.monotonic()))
                self._whole_began = began = time.monotonic()
                look = self.look(age=0)
                state = look.state
                if look.readings is not None:
                    state = dict(state, temperatures=dict(state["temperatures"],
                                                          ranges=look.readings))
                self._whole = json.dumps(state).encode() + b"\n"
                now = time.monotonic()
                self._whole_due = now + REST * (now - began)
            return self._whole

    def _look_now(self, now, age):
        uptime = now - self._began
        clients = self.server.in_service()
        stuck = self._lookout.stuck if self._lookout else []
        totals, waiting = self._count(uptime, clients)
        if age <= 0 or now >= self._mistakes_due:
            self._mistakes, self._mistakes_due = mistakes(self.server.mistakes), now + KINDS_EVERY
        jam = enough_for(len(clients)) if self.server.jams.lasts() else None
        state = dict(self._standing, **self._ways, stuck=stuck, uptime=round(uptime, 3),
                     slots=[client and slot(client, now) for client in self._in_boxes(clients)],
                     waiting=waiting, wait=self._minute.wait(waiting), totals=totals, jam=jam,
                     mistakes=self._mistakes, crowd=self._crowds.latest, crowd_began=self._crowds.began,
                     messages=list(self._minute.messages), queue=list(self._minute.queue),
                     second=self._minute.second)
        mark = [clients, waiting, totals, self._minute.eventful, self._ways, jam, self._mistakes,
                self._crowds.latest, self._crowds.began, stuck]
        temperatures, readings = self.server.RequestHandlerClass.for_the_page()
        if temperatures:
            for reading in temperatures["latest"]:
                reading.update(known(reading["client"]))
            state["way"] = temperatures.pop("way")
            state["temperatures"] = temperatures
            if self._look and readings == self._look.readings:
                readings = self._look.readings  # so that no viewer looks for what is new
            mark += [temperatures, state["way"]]
        return Look(state, readings, self._minute.eventful, mark, clients,
                    self._look.number + 1 if self._look else 1)

    def _in_boxes(self, clients):
        """Return *clients* in their boxes, one a slot: who is in one stays there until the end."""
        if not self._boxes:  # no limit
            return clients[:MOST_SLOTS]
        there = {client[:2]: client for client in clients}  # what it is doing may have changed
        placed = [box and there.pop(box[:2], None) for box in self._boxes]
        newcomers = iter(there.values())
        self._boxes = [client or next(newcomers, None) for client in placed]
        return self._boxes

    def _count_seconds(self):
        """Count at the end of every second, whoever looks or not, and see whether the machine has
        other addresses now; the life of a thread."""
        while not self._ended.wait(1 - (time.monotonic() - self._began) % 1):
            with self._lock:
                self._count(time.monotonic() - self._began, self.server.in_service())
            ways = self._find_ways()
            with self._lock:
                self._ways = ways

    def _find_ways(self):
        """Return what the state tells of the ways to the server and its page."""
        urls = files(self._page)
        return {"page": pages(self._page), "client": urls, "join": commands(
            self.server.server_address, self.service, ONE_FILE if urls else "client.py")}

    def _count(self, uptime, clients):
        """Count for the `Minute` and the `Crowds`; return the totals, with that of the messages, and who
        waits. Whoever is accepted meanwhile is counted the next time, not twice: so in this order."""
        totals = dict(self.server.totals())
        waiting = self.server.waiting()
        # Whose message is answered with an error is counted as answered a moment later.
        totals["messages"] = max(self.server.books.messages(), totals["errors"])
        self._minute.count(uptime, totals["messages"], totals, waiting)
        at_work = any(client.doing.word in AT_WORK for client in clients)
        self._crowds.count(uptime, totals, waiting, at_work)
        return totals, waiting


def slot(client, now):
    """Return what the state tells of a *client*, an `InService`."""
    return {**known(client.address), "seconds": round(now - client.began, 3),
            "doing": client.doing.word, "since": round(now - client.doing.since, 3),
            "bytes": client.doing.bytes}


def known(client):
    """Return what the state tells of who a *client* is: its address, as text, and its name if it has one."""
    name = name_of((client.rpartition(":")[0].strip("[]"),))
    return {"client": client, "name": name} if name else {"client": client}


def mistakes(noted):
    """Return what the state tells of the mistakes that were *noted*: the latest kinds, and how many there are."""
    kinds, count = noted.kinds(MOST_KINDS)
    return {"kinds": count, "latest": [
        {**known(shown(kind.client_address)), "count": kind.count,
         "reply": printable(kind.reply), "time": time.strftime("%H:%M:%S", time.localtime(kind.when))}
        for kind in kinds]}


def news(seen, look):
    """Return the events that lead from what was *seen* to this *look*; b"" when nothing is new."""
    text = event("state", difference(seen, look)) if look.mark != seen.mark else ""
    if look.readings is not seen.readings:
        # Cities keep their places, and a reading is a new object: so only those that changed are
        # compared, and sent.
        known = seen.readings or []
        changed = [new for new, old in zip(look.readings, known) if new is not old]
        changed += look.readings[len(known):]
        if changed or seen.readings is None:
            text += event("cities", {"reset": seen.readings is None, "readings": changed})
    return text.encode()


def difference(seen, look):
    """Return what of the state has changed since it was *seen*, and the uptime.

    That time has passed for those in the slots is no change: they would be most of what is sent.
    """
    known = dict(seen.state, uptime=None)
    if seen.state and look.clients == seen.clients:
        known["slots"] = look.state["slots"]
    if known.keys() >= set(OF_THE_MINUTE) and look.eventful == seen.eventful:
        known.update((name, look.state[name]) for name in OF_THE_MINUTE)
    return {name: value for name, value in look.state.items()
            if name not in known or value != known[name]}


def event(name, data):
    """Return an event as the stream has it; *data* goes out as JSON, which is one line."""
    return "event: {}\ndata: {}\n\n".format(name, json.dumps(data))
