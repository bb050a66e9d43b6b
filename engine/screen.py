"""The screen: what is printed and logged waits in a queue, and one thread writes it.

A screen may stand still: Ctrl+S, a click into a Windows console, a pipe that nobody reads. Then
that thread waits, and nobody else. It stands behind ``sys.stdout`` and ``sys.stderr``, so it has
whatever a service prints, the log and tracebacks, in the order in which they came.
"""

import collections
import logging
import math
import sys
import threading
import time

from engine.language import reason

log = logging.getLogger("server")

#: Characters that may wait. What comes while there are more is dropped, and counted.
MOST_WAITING = 1000000

#: Seconds for which lines gather after some were written: to wake a thread for each of them costs
#: those who are served more than the line does (measured: a quarter of the processor time).
GATHER = 0.01

#: Seconds without progress after which the screen stands still, at the end of the program.
PATIENCE = 0.5

#: Seconds, unless it is said otherwise, that a slow screen has for what waits at the end of the
#: program. The rest is dropped, for a stop has its limit, and its last word is to be seen.
LAST_CALL = 2.0

SLOW = "%d lines were not shown: the screen stood still, or was too slow."
BROKEN = "%d line(s) were not shown: writing them failed (%s)."
LATE = "%d line(s) were not shown: the program was ending."
GONE = "Standard output is gone (%s): nothing more is shown there."


class Screen:
    """The thread that writes, and what waits for it.

    What is shared is guarded by ``_lock``, but for ``_written`` and ``_gone``, which one thread
    writes. It is reentrant: Python may print a warning at any line, also in `put`, and that text is
    then put before the outer one. Nobody waits for a stream while holding it.

    At any line there may be no memory. So a text is kept, or taken, in one step; the size may be
    too small then, until it is reckoned anew. The thread goes on: it has lost the text at hand, and
    counts it.
    """

    def __init__(self):
        self._lock = threading.RLock()
        self._came = threading.Condition(self._lock)
        self._waiting = collections.deque()  # pairs of a stream and a text
        self._texts = collections.deque()  # those of them that the thread has taken
        self._size = 0  # characters of all these, before they are written
        self._missed = Missed(self._lock)
        self._dropping = False  # whether what comes is dropped, until nothing waits any more
        self._written = 0  # texts
        self._seen = -1  # of those, when end() looked
        self._gone = set()  # streams that take nothing any more
        self._before = set(threading.enumerate())
        self._left_behind = set()  # threads started since then that nobody could end
        self._deadline = math.inf  # of the end
        self._ending = self._ended = False
        self._gathering = False  # whether the thread lets what comes gather
        self._at_hand = None  # the one that it is writing
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)
        self._thread.start()

    def put(self, stream, text):
        """Have *text*, whole lines, written to *stream*; it never waits for that."""
        with self._lock:
            if self._ending and self._is_late():
                return self._missed.add(LATE, text)
            if not self._ended:
                return self._keep(stream, text)
        self._write(stream, text)

    def _is_late(self):
        """Tell whether what the thread that asks puts, now that the end has come, is dropped."""
        me = threading.current_thread()
        return me in self._left_behind if self._ended else me is not self._thread

    def _keep(self, stream, text):
        """Keep *text* for the thread. The lock is held."""
        self._dropping = self._dropping or self._size > MOST_WAITING
        if self._dropping:
            return self._missed.add(SLOW, text)
        if not self._gathering:
            self._came.notify_all()  # it is one; but a wait that failed may have left its mark
        self._waiting.append((stream, text))
        self._size += len(text)

    def end(self, seconds=LAST_CALL):
        """Have written what waits now, as far as that takes at most *seconds* seconds; return False
        when the screen stands still.

        What comes meanwhile is dropped, and counted. From then on each text is written at once, by
        the thread that has it. Of threads that were started after the screen and are still there,
        such as those of clients that were cut off, nothing is shown any more.
        """
        started = set(threading.enumerate()) - self._before
        with self._lock:
            if not self._ending:
                self._left_behind = started - {threading.current_thread(), self._thread}
                self._deadline = time.monotonic() + seconds
                self._ending = True
                self._came.notify_all()
        while self._thread.is_alive() and self._seen != self._written:
            self._seen = self._written
            self._thread.join(PATIENCE)
        return not self._thread.is_alive()

    # In the thread

    def _run(self):
        """Write what comes, until the end: the life of the thread, which nothing else ends."""
        while not self._ended:
            try:
                with self._lock:
                    if self._at_hand:
                        self._missed.add(BROKEN, self._at_hand[1])
                        self._at_hand = None
                if self._ending:
                    self._finish()
                else:
                    self._go_on()
            except Exception as error:  # no memory, most likely: the next turn tells of it
                self._missed.error = error
                time.sleep(GATHER)

    def _go_on(self):
        """Wait for texts, write them, and let others gather for a moment."""
        with self._lock:
            self._gathering = False
            self._came.wait_for(lambda: self._texts or self._waiting or self._missed or self._ending)
        self._write_texts()
        with self._lock:
            self._size = sum(len(text) for stream, text in self._waiting)
            self._dropping = self._dropping and bool(self._waiting)
        if not (self._dropping or self._ending):
            self._missed.tell()
        with self._lock:
            self._gathering = True
            self._came.wait_for(lambda: self._ending, GATHER)

    def _finish(self):
        """Write what waits, and how many lines were missed. Nothing comes any more but that."""
        while self._texts or self._waiting:
            self._write_texts()
        self._deadline, self._dropping = math.inf, False
        self._missed.tell()
        while self._texts or self._waiting:
            self._write_texts()
        with self._lock:
            self._ended = True

    def _write_texts(self):
        """Write the texts that wait now, or those that an error has left of them."""
        with self._lock:
            if not self._texts:
                self._texts, self._waiting = self._waiting, collections.deque()
        while self._texts and time.monotonic() < self._deadline:
            self._at_hand = self._texts.popleft()
            self._write(*self._at_hand)
            self._at_hand = None
            self._written += 1
        with self._lock:
            while self._texts:  # there is no time for them
                self._missed.add(LATE, self._texts[0][1])
                self._texts.popleft()

    def _write(self, stream, text):
        """Write *text*. Whoever read the stream may have left (``server.py | head``): that is said
        once, and the server goes on, for the clients are not to blame."""
        if stream in self._gone:
            return
        try:
            stream.write(text)
            stream.flush()
        except MemoryError:
            raise  # that passes
        except Exception as error:  # OSError or ValueError, if it is a stream of Python's
            self._gone.add(stream)
            if stream is sys.__stdout__:
                log.warning(GONE, reason(error))


