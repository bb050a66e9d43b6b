"""A core that is explored, not hoped for: whatever the order of events, these promises are kept.

A server (the cap of `server.py` alone, with `engine/lead.py` and `engine/leading.py`, and with all rooms):

- at most one thread leads: it waits for the next client, or serves one and has not made way;
- never are there more threads for clients than slots;
- whenever nobody can move but by a time-out, nobody waits whom somebody could serve: no client, no follower, no
  stop. And somebody listens, unless every slot has a client;
- a thread goes on to the next client, until nobody has needed it for long or the server stops;
- after a stop all threads end, but those that still compute, and nobody is in service but who stops the server;
- after a restart all serve;
- every client is counted once, and accepted = served + refused + timed out + gone + failed.

A lane (`engine/lane.py`): one thread at a time waits for messages; one thread at a time is in a conversation; no
message waits that somebody could answer; an error is raised in the member's own thread; nobody sleeps without a
time-out when nobody else can move; the system's watcher is closed.

How they are explored stands in `explorer.py`. The list of mutants shows what it finds: each is a line of a room,
changed, that breaks a promise. ``pytest --explore tests/test_explorer.py`` takes more disturbances; some
minutes.
"""

import importlib.util
import logging
import os
import random
import sys
import types
from unittest import mock

import explorer
import pytest
from explorer import Over, Selector, Socket, Thread, explore, models, point, share

#: Time-outs, while a server turns, after which it is said that this never ends.
PATIENCE = 20

#: The modules, and packages of them, that are loaded for the explorer.
ROOMS = {"server", "engine", "socketserver"}

#: What stands for Python's own modules.
MODELS = models()


@pytest.fixture(autouse=True)
def one_core():
    """Stay on one core, where that can be asked for: one thread runs at a time, and to wake one on
    another core makes a test half as long again."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {random.choice(list(cores))})
    yield
    os.sched_setaffinity(0, cores)


@pytest.fixture(autouse=True)
def silence():
    """Have the server's log say nothing: it is the same for all tests of this process."""
    log = logging.getLogger("server")
    log.disabled = True
    yield
    log.disabled = False


class Rooms:
    """The real rooms, loaded once more, on the explorer's models.

    *module*, *old*, *new*: a module, a text that it has once, and what shall stand there.
    """

    def __init__(self, module=None, old=None, new=None):
        with mock.patch.dict(sys.modules, MODELS):
            for name in [name for name in sys.modules if name.split(".")[0] in ROOMS]:
                del sys.modules[name]
            if module:
                spec = importlib.util.find_spec(module)
                text = spec.loader.get_source(module)
                assert text.count(old) == 1
                sys.modules[module] = importlib.util.module_from_spec(spec)
                exec(compile(text.replace(old, new), spec.origin, "exec"), vars(sys.modules[module]))
            import server
            import socketserver
            from engine import lane, lead, leading, stopping
        share(lead.Lead, "_leader", "_lock")
        share(lead.Lead, "open", "_lock")
        share(socketserver.BaseServer, "_BaseServer__shutdown_request")
        leading.IDLE_LIMIT = leading.POLL_INTERVAL
        stopping.os = types.SimpleNamespace(name="posix")  # the bell of Windows is not modelled
        for method in "setup", "finish":
            leading.makes_way(getattr(socketserver.BaseRequestHandler, method))
        self.handler = type("Handler", (socketserver.BaseRequestHandler,), {
            "handle": leading.makes_way(lambda handler: explorer.run.world.serve(handler.request))})
        self.lane, lane.Selector = lane.Lane, Selector
        self.servers = {name: type("Server", bases, {"daemon_threads": True, "handle_error": lambda *details: None})
                        for name, bases in {
                            "cap": (server.BoundedThreadingTCPServer,),
                            "leading": (server.BoundedThreadingTCPServer, leading.LeadingThreads),
                            "classroom": (server.ClassroomServer,)}.items()}

    def world(self, kind, **details):
        """Return a new world of this *kind*."""
        if kind == "lane":
            return LaneWorld(self.lane(), **details)
        return ServerWorld(self.servers[kind](("127.0.0.1", 0), self.handler, False), **details)


