"""Signals: Ctrl+C stops the program gracefully, a second one at once, and a stop has its limit."""

import contextlib
import faulthandler
import functools
import logging
import os
import queue
import signal
import threading
import time

log = logging.getLogger("server")

#: Seconds after which a stop that has not ended ends all the same, as when a disk stands still.
STOP_LIMIT = 4.5

#: Seconds for saying that; if need be the same again for ending by other means.
TO_SAY_SO = 0.2

#: Seconds after the first signal within which a further one is its *twin*: a terminal that is closed
#: sends SIGHUP from the system and from the shell, GNU ``timeout`` sends SIGTERM to the program and
#: then to its group. The twin of a Ctrl+C (``timeout -s INT``) comes sooner than anybody types.
TWIN = 1.0
TYPED_TWIN = 0.1

#: Seconds that one wait may last: on Windows a Ctrl+C is not noticed in it, only after it.
POLL_INTERVAL = 0.5

#: Seconds to wait when there was no memory for something that has to be done.
MOMENT = 0.1

#: Ctrl+C, the system's request to end, the end of the terminal, and Ctrl+Break (Windows).
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
                if hasattr(signal, name)]

#: Those that people type.
TYPED = {getattr(signal, name) for name in ("SIGINT", "SIGBREAK") if hasattr(signal, name)}

#: The name of the threads that sleep until the limit is reached.
LIMIT = "limit"

#: What Windows says when the console's window is closed, the user logs off, the system ends
#: (https://learn.microsoft.com/windows/console/handlerroutine); 5 s later it ends the program.
CONSOLE_ENDS = 2, 5, 6

TOO_SLOW = "Could not stop in time; stopped at once."


class StopSignals:
    """Catches the signals that stop the program, from now on; to be made in the main thread.

    The first one makes `wait` return, and from then on the program has STOP_LIMIT seconds to end.
    A second one that is no twin of the first ends it at once, with exit status 1. Nothing else is
    interrupted.

    The queues are SimpleQueues: their ``put`` may interrupt their own ``get``, as a signal handler
    does. Three watch over the limit. A thread says so; another one ends the program, for saying it
    may block as well. They are started now: when they are needed there may be no threads to be
    had. And faulthandler's, begun by the signal, needs no Python to end the program: it does so
    where no other thread can run (Python without the GIL may stand still while it ends).
    """

    def __init__(self):
        self._received = queue.SimpleQueue()
        self._limits = []
        self._limit(STOP_LIMIT, log.error, TOO_SLOW)
        self._limit(STOP_LIMIT + TO_SAY_SO, os._exit, 1)
        self._nowhere = os.open(os.devnull, os.O_WRONLY)  # for what faulthandler tells
        self._first = None  # the time.monotonic() of the first signal
        caught = [each for each in STOP_SIGNALS
                  if signal.getsignal(each) != signal.SIG_IGN]  # nohup, and & in a script
        for signum in caught:
            signal.signal(signum, self._come)
        if os.name == "nt":
            self._watch_the_console()

    def wait(self):
        """Wait, without using the processor, until a signal has come."""
        while True:
            try:
                return self._received.get(timeout=POLL_INTERVAL)
            except (queue.Empty, MemoryError):  # it may be the signal handler that had no memory
                continue  # the wait is cut up for Windows

    def time_left(self):
        """Return the seconds that a stop still has; all of them before it has begun."""
        return STOP_LIMIT - (0.0 if self._first is None else time.monotonic() - self._first)

    def _come(self, signum, frame):
        """Take a signal. Another one may interrupt this: then both are the first."""
        if self._first is None:
            self._begin(signum)
        elif is_meant(signum, time.monotonic() - self._first):
            os._exit(1)

    def _begin(self, reason):
        now = time.monotonic()
        for waiting in (self._received, *self._limits):
            waiting.put(reason)
        with contextlib.suppress(RuntimeError):  # no thread for it
            faulthandler.dump_traceback_later(STOP_LIMIT + 2 * TO_SAY_SO, exit=True, file=self._nowhere)
        self._first = now

    def _watch_the_console(self):
        """Stop when the console ends. Windows calls this in a thread of its own, and ends the
        program as soon as that returns: so it waits, until the program ends by itself."""
        import ctypes

        def ends(event):
            if event not in CONSOLE_ENDS:
                return False
            self._begin(event)
            while True:
                time.sleep(STOP_LIMIT)
        self._ends = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(ends)  # it must outlive us
        ctypes.windll.kernel32.SetConsoleCtrlHandler(self._ends, True)

    def _limit(self, seconds, act, *arguments):
        """Have a thread *act* when *seconds* seconds have passed since the first signal."""
        begins = queue.SimpleQueue()
        self._limits.append(begins)
        steps = begins.get, functools.partial(time.sleep, seconds), functools.partial(act, *arguments)
        threading.Thread(target=insist, args=steps, name=LIMIT, daemon=True).start()


def is_meant(signum, seconds):
    """Tell whether a signal is meant that comes *seconds* seconds after the first one: else it is the
    first one's twin."""
    return seconds >= (TYPED_TWIN if signum in TYPED else TWIN)


def insist(*steps):
    """Do these *steps* one after the other, each again and again as long as there is no memory for
    it."""
    for step in steps:
        while True:
            try:
                step()
                break
            except MemoryError:
                time.sleep(MOMENT)


def load_what_threads_need():
    """Let one thread end while there are descriptors to be had.

    The C library loads something from a file when the first thread ends, and where it cannot,
    ends the program (glibc's pthread_exit and libgcc_s; Python 3.8 under Linux).
    """
    thread = threading.Thread(name="first", daemon=True)
    thread.start()
    thread.join()
