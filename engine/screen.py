"""The screen: what is printed and logged waits in a queue, and one thread writes it.

A screen may stand still: Ctrl+S, a click into a Windows console, a pipe that nobody reads. Then
that thread waits, and nobody else. It stands behind ``sys.stdout`` and ``sys.stderr``, so it has
whatever a service prints, the log and tracebacks, in the order in which they came.
"""

import collections
import logging
import sys
import threading

from engine.language import reason

log = logging.getLogger("server")

#: Characters that may wait. What comes while there are more is dropped, and counted.
MOST_WAITING = 1000000

#: Seconds for which lines gather after some were written: to wake a thread for each of them costs
#: those who are served more than the line does (measured: a quarter of the processor time).
GATHER = 0.01

#: Seconds without progress after which the screen stands still, at the end of the program.
PATIENCE = 0.5

NOT_SHOWN = "%d lines were not shown: the screen stood still, or was too slow."
GONE = "Standard output is gone (%s): nothing more is shown there."


class Screen:
    """The thread that writes, and what waits for it.

    What is shared is guarded by ``_lock``, but for ``_written`` and ``_gone``, which one thread
    writes. It is reentrant: Python may print a warning at any line, also in `put`, and that text is
    then put before the outer one. Nobody waits for a stream while holding it.
    """

    def __init__(self):
        self._lock = threading.RLock()
        self._came = threading.Condition(self._lock)
        self._waiting = collections.deque()  # pairs of a stream and a text
        self._size = 0  # characters of those, and of what the thread is writing
        self._dropped = 0  # lines
        self._written = 0  # texts
        self._gone = set()  # streams that take nothing any more
        self._ending = self._ended = False
        self._gathering = False  # whether the thread lets what comes gather
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)
        self._thread.start()

    def put(self, stream, text):
        """Have *text*, whole lines, written to *stream*; it never waits for that."""
        with self._lock:
            ended = self._ended
            if not ended:
                self._keep(stream, text)
        if ended:
            self._write(stream, text)

    def _keep(self, stream, text):
        """Keep *text* for the thread. The lock is held."""
        if self._dropped or self._size > MOST_WAITING:
            self._dropped += max(1, text.count("\n"))  # until all that waits is written
            return
        self._waiting.append((stream, text))
        self._size += len(text)
        if not self._gathering:
            self._came.notify()

    def end(self):
        """Have what waits written; return False when the screen stands still.

        From then on each text is written at once, by the thread that has it.
        """
        with self._lock:
            self._ending = True
            self._came.notify()
        written = -1
        while self._thread.is_alive() and written != self._written:
            written = self._written
            self._thread.join(PATIENCE)
        return not self._thread.is_alive()

    def _run(self):
        """Write what comes, until the end; the life of the thread."""
        while True:
            with self._lock:
                self._came.wait_for(lambda: self._waiting or self._ending)
                if not self._waiting:
                    self._ended = True
                    return
                texts, self._waiting = self._waiting, collections.deque()
            for stream, text in texts:
                self._write(stream, text)
                self._written += 1
            with self._lock:
                self._size -= sum(len(text) for stream, text in texts)
                dropped = 0 if self._waiting else self._dropped
                self._dropped -= dropped
            if dropped:
                log.warning(NOT_SHOWN, dropped)
            with self._lock:
                self._gathering = True
                self._came.wait_for(lambda: self._ending, GATHER)
                self._gathering = False

    def _write(self, stream, text):
        """Write *text*. Whoever read the stream may have left (``server.py | head``): that is said
        once, and the server goes on, for the clients are not to blame."""
        if stream in self._gone:
            return
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError) as error:
            self._gone.add(stream)
            if stream is sys.__stdout__:
                log.warning(GONE, reason(error))


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