class ServerWorld:
    """A server, its *clients*, what their handlers do (one of the *ways*), a stop or a restart.

    The ways: ``quick`` answers at once; ``waits`` makes way, and waits a moment; ``silent`` waits until the
    connection is shut down, ``stuck`` until it is both ways; ``computes`` does so as well, and does not make way;
    ``stops`` stops the server; ``dies`` ends its thread.
    """

    def __init__(self, server, clients=2, slots=2, ways="quick waits", stops=None, restarts=None, failing_starts=0):
        self.server, self.clients, self.slots, self.ways = server, clients, slots, ways.split()
        self.stops, self.restarts, self.failing_starts = stops, restarts, failing_starts
        self.server.max_threads = slots
        self.listening, self.listened, self.leading, self.serving = set(), set(), set(), set()
        self.stuck, self.stopping, self.needed = set(), set(), {}
        self.turns, self.time_outs, self.acceptor, self.served, self.stillborn = False, 0, None, 0, 0

    # What happens

    def begin(self):
        self.serve_forever()
        Thread(target=self.come, name="clients").start()
        if self.stops or self.restarts:
            Thread(target=self.stop, name="stop").start()

    def serve_forever(self):
        self.acceptor = Thread(target=self.server.serve_forever, name="acceptor")
        self.acceptor.start()

    def come(self):
        for _ in range(self.clients):
            point()
            self.server.socket.backlog.append(Socket())

    def starts(self, thread):
        way = self.failing_starts and is_worker(thread) and point(ways=3 if hasattr(self.server, "books") else 2)
        self.failing_starts -= bool(way)
        if way == 1:
            raise RuntimeError("can't start new thread")
        if way == 2:  # for lack of memory: it is found out
            self.stillborn += 1
            thread.target = lambda *details: None

    def serve(self, request):
        me, way = explorer.run.current, self.ways[point(ways=len(self.ways))]
        self.serving.add(me)
        self.served += 1
        if getattr(self.server, "leads", bool)():
            self.leading.add(me)
        self.check()
        if way not in ("quick", "computes"):
            self.leading.discard(me)
            getattr(self.server, "make_way", bool)()
        if way == "stops":
            self.stop()
        elif way != "quick":
            self.stuck |= {me} if way in ("stuck", "computes") else set()
            point(lambda: request.shut > {"silent": 0, "stuck": 2, "computes": 2}.get(way, -1))
        for those in self.leading, self.serving, self.stuck:
            those.discard(me)
        if way == "dies":
            raise SystemExit
        if not self.turns and hasattr(self.server, "leads"):
            self.needed[me] = explorer.run.now + 0.5

    def stop(self):
        point(lambda: self.stops == "at once" or self.acceptor in self.listened)
        self.stopping.add(explorer.run.current)
        self.turns = True
        self.needed.clear()
        if hasattr(self.server, "stop"):
            self.server.stop(1)
            if len(self.server.in_service()) > len(self.stopping & self.serving):
                raise Over("somebody is in service after the stop")
        else:
            self.server.shutdown()
        if self.restarts:
            if self.restarts == "after the end":
                self.acceptor.join()
            self.serve_forever()
        else:
            self.server.server_close()

    # What is promised

    def ends(self, thread):
        if self.needed.get(thread, 0) > explorer.run.now:
            raise Over("a thread ends although its server serves")

    def waits(self):
        me = explorer.run.current
        self.listening.add(me)
        if me is self.acceptor and me not in self.listened:
            self.listened.add(me)
            self.turns, self.time_outs = self.turns and not self.restarts, 0
        self.check()

    def goes_on(self):
        self.listening.discard(explorer.run.current)

    def check(self):
        if sum(is_worker(thread) for thread in self.listening | self.leading) > 1:
            raise Over("two lead")
        if len(self.serving) > self.slots:
            raise Over("more threads for clients than slots")

    def stable(self, alive):
        """Return what is wrong in this state, in which nobody can move but by a time-out."""
        names = ", ".join("{} {}".format(thread.name, thread.number) for thread in alive)
        self.time_outs += self.turns or self.stillborn
        if not self.turns and (not self.stillborn or self.time_outs > PATIENCE):
            if len(self.serving) == self.slots or self.leading:
                return None
            return ("a client waits whom somebody could serve: " + names if self.server.socket.backlog
                    else None if self.listening else "nobody listens: " + names)
        waiting = set(alive) - self.stuck
        if self.turns and any(is_worker(thread) for thread in waiting - self.serving - self.listening):
            return "a thread waits for a lead that nobody will have: " + names
        if waiting and (self.time_outs > PATIENCE or waiting <= self.stopping and not self.stuck and not self.stillborn):
            return "a stop, or a restart, waits in vain: " + names
        return None if waiting else self.wrong_totals()

    def wrong_totals(self):
        totals = self.server.totals() if hasattr(self.server, "totals") else None
        if totals:
            ended = sum(totals[name] for name in ("served", "timed out", "gone", "failed"))
            if ended != self.served + self.stillborn or ended + totals["refused"] != totals["accepted"]:
                return "{} were served, and the totals are {}".format(self.served, totals)


def is_worker(thread):
    return thread.name == "process_request_thread"


