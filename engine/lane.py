"""The lane: of those who stay connected and chat, one thread answers all, while the others sleep.

With a thread a client every message wakes a thread, and Python runs one thread at a time: when a
few clients talk at once, their threads get in each other's way. In the lane the clients' threads
are leader and followers (``engine/leading.py``): one of them waits for all the connections together
and answers what comes. What is long, in pieces or late is left to the thread that its client has
anyway. (Four clients: 8 us of processor time a message instead of 13.)
"""

import contextlib
import logging
import selectors
import threading
import time

from engine.language import reason
from engine.messages import Client
from engine.replies import CHUNK, DONT_WAIT

log = logging.getLogger(__name__)

#: Messages in a row, short and without a wait, after which a client has settled in the lane; and
#: the bytes that a message may have there, its line feed counted.
SETTLED = 4
SHORT = 1024

#: What waits for many sockets and notices at once when there is one more; None where the system has
#: neither epoll nor kqueue, and so no lane (Windows).
Selector = getattr(selectors, "EpollSelector", getattr(selectors, "KqueueSelector", None))


class Lane:
    """Where the clients' threads `stay` for as long as one thread is enough for all of them.

    What is shared: all of it, changed under ``_lock``. The leader lets go of it while it waits, and
    while it answers; nobody else touches a member that is ``busy`` meanwhile.
    """

    exists_here = Selector is not None

    def __init__(self):
        self._lock = threading.Lock()
        self._watcher = None  # one exists while anybody is in the lane
        self._places = []
        self._leader = None

    def stay(self, member):
        """Have the messages of *member* answered; called in its own thread, which sleeps or leads.

        Returns when there is something for that thread to do, at the member's ``deadline`` if not
        before; at once when the system has no room for a lane. Raises what ``answer_at_once()``
        raised.
        """
        with self._lock:
            place = self._enter(member)
            try:
                while place and place.stays():
                    if self._leader is None and not place.busy:
                        self._lead(place)
                    else:
                        place.sleep()
            finally:
                self._leave(place)
                member.place = None
        if place and place.error:
            try:
                raise place.error
            finally:
                place.error = None  # which has this very frame in its traceback

    def step_aside(self, member):
        """Let another thread lead, for the answer to *member* is about to wait for something; its
        own thread goes on with it afterwards. Called by the thread that makes the answer."""
        with self._lock:
            place = member.place
            if place.busy and not place.over:
                self._end(place)
                self._leader = None
                self._call_next()

    def _enter(self, member):
        """Return a place for the *member*, None when the system has no room for one."""
        place = member.place = Place(member, self._lock)
        try:
            self._watcher = self._watcher or Selector()
            self._watcher.register(member.connection, selectors.EVENT_READ, place)
        except (OSError, KeyError) as error:  # KeyError: of one whom its service has closed already
            log.debug("No lane for now, a thread a client will do: %s.", reason(error))
            return None
        self._places.append(place)
        return place

    def _lead(self, mine):
        """Answer whoever is ready, until there is something else to do for this thread."""
        self._leader = mine
        try:
            while self._leader is mine and mine.stays():
                self._lock.release()
                try:
                    ready = self._watcher.select(mine.remaining())
                finally:
                    self._lock.acquire()
                for key, events in ready:
                    if self._leader is mine and not key.data.over:  # it may have left meanwhile
                        self._attend(key.data)
        finally:
            if self._leader is mine:
                self._leader = None

    def _attend(self, place):
        """Answer the member of *place*, without the lock."""
        place.busy = True
        self._lock.release()
        try:
            stays = place.member.answer_at_once()
        except BaseException as error:  # not this thread's: stay() raises it in the member's own
            stays, place.error = False, error
        finally:
            self._lock.acquire()
            place.busy = False
        if not (stays or place.over):
            self._end(place)
        if place.over or place.awaits_answer:
            place.wake.notify()

    def _end(self, place):
        """Give the conversation back to the member's own thread."""
        self._watcher.unregister(place.member.connection)
        self._places.remove(place)
        place.over = True

    def _leave(self, place):
        """Go on without the lane; if nobody leads there, have somebody do it."""
        if place and not place.over:
            self._end(place)
        if self._leader is None:
            self._call_next()
        if self._watcher and not self._watcher.get_map():
            self._watcher.close()
            self._watcher = None

    def _call_next(self):
        """Wake somebody to lead. (Where nobody sleeps, whoever comes back next leads.)"""
        sleeper = next((place for place in self._places if place.sleeps), None)
        if sleeper:
            sleeper.wake.notify()


