"""Signals: Ctrl+C stops the program gracefully, a second one at once, and a stop has its limit."""

import logging
import os
import queue
import signal
import threading
import time

log = logging.getLogger("server")

#: Seconds after which a stop that has not ended ends all the same, as when a disk stands still.
STOP_LIMIT = 4.5

#: Seconds that one wait may last: on Windows a Ctrl+C is not noticed in it, only after it.
POLL_INTERVAL = 0.5

#: Ctrl+C, the system's request to end, the end of the terminal, and Ctrl+Break (Windows).
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
                if hasattr(signal, name)]

#: What Windows says when the console's window is closed, the user logs off, the system ends
#: (https://learn.microsoft.com/windows/console/handlerroutine); 5 s later it ends the program.
CONSOLE_ENDS = 2, 5, 6

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
        self._caught = [each for each in STOP_SIGNALS
                        if signal.getsignal(each) != signal.SIG_IGN]  # nohup, and & in a script
        for caught in self._caught:
            signal.signal(caught, self._first)
        if os.name == "nt":
            self._watch_the_console()

    def wait(self):
        """Wait, without using the processor, until a signal has come."""
        while True:
            try:
                return self._received.get(timeout=POLL_INTERVAL)
            except queue.Empty:
                continue  # the wait is cut up for Windows

    def _first(self, signum, frame):
        for caught in self._caught:
            signal.signal(caught, self._second)
        self._begin(signum)

    def _begin(self, reason):
        for waiting in (self._received, *self._limits):
            waiting.put(reason)

    def _second(self, signum, frame):
        os._exit(1)

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