class LaneWorld:
    """A *lane*, its *members*, and *messages* for them, of which each member stays for some *rounds*.

    What is answered to a message (the *ways*): it ``stays`` in the lane; it ``goes``; it is ``left`` to the
    member's own thread; the answer ``waits`` and steps aside for that; it ``fails``.
    """

    def __init__(self, lane, members=2, messages=2, rounds=2, ways="stays goes left waits fails"):
        self.lane, self.messages, self.rounds, self.ways = lane, messages, rounds, ways.split()
        self.members, self.listening = [Member(self) for _ in range(members)], set()

    def begin(self):
        for member in self.members:
            Thread(target=member.live, name="member").start()
        Thread(target=self.send, name="clients").start()

    def send(self):
        for _ in range(self.messages):
            self.members[point(ways=len(self.members))].connection.inbox += 1

    def starts(self, thread):
        """Do nothing: threads start, and end, as they like."""

    ends = starts

    def waits(self):
        self.listening.add(explorer.run.current)
        if len(self.listening) > 1:
            raise Over("two wait for messages")

    def goes_on(self):
        self.listening.discard(explorer.run.current)

    def stable(self, alive):
        """Return what is wrong in this state, in which nobody can move but by a time-out."""
        if any(member.connection.inbox and not member.gone for member in self.members):
            return "a message waits that somebody could answer"
        if any(thread.deadline is None for thread in alive):
            return "somebody sleeps without a time-out"
        if not alive and any(isinstance(value, Selector) for value in vars(self.lane).values()):
            return "the watcher is left open"


class Member:
    """Of a lane: a client's conversation."""

    def __init__(self, world):
        self.world, self.connection, self.busy, self.gone = world, Socket(), False, False

    def live(self):
        for _ in range(self.world.rounds):
            self.deadline = explorer.run.now + 2
            try:
                self.world.lane.stay(self)
            except ValueError as error:
                if error.args[0] is not self:
                    raise Over("an error is raised in another thread than the member's own")
            self.answer()
        self.gone = True

    def answer(self):
        if self.busy:
            raise Over("two threads are in one conversation")
        if self.connection.inbox:
            self.busy = True
            point()
            self.connection.inbox -= 1
            self.busy = False

    def answer_at_once(self):
        if not self.connection.inbox:
            return True
        way = self.world.ways[point(ways=len(self.world.ways))]
        if way == "left":
            return False
        if way == "waits":
            self.world.lane.step_aside(self)
        self.answer()
        self.deadline = explorer.run.now + 2
        if way == "fails":
            raise ValueError(self)
        return way == "stays"


#: The worlds in which mutants are found.
WORLDS = {
    "cap": dict(kind="cap", clients=3, slots=1, ways="quick silent", failing_starts=1),
    "cap stops": dict(kind="cap", slots=1, stops="at once"),
    "lead": dict(kind="leading", clients=3),
    "silent": dict(kind="leading", clients=3, ways="quick waits silent"),
    "dies": dict(kind="leading", ways="quick waits dies", failing_starts=1),
    "stop": dict(kind="leading", stops="at once"),
    "computes": dict(kind="leading", stops="later", ways="quick waits computes"),
    "restart": dict(kind="leading", clients=1, slots=1, restarts="at once"),
    "books": dict(kind="classroom", slots=1, stops="at once", ways="quick silent stuck"),
    "starts": dict(kind="classroom", stops="later", failing_starts=1),
    "handler stops": dict(kind="classroom", ways="waits stops"),
    "lane": dict(kind="lane"),
}


