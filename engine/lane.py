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

    What is shared: all of it, changed under ``_lock``. The leader holds it while it answers those who
    are ready, and lets go of it while it waits; a thread that comes, or goes on, waits for that.
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
                while place and not place.over and place.remaining() > 0:
                    if self._leader is None:
                        self._lead(place)
                    else:
                        place.wake.wait(place.remaining())
            finally:
                self._leave(place)
        if place and place.error:
            try:
                raise place.error
            finally:
                place.error = None  # which has this very frame in its traceback

    def _enter(self, member):
        """Return a place for the *member*, None when the system has no room for one."""
        place = Place(member, self._lock)
        try:
            self._watcher = self._watcher or Selector()
            self._watcher.register(member.connection, selectors.EVENT_READ, place)
        except OSError as error:
            log.debug("No lane for now, a thread a client will do: %s.", reason(error))
            return None
        self._places.append(place)
        return place

    def _lead(self, mine):
        """Answer whoever is ready, until there is something else to do for this thread."""
        self._leader = mine
        try:
            while not mine.over and mine.remaining() > 0:
                self._lock.release()
                try:
                    ready = self._watcher.select(mine.remaining())
                finally:
                    self._lock.acquire()
                for key, _ in ready:
                    if not key.data.over:  # as when it has left at its deadline
                        self._attend(key.data)
        finally:
            self._leader = None

    def _attend(self, place):
        try:
            if place.member.answer_at_once():
                return
        except BaseException as error:  # not this thread's: stay() raises it in the member's own
            place.error = error
        self._end(place)
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
        if self._leader is None and self._places:
            self._places[0].wake.notify()
        if self._watcher and not self._watcher.get_map():
            self._watcher.close()
            self._watcher = None


class Place:
    """A member's place in the lane. It is ``over`` when the member's own thread, which ``wake``
    wakes, is to go on, because of an ``error`` or not."""

    def __init__(self, member, lock):
        self.member = member
        self.wake = threading.Condition(lock)
        self.over = False
        self.error = None

    def remaining(self):
        """Return the seconds until the member's deadline."""
        return self.member.deadline - time.monotonic()


class StaysInLane:
    """Mix-in for a `LineHandler` that keeps connections open: its clients settle in ``lane``."""

    lane = None

    def setup(self):
        super().setup()
        self.settled = 0
        self.in_lane = False
        self.read_ahead = b""

    def receive(self):
        """As in `MessageHandler`; who has settled is answered in the lane until that ends."""
        self.deadline = time.monotonic() + self.timeout
        if self.settled >= SETTLED and not self.partial:
            self.stay()
        block = super().receive(self.deadline)
        short = block is not None and len(block) < SHORT and b"\n" not in block
        self.settled = self.settled + 1 if short else 0
        return block

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
        if not self.read_ahead:  # the deadline may have passed: look what is there before that
            with contextlib.suppress(BlockingIOError):
                self.read_ahead = self.connection.recv(CHUNK, DONT_WAIT)

    def answer_at_once(self):
        """Answer what has come, if it is one short message; return whether to stay in the lane.

        More than one is for the client's own thread: nothing but that may wait until the client
        takes the replies.
        """
        try:
            chunk = self.connection.recv(CHUNK, DONT_WAIT)
        except BlockingIOError:  # answered already
            return True
        if not 0 < chunk.find(b"\n") + 1 == len(chunk) <= SHORT:
            self.read_ahead = chunk
            return False
        self.answer(chunk[:-1])
        self.deadline = time.monotonic() + self.timeout
        return bool(self.settled) and not self.unsent and not self.stopping.is_set()

    def read(self):
        """As in `MessageHandler`; first what has been read in the lane."""
        chunk, self.read_ahead = self.read_ahead, b""
        return chunk or super().read()

    def send_rest(self):
        """In the lane nobody waits: what the client does not take is left to its own thread."""
        if not self.in_lane:
            super().send_rest()

    def make_way(self):
        """As in `MessageHandler`; a conversation that waits has not settled.

        In the lane the others wait too, this once: then it goes on in its own thread.
        """
        self.settled = 0
        super().make_way()
