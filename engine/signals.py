"""Signals: Ctrl+C stops the program gracefully, a second one at once, and a stop has its limit."""

import logging
import os
import queue
import signal
import threading
import time

log = logging.getLogger("server")

#: Seconds after which a stop that has not ended ends all the same, as when nobody takes our output.
STOP_LIMIT = 4.5

#: Seconds that one wait may last: on Windows a Ctrl+C is not noticed in it, only after it.
POLL_INTERVAL = 0.5

#: Ctrl+C, the system's request to end, and Ctrl+Break where there is one (Windows).
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK")
                if hasattr(signal, name)]

TOO_SLOW = "Could not stop in time; stopped at once."


class StopSignals:
    """Catches the signals that stop the program, from now on; to be made in the main thread.

    The first one makes `wait` return, and from then on the program has STOP_LIMIT seconds to end.
    The second one ends it at once, with exit status 1. Nothing else is interrupted.

    The queues are SimpleQueues: their ``put`` may interrupt their own ``get``, as a signal handler
    does. The threads that watch over the limit are started now: when they are needed there may be
    no threads to be had. One says so, another ends the program, for saying it may block as well.
    """

    def __init__(self):
        self._received = queue.SimpleQueue()
        self._limits = []
        self._limit(STOP_LIMIT, log.error, TOO_SLOW)
        self._limit(STOP_LIMIT + 0.2, os._exit, 1)
        for caught in STOP_SIGNALS:
            signal.signal(caught, self._first)

    def wait(self):
        """Wait, without using the processor, until a signal has come."""
        while True:
            try:
                return self._received.get(timeout=POLL_INTERVAL)
            except queue.Empty:
                continue  # the wait is cut up for Windows

    def _first(self, signum, frame):
        for caught in STOP_SIGNALS:
            signal.signal(caught, self._second)
        for waiting in (self._received, *self._limits):
            waiting.put(signum)

    def _second(self, signum, frame):
        os._exit(1)

    def _limit(self, seconds, act, *arguments):
        """Have a thread *act* when so many seconds have passed since the first signal."""
        begins = queue.SimpleQueue()
        self._limits.append(begins)

        def watch():
            begins.get()
            time.sleep(seconds)
            act(*arguments)
        threading.Thread(target=watch, name="limit", daemon=True).start()


def load_what_threads_need():
    """Let one thread end while there are descriptors to be had.

    The C library loads something from a file when the first thread ends, and where it cannot,
    ends the program (glibc's pthread_exit and libgcc_s; Python 3.8 under Linux).
    """
    thread = threading.Thread(name="first", daemon=True)
    thread.start()
    thread.join()
