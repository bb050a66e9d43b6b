"""An explorer of orders of events: the real code runs, and every order of its threads is tried.

Real threads run, one at a time. A thread that comes to a *point*, where it is about to do what others may see,
sleeps until it is picked. Points are: before a lock is taken, a wait, an attribute that is used without its lock
(`share`), what clients do. (Not to release a lock: no other thread can tell what follows from what came before.)
A wait with a time-out may time out at any moment, and the clock then stands at its end; when nobody can move but
so, the one that ends first does. Each time-out before that, and each change to another thread from one that could
go on, is a *disturbance*: of too many orders those with few of them are tried (Musuvathi and Qadeer, "Iterative
Context Bounding", 2007). To go back is to run again from the start. A run ends in a state that was there before:
where each thread stands, its variables, all that the world holds. (Not what no variable has: how far a loop is.)
"""

import _thread
import collections
import inspect
import io
import math
import pickle
import select
import selectors
import socket
import threading
import time
import types

OURS = {"server", "engine", "socketserver", "threading", "explorer", "test_explorer"}  # theirs make a state
idle = []  # the locks of real threads that have nothing to do: to start one takes as long as a short run


class Over(BaseException):
    """Ends a run, and all its threads; with a *problem* because a promise was broken."""

    def __init__(self, problem=None):
        run.over, run.problem = True, run.problem or problem


class Thread:
    """Stands for `threading.Thread`: goes on when it is picked. ``turn`` is the lock that it sleeps on."""

    alive, way, ways, deadline, frame, ready = False, 0, 1, None, None, staticmethod(lambda: True)

    def __init__(self, group=None, target=None, name=None, args=(), kwargs=None, daemon=None):
        self.target, self.args, self.name = target, args, name or target.__name__
        run.threads.append(self)
        self.number = self.ident = len(run.threads)

    def start(self):
        run.world.starts(self)
        self.alive, self.turn = True, idle.pop() if idle else _thread.allocate_lock()
        if self.turn.acquire(False):  # a new one
            _thread.start_new_thread(carry, (self.turn,))

    def live(self):
        try:
            if not run.over:
                self.target(*self.args)
                run.world.ends(self)
        except (Over, SystemExit):
            pass
        except BaseException as error:
            Over("{} died: {!r}".format(self.name, error))
        self.alive = False
        idle.append(self.turn)
        run.pick().release()

    def is_alive(self):
        return self.alive

    def join(self, timeout=None):
        point(lambda: not self.alive, timeout)

    def __hash__(self):
        return self.number  # so a set of threads has the same order in every run


def carry(turn):  # what a real thread does: it runs one Thread after another
    while True:
        turn.acquire()
        run.current.live()


class Run:
    """A run of the threads of a new world: first the moves *path*, then others, at most *left* disturbances, as
    long as they lead to states not *seen* before. What could happen instead is added to what is *todo*.
    Afterwards ``problem`` says which promise was broken, if any; without *seen*, ``story`` says how."""

    def __init__(self, make, path, left=0, seen=None, todo=None):
        global run
        run, outside, self.path, self.left, self.seen, self.todo = self, run, path, left, seen, todo
        self.now, self.done, self.over, self.problem, self.current = Moment(1000), 0, False, None, None
        self.threads, self.story, self.numbers, self.end = [], [], iter(range(999)), _thread.allocate_lock()
        self.world = make()
        self.world.begin()
        self.end.acquire()
        self.pick().release()
        self.end.acquire()
        for self.current in self.threads:
            if self.current.alive:  # it ends by Over
                self.current.turn.release()
                self.end.acquire()
        run = outside

    def pick(self):
        """Choose who goes on; return the lock on which it sleeps: ``end`` when the run is over."""
        if self.done == len(self.path) and not self.over:
            self.decide()
        if self.over:
            return self.end
        number, way, disturbs = self.path[self.done]
        self.current, self.done = self.threads[number - 1], self.done + 1
        self.current.way = way
        if way is None:  # its wait times out
            self.now = max(self.now, self.current.deadline)
        if self.seen is None:
            frames = inspect.getouterframes(self.current.frame, 0)[:-2] if self.current.frame else []
            self.story.append("{} {} {}: {}".format(self.current.name, number, "times out" if way is None else way,
                                                    [(each.function, each.lineno) for each in frames]))
        return self.current.turn

    def decide(self):
        """Add a move to the path: a thread's number, its way on, whether that disturbs; or end the run."""
        alive = [each for each in self.threads if each.alive]
        ready = [each for each in alive if each.ready()]
        late = sorted([each for each in alive if each.deadline and each not in ready], key=lambda each: each.deadline)
        free = [self.current] if self.current in ready else ready or late[:1]
        moves = [(each.number, way, int(each not in free)) for each in ready for way in range(each.ways)]
        moves += [(each.number, None, int(each not in free)) for each in late]
        moves = sorted([move for move in moves if move[2] <= self.left], key=lambda move: move[2])
        if not ready and not (late and late[0].deadline <= self.now):
            last, self.current = self.current, None  # nothing is a point in what it looks at
            self.problem, self.current = self.world.stable(alive), last
        state = hash(self.state(alive))
        if not moves or self.problem or self.seen is None or self.seen.get(state, -1) >= self.left:
            self.over = True
        else:
            self.seen[state] = self.left
            self.todo += [(self.path + [move], self.left - move[2]) for move in moves[1:]]
            self.path, self.left = self.path + moves[:1], self.left - moves[0][2]

    def state(self, alive):
        """Return all that decides what can happen from now on, as bytes."""
        state = [self.world, self.left == math.inf or self.current and self.current.number]
        for thread in alive:
            state += thread.number, bool(thread.ready()), thread.deadline
            frame = thread.frame
            while frame and frame.f_code is not Thread.live.__code__:
                state += id(frame.f_code), frame.f_lasti, [*frame.f_locals.values()]
                frame = frame.f_back
        file = io.BytesIO()
        State(file, pickle.HIGHEST_PROTOCOL).dump(state)
        return file.getvalue()