class Place:
    """A member's place in the lane; hold the lane's *lock*.

    It is ``over`` when the member's own thread is to go on, because of an ``error`` or not; it is
    ``busy`` while the leader makes an answer for the member: for so long its own thread has to wait.
    ``wake`` wakes that thread while it ``sleeps``.
    """

    def __init__(self, member, lock):
        self.member = member
        self.over = self.busy = self.sleeps = self.awaits_answer = False
        self.error = None
        self.wake = threading.Condition(lock)

    def stays(self):
        """Tell whether there is nothing to do for the member's own thread."""
        return self.busy or not self.over and self.remaining() > 0

    def remaining(self):
        """Return the seconds until the member's deadline."""
        return max(0.0, self.member.deadline - time.monotonic())

    def sleep(self):
        """Wait until there may be something to do; at most until the deadline, unless ``busy``."""
        self.sleeps, self.awaits_answer = True, self.busy
        self.wake.wait(None if self.busy else self.remaining())
        self.sleeps = self.awaits_answer = False


class ClientInLane(Client):
    """A `Client` that keeps its connection open: once it has settled, it stays in the *lane* of its
    handler. ``answer`` is to be set: what is called with the messages that come there."""

    def __init__(self, handler):
        super().__init__(handler)
        self.lane = handler.lane
        self.answer = self.place = None
        self.settled = 0
        self.in_lane = False
        self.read_ahead = b""

    def receive(self):
        """As in `Client`; who has settled is answered in the lane until that ends."""
        self.deadline = time.monotonic() + self.timeout
        if self.settled >= SETTLED and not self.partial:
            self.stay()
        messages = self.receive_until_deadline()
        short = messages is not None and len(messages) < SHORT and b"\n" not in messages
        self.settled = self.settled + 1 if short else 0
        return messages

    def stay(self):
        """Be in the lane until there is something for this thread to do."""
        super().make_way()
        self.in_lane = self.waiting = True
        try:
            self.lane.stay(self)
        finally:
            self.in_lane = self.waiting = False
        if self.unsent:
            self.send_rest()
            self.deadline = time.monotonic() + self.timeout
        if not self.read_ahead:  # what came in the moment when the deadline passed still counts
            with contextlib.suppress(BlockingIOError):
                self.read_ahead = self.connection.recv(CHUNK, DONT_WAIT)

    # In the thread that leads in the lane

    def answer_at_once(self):
        """Answer what has come, if it is one short message; return whether to stay in the lane.

        Several are left to the client's own thread. Only that one may wait until the client takes
        the replies.
        """
        try:
            chunk = self.connection.recv(CHUNK, DONT_WAIT)
        except BlockingIOError:  # answered already
            return True
        message = chunk[:-1]
        if chunk.find(b"\n") != len(message) or len(chunk) > SHORT or not self.fits(message):
            self.read_ahead = chunk
            return False
        own, self.thread, self.waiting = self.thread, threading.get_ident(), False
        try:
            self.answer(message)
        finally:
            self.thread, self.waiting = own, True
        self.deadline = time.monotonic() + self.timeout
        return bool(self.settled) and not self.unsent and not self.stopping.is_set()

    def send_rest(self):
        """In the lane nobody waits: what the client does not take is left to its own thread."""
        if not self.in_lane:
            super().send_rest()

    def make_way(self):
        """As in `Client`; a conversation that waits has not settled. In the lane another thread
        leads then."""
        self.settled = 0
        super().make_way()
        if self.in_lane:
            self.lane.step_aside(self)

    # In its own thread

    def read(self):
        """As in `Client`; first what has been read in the lane."""
        chunk, self.read_ahead = self.read_ahead, b""
        return chunk or super().read()
