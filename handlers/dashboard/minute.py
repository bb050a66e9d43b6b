"""The last minute, second by second: messages answered, clients waiting, clients who left."""

import collections

#: Seconds that are remembered, one number each.
MINUTE = 60

#: Seconds, at most, from which it is reckoned how fast clients leave.
OF_LATE = 20

#: The outcomes of clients who were in a slot and left it.
LEFT = "served", "timed out", "gone", "failed"


class Minute:
    """What happened in each of the last seconds; the last one is under way.

    - ``messages``: how many were answered;
    - ``queue``: the most who waited at a time, None where the system does not tell;
    - ``second``: the number of the second that is under way;
    - ``eventful``: the number of the last second that is over and had something in it, if any.

    Not safe for threads: its user holds a lock.
    """

    def __init__(self):
        self.messages = collections.deque([0] * MINUTE, maxlen=MINUTE)
        self.queue = collections.deque([0] * MINUTE, maxlen=MINUTE)
        self.eventful = None
        self._left = collections.deque([0] * MINUTE, maxlen=MINUTE)
        self.second = self._all_messages = self._all_left = 0

    def count(self, uptime, messages, totals, waiting):
        """Count what came since the last time, then go on to the second of *uptime*.

        *messages* and *totals* are of all the time, *waiting* is of this moment.
        """
        left = sum(totals[outcome] for outcome in LEFT)
        self.messages[-1] += messages - self._all_messages
        self._left[-1] += left - self._all_left
        self._all_messages, self._all_left = messages, left
        self.queue[-1] = None if waiting is None else max(self.queue[-1] or 0, waiting)
        second = int(uptime)
        if second > self.second and (self.messages[-1] or self.queue[-1]):
            self.eventful = self.second
        new = [0] * min(second - self.second, MINUTE)
        for counts in self.messages, self.queue, self._left:
            counts.extend(new)
        self.second = second

    def wait(self, waiting):
        """Return the seconds, about, that the clients will wait of whom *waiting* wait now.

        It is reckoned from those who left since somebody waits. None: there is no telling.
        """
        seconds = left = 0
        for queue, gone in list(zip(self.queue, self._left))[-2:-2 - OF_LATE:-1]:
            if not queue:
                break
            seconds, left = seconds + 1, left + gone
        return round(waiting * seconds / left, 1) if waiting and left else None