class Moment(float):
    """A time by the explorer's clock. In a state it counts from now, and those that are over are all the same."""

    def __add__(self, seconds):
        return Moment(float(self) + seconds)


class State(pickle.Pickler):
    """Writes down what tells a state from others. Of objects of foreign modules only the kind counts."""

    def reducer_override(self, value):
        kind = type(value)
        if kind is type:
            return NotImplemented if value.__module__ == "builtins" else (str, (value.__name__,))
        if kind is Thread:
            return int, (value.number,)
        if kind is Moment:
            return float, (max(0, round(value - run.now, 3)),)
        if isinstance(value, (tuple, collections.deque)):
            return str, (kind.__name__,), list(value)
        if kind.__module__.split(".")[0] in OURS:
            return str, (kind.__name__,), vars(value) if hasattr(value, "__dict__") else [
                getattr(value, name) for name in kind.__slots__]
        return str, (kind.__name__,)


def point(ready=lambda: True, seconds=None, ways=1):
    """What a thread calls before it does what others may see. It goes on when *ready* () is true, in one of as
    many *ways*, whose number is returned; or after *seconds*, if they are not None, and None is returned."""
    this, me = run, run.current
    if this.over:
        raise Over
    if me:
        me.ready, me.ways, me.frame = ready, ways, inspect.currentframe().f_back
        me.deadline = None if seconds is None else this.now + seconds
        turn = this.pick()
        if turn is not me.turn:
            turn.release()
            me.turn.acquire()
            if this.over:
                raise Over
        return me.way


def share(kind, name, lock=None):
    """Make each use of an attribute of objects of this *kind* a point for who does not hold their *lock*."""
    def attributes(owner):
        if not (lock in vars(owner) and vars(owner)[lock]._is_owned()):
            point()
        return vars(owner)
    setattr(kind, name, property(lambda owner: attributes(owner)[name],
                                 lambda owner, value: attributes(owner).update({name: value})))


class Lock:
    """Stands for `threading.Lock`. To take a free one that is ``private`` is no point."""

    owner, private = None, False

    def acquire(self, blocking=True, timeout=-1):
        if blocking and (self.owner or not self.private):
            point(lambda: not self.owner, None if timeout < 0 else timeout)
        if self.owner:
            return False
        self.owner = run.current
        return True

    def release(self, *error):
        if run.current and not (self.owner or run.over):
            raise RuntimeError("release unlocked lock")
        self.owner = None

    __enter__, __exit__, locked = acquire, release, lambda self: bool(self.owner)

    def _is_owned(self):
        return run.over or self.owner is run.current


class Socket:
    """Stands for a socket: one that listens, with its ``backlog``, or one to which ``inbox`` messages have come."""

    def __init__(self, *details):
        self.backlog, self.inbox, self.shut, self.number = [], 0, 0, next(run.numbers)

    def has_input(self):
        return self.backlog or self.inbox or self.shut

    def accept(self):
        point()
        if self.shut or not self.backlog:
            raise OSError if self.shut else BlockingIOError
        return self.backlog.pop(0), ("127.0.0.1", 50000)

    def shutdown(self, how):
        point()
        self.shut = max(self.shut, 1 + how)

    def close(self):
        self.shut, self.number = 1 + socket.SHUT_RDWR, -1

    def fileno(self):
        return self.number

    setblocking = send = recv = lambda self, *details: None  # what is sent comes to nobody


class Selector(selectors._BaseSelectorImpl):
    """Stands for an epoll selector: what it watches may change while somebody waits in it."""

    def select(self, timeout=None):
        return wait(lambda: [(key, 1) for key in self._fd_to_key.values()
                             if getattr(key.fileobj, "socket", key.fileobj).has_input()], timeout)


def wait(ready, seconds):
    run.world.waits()
    point(ready, seconds)
    run.world.goes_on()
    return ready()


def models():
    """Return name -> module: what stands for Python's. Its own conditions, events, semaphores get our locks."""
    names = dict(vars(threading), Lock=Lock, Thread=Thread, _allocate_lock=type("Pillow", (Lock,), {"private": True}),
                 _time=lambda: run.now, current_thread=lambda: run.current, get_ident=lambda: run.current.ident)
    for name in "Condition", "Event", "Semaphore":
        exec(inspect.getsource(names[name]), names)
    share(names["Event"], "_flag", "_cond")
    changes = {threading: names, time: {"monotonic": names["_time"]}, socket: {"socket": Socket},
               select: {"select": lambda read, write, other, seconds: [
                   wait(lambda: [each for each in read if each.has_input()], seconds)]},
               selectors: dict.fromkeys(["PollSelector", "SelectSelector", "EpollSelector"], Selector)}
    return {each.__name__: types.SimpleNamespace(**dict(vars(each), **changes[each])) for each in changes}


def explore(make, most=math.inf, seconds=math.inf):
    """Try every order with at most so many disturbances, for at most *seconds*. Return the numbers of states and
    of runs, and whether that were all. Raises AssertionError with what led to a broken promise."""
    seen, todo, runs, ends = {}, [([], most)], 0, time.monotonic() + seconds
    while todo and time.monotonic() < ends:
        this = Run(make, *todo.pop(), seen, todo)
        runs += 1
        assert not this.problem, "\n".join([this.problem, *Run(make, this.path).story])
    return len(seen), runs, not todo


run = types.SimpleNamespace(threads=[], over=False, now=Moment(), current=None)  # outside of one there are no points
