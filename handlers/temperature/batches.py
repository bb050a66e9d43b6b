"""What goes from the threads of the clients to the consumer, and the queue for it."""

import collections
import queue

from engine.conditions import SureCondition

NOT_PROCESSED = "the reading could not be processed: the server's log says why"


class Item:
    """A reading on its way, or the question whether all before it is recorded.

    - ``reading``: a `Reading`; None for the question;
    - ``arrived``: when it came, in seconds since 1970;
    - ``waiter``: a SimpleQueue for somebody who waits for the outcome, or None;
    - ``sender``: the address of the client;
    - ``outcome``: None when all is well, else what the problem is.
    """

    __slots__ = "reading", "arrived", "waiter", "sender", "outcome"

    def __init__(self, reading, arrived, waiter=None, sender=None):
        self.reading = reading
        self.arrived = arrived
        self.waiter = waiter
        self.sender = sender
        self.outcome = NOT_PROCESSED if reading else None  # until it is


class BatchQueue(queue.Queue):
    """A Queue of which everything that waits is taken at once: one lock for all of it.

    ``taken`` has what was taken, in order. It belongs to the one thread that takes.
    """

    def __init__(self, maxsize):
        super().__init__(maxsize)
        self.not_empty = SureCondition(self.mutex)
        self.not_full = SureCondition(self.mutex)
        self.all_tasks_done = SureCondition(self.mutex)
        self.taken = collections.deque()

    def take(self):
        """Let ``taken``, which is empty, be everything that waits; wait until there is something.

        When that fails, for lack of memory say, nothing is lost.
        """
        with self.not_empty:
            while not self.queue:
                self.not_empty.wait()
            self.not_full.notify_all()  # who waits for room goes on when this lock is free
            self.taken, self.queue = self.queue, collections.deque()
