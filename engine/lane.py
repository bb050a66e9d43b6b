"""The lane: one thread that answers short messages for many clients who stay connected.

With a thread a client every message wakes a thread, and Python runs one thread at a time: when a
few clients talk at once, their threads get in each other's way. In the lane the clients' own
threads sleep, and one thread waits for all their sockets together and answers what comes (four
clients: 8 us of processor time a message instead of 13). That is what an asynchronous server does
with everything. Here it is for what is answered at once; a message that is long, in pieces or late
is left to the thread that its client has anyway.
"""

import logging
import selectors
import threading
import time

log = logging.getLogger(__name__)

#: What waits for many sockets and notices at once when there is one more; None where the system has
#: neither epoll nor kqueue, and so no lane (Windows).
Watcher = getattr(selectors, "EpollSelector", getattr(selectors, "KqueueSelector", None))

#: Seconds after which the lane's thread looks whether anybody is left in the lane.
LOOK_AGAIN = 5.0


class Lane:
    """Answers the messages of those who `stay`. It has a thread only while somebody does.

    What the lane asks of a member, which is a `LineHandler`:

    - ``connection``: its socket;
    - ``answer_at_once()``: answer what has come, if anything has, without waiting; return whether
      to stay in the lane;
    - ``deadline``: the ``time.monotonic()`` at which to leave, put off with every answer.

    What is shared, and who may wait for whom: ``_lock`` guards who is in the lane. The lane's
    thread holds it while it answers those who are ready, and waits for none of them; a member's
    own thread holds it to enter, and to make sure that it has left. In between the conversation
    belongs to the lane's thread alone, but for the deadline, which the member's own thread looks
    at. (A service that breaks its promise has all of them wait, deadlines included.)
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._selector = None  # one exists for as long as the thread does

    def stay(self, member):
        """Have the messages of *member* answered; called in its own thread, which sleeps.

        Returns when there is something for that thread to do, at the deadline if not before, and
        at once when there can be no lane now. Raises what ``answer_at_once()`` raised.
        """
        place = Place(member)
        try:
            with self._lock:
                self._enter(place)
        except (OSError, RuntimeError, MemoryError) as error:
            log.debug("No lane for now, a thread a client will do: %s.", error)
            return
        try:
            while not place.over.wait(max(0, member.deadline - time.monotonic())):
                if member.deadline <= time.monotonic():
                    break
        finally:  # however this ends, the lane must be done with the connection
            with self._lock:
                if not place.over.is_set():
                    self._leave(place)
        if place.error:
            try:
                raise place.error
            finally:
                place.error = None  # which has this very frame in its traceback

    def _enter(self, place):
        """Watch the member's socket; start the thread when there is none."""
        if self._selector is None:
            self._selector = Watcher()
            try:
                threading.Thread(target=self._run, name="lane", daemon=True).start()
            except (RuntimeError, MemoryError):
                self._selector.close()
                self._selector = None
                raise
        self._selector.register(place.member.connection, selectors.EVENT_READ, place)

    def _leave(self, place):
        """Give the conversation back to the member's own thread."""
        self._selector.unregister(place.member.connection)
        place.over.set()

    def _run(self):
        """Answer whoever is ready until nobody is in the lane; the life of its thread."""
        try:
            while True:
                ready = self._selector.select(LOOK_AGAIN)
                with self._lock:
                    for key, _ in ready:
                        self._answer(key.data)
                    if not self._selector.get_map():
                        break
        finally:  # whatever happened, nobody is left sleeping
            with self._lock:
                for key in list(self._selector.get_map().values()):
                    self._leave(key.data)
                self._selector.close()
                self._selector = None

    def _answer(self, place):
        if place.over.is_set():  # at its deadline, after select() had found it ready
            return
        try:
            stays = place.member.answer_at_once()
        except BaseException as error:  # not this thread's: stay() raises it in the member's own
            place.error = error
            stays = False
        if not stays:
            self._leave(place)


class Place:
    """A member's place in the lane: whether that is *over*, and the *error* that ended it."""

    def __init__(self, member):
        self.member = member
        self.over = threading.Event()
        self.error = None