#: Single lines of the rooms, changed: module, what stands there, what shall, and the world and the number of
#: disturbances in which that is found.
MUTANTS = [
    ('server', '        except BaseException:  # no thread was started that would give the slot back\n            self.slots.release()', '        except BaseException:  # no thread was started that would give the slot back\n            pass', 'cap', 0),
    ('server', 'finally:\n            self.slots.release()', 'finally:\n            pass', 'cap', 0),
    ('server', '        self.slots.acquire()\n', '', 'cap', 0),
    ('server', 'self.slots.release()  # it stays free: only this thread takes slots', 'pass', 'cap', 0),
    ('server', 'while not self.stopping.is_set():', 'while True:', 'books', 0),
    ('server', '        self.stopping.set()\n        super().shutdown()', '        super().shutdown()', 'books', 0),
    ('engine.books', 'self._totals["accepted"] = accepted', 'pass', 'books', 0),
    ('engine.books', '                return\n            count', '                pass\n            count', 'books', 0),
    ('engine.books', 'self._entries.pop(request, None)', 'pass', 'books', 0),
    ('engine.books', '                self._someone_left.notify_all()\n\n    def count_error', '                pass\n\n    def count_error', 'books', 0),
    ('engine.books', '            self._closed = True\n', '', 'books', 0),
    ('engine.books', 'not in self._stoppers]', 'is not None]', 'books', 0),
    ('engine.books', '            entry.thread = threading.get_ident()', '            pass', 'handler stops', 0),
    ('engine.stopping', 'self.books.leave(entry.request, "timed out")', 'pass', 'books', 0),
    ('engine.stopping', 'if thread.ident not in busy and', 'if', 'handler stops', 1),
    ('engine.stopping', '        self.shutdown()\n', '', 'books', 0),
    ('engine.accounts', 'self.books.leave(request, outcome)\n        except', 'pass\n        except', 'books', 0),
    ('engine.accounts', 'self.books.leave(request, "refused")', 'pass', 'starts', 0),
    ('engine.leading', 'self._lead.give_up(thread)', 'pass', 'dies', 0),
    ('engine.leading', '        finally:\n            self.make_way()', '        finally:\n            pass', 'lead', 0),
    ('engine.leading', '        self._lead.end()\n        super().shutdown()', '        super().shutdown()', 'computes', 0),
    ('engine.leading', 'return super().serve_forever(poll_interval)', 'super().serve_forever(poll_interval); return self._lead.end()', 'restart', 1),
    ('engine.leading', 'self._lead.start(2 * POLL_INTERVAL)', 'pass', 'lead', 0),
    ('engine.leading', '        self._lead.give_up()\n', '        pass\n', 'lead', 0),
    ('engine.lane', '            sleeper.wake.notify()', '            pass', 'lane', 1),
    ('engine.lane', '        place.over = True', '        pass', 'lane', 0),
    ('engine.lane', 'self._watcher.unregister(place.member.connection)', 'pass', 'lane', 0),
    ('engine.lane', 'while self._leader is mine and mine.stays():', 'while mine.stays():', 'lane', 0),
    ('engine.lane', 'if self._watcher and not self._watcher.get_map():', 'if self._watcher:', 'lane', 0),
    ('engine.lane', 'if self._watcher and not self._watcher.get_map():', 'if False:', 'lane', 0),
    ('engine.lane', '            place.wake.notify()\n\n    def _end', '            pass\n\n    def _end', 'lane', 0),
    ('engine.lane', 'if place.over or place.awaits_answer:', 'if place.over:', 'lane', 1),
    ('engine.lane', 'return self.busy or not self.over and self.remaining() > 0', 'return not self.over and self.remaining() > 0', 'lane', 1),
    ('engine.lane', 'return self.busy or not self.over and self.remaining() > 0', 'return self.busy or self.remaining() > 0', 'lane', 0),
    ('engine.lane', '        place.busy = True\n', '        pass\n', 'lane', 1),
    ('engine.lane', '            place.busy = False\n', '            pass\n', 'lane', 0),
    ('engine.lane', '            if self._leader is mine:\n                self._leader = None', '            if self._leader is mine:\n                pass', 'lane', 0),
    ('engine.lane', '            if self._leader is mine:\n                self._leader = None', '            if True:\n                self._leader = None', 'lane', 1),
    ('engine.lane', 'if not (stays or place.over):', 'if not stays:', 'lane', 0),
    ('engine.lane', 'self.sleeps, self.awaits_answer = True, self.busy', 'self.sleeps, self.awaits_answer = True, False', 'lane', 1),
]

#: Those that take a second to be found: they are tried on demand.
FOUND_LATE = [
    ('engine.books', 'why_not = STOPPING if self._closed else TOO_MANY if full else None', 'why_not = TOO_MANY if full else None', 'books', 1),
    ('engine.shortages', 'if self.slots.acquire(blocking=False):', 'if True:', 'books', 1),
    ('engine.leading', 'self._lead.give_to(thread)', 'pass', 'stop', 1),
]


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_every_order_keeps_the_promises(name, request):
    """With at most one disturbance, as a time-out or a change of threads that was not needed; with more on demand."""
    rooms = Rooms()
    most, seconds = (3, 300) if request.config.getoption("--explore") else (1, 60)
    states, runs, complete = explore(lambda: rooms.world(**WORLDS[name]), most, seconds)
    assert states > 100 and runs > 10
    assert complete or request.config.getoption("--explore"), (states, runs)


@pytest.mark.parametrize("number", range(len(MUTANTS + FOUND_LATE)))
def test_a_mutant_is_found(request, number):
    if number >= len(MUTANTS) and not request.config.getoption("--explore"):
        pytest.skip("it takes long to be found: --explore")
    module, old, new, name, most = (MUTANTS + FOUND_LATE)[number]
    rooms = Rooms(module, old, new)
    with pytest.raises(AssertionError):
        explore(lambda: rooms.world(**WORLDS[name]), most, 60)