class Missed:
    """How many lines were not shown, and why. Guarded by the *lock*; `add` is called with it held."""

    def __init__(self, lock):
        self._lock = lock
        self._lines = {SLOW: 0, BROKEN: 0, LATE: 0}
        self.error = None  # the latest that kept the thread from writing

    def __bool__(self):
        return any(self._lines.values())

    def add(self, why, text):
        """Count the lines of *text*; one that has no end counts, too."""
        self._lines[why] += max(1, text.count("\n"))

    def tell(self):
        """Log how many there are; from then on they are not."""
        for why, lines in list(self._lines.items()):
            if lines:
                log.warning(why, lines, *[reason(self.error)] if why is BROKEN else [])
                with self._lock:
                    self._lines[why] -= lines


class Lines:
    """Stands in place of a *stream*, and hands each line whole to the *screen*, whatever pieces
    its thread writes it in."""

    def __init__(self, stream, screen):
        self._stream = stream
        self._screen = screen
        self._mine = threading.local()

    def write(self, text):
        """Take *text*; return how many characters those are, as streams do."""
        begun = getattr(self._mine, "begun", "") + text
        whole, end, self._mine.begun = begun.rpartition("\n")
        if end:
            self._screen.put(self._stream, whole + end)
        return len(text)

    def flush(self):
        """Hand over also a line that has no end yet."""
        begun, self._mine.begun = getattr(self._mine, "begun", ""), ""
        if begun:
            self._screen.put(self._stream, begun)

    def __getattr__(self, name):
        return getattr(self._stream, name)
