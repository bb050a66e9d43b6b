"""The lookout: what goes wrong in a running service without a word is seen from outside, and said.

A ``reply()`` that does not come back, a thread that died, a file that has changed. A thread looks
every two seconds; those who serve clients do nothing for it.
"""

import contextlib
import logging
import threading
import time

from engine.calls import Call, by_code, calls_now, sentence
from engine.changes import Changes
from engine.deaths import deaths_told
from engine.language import _
from engine.support import Word

log = logging.getLogger("server")

#: Seconds between two looks, and those after which a call of a service is called stuck.
INTERVAL = 2.0
STUCK_AFTER = 10.0

CHANGED = "%s has changed since the start: start the server again to use it."
CUT_OFF = "%d client(s) were cut off: reply() was still at work, as on %r: %s"
WAITS_FOR_IT = "{told}. Perhaps it waits for the thread in {name}(), which has died."


class Lookout:
    """Looks out, in a ``with`` statement, for what goes wrong in the service of a *server* with books.

    ``stuck`` has a sentence for each function in which calls are stuck: a list that is never changed, but
    replaced. All else belongs to the lookout's thread.
    """

    def __init__(self, server):
        self._books = server.books
        self._seen = {}  # entries in work at the last look -> how many messages had been answered
        self._calls = {}  # ident of a thread -> the Call that it was in at the last look
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)
        self._stack = contextlib.ExitStack()
        self._deaths = []
        self.stuck = []

    def __enter__(self):
        self._deaths = self._stack.enter_context(deaths_told())
        self._changes = Changes()
        with contextlib.suppress(RuntimeError):  # there is no thread for it: then nobody looks
            self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._stack.close()

    def cut_off(self):
        """Log the calls that are still at work after a stop, which has cut their clients off; return how many."""
        groups = by_code(Call(*found, 0) for found in calls_now().values())
        for calls in groups:
            log.warning(CUT_OFF, len(calls), calls[0].message()[:200], calls[0].place())
        return sum(map(len, groups))

    # In the thread

    def _run(self):
        while not self._ended.wait(INTERVAL):
            with contextlib.suppress(MemoryError):  # the next look may have some
                self.look(time.monotonic())
                for file in self._changes.news():
                    log.warning(CHANGED, file)

    def look(self, now):
        """See which calls have been at work since an earlier look, and log those that are stuck."""
        calls = {}
        for thread, found in calls_now(self._suspects()).items():
            call = calls[thread] = Call(*found, now)
            before = self._calls.get(thread)
            if before and before.frame is call.frame:
                call.since, call.told = before.since, before.told
        self._calls = calls
        stuck = [call for call in calls.values() if now - call.since >= STUCK_AFTER]
        self.stuck = [self._tell(group, now) for group in by_code(stuck)]

    def _suspects(self):
        """Return the threads whose clients were in work at the last look, too, and have had no reply
        since. Only these are looked into: what another thread runs changes while it is read."""
        before, self._seen = self._seen, {}
        threads = set()
        for entry in self._books.entries():
            if entry.doing().word == Word.IN_WORK:
                self._seen[entry] = entry.client.answered
                if before.get(entry) == entry.client.answered:
                    threads.add(entry.client.thread or entry.thread)
        return threads

    def _tell(self, calls, now):
        """Return what is to be said of *calls* that are stuck in one code; log it if one is new."""
        told = sentence(calls, now)
        if self._deaths:
            told = _(WAITS_FOR_IT).format(told=told, name=self._deaths[-1])
        if not all(call.told for call in calls):
            log.warning("%s", told)
        for call in calls:
            call.told = True
        return told
