"""Processes: what is computed is computed by interpreters of their own, while the threads here wait.

Python with a GIL runs one thread at a time: threads that compute take turns. A process has a GIL of
its own. It costs some 50 ms and 10 MB to start, so a few are started once, a *pool*, and work for all.
They are started anew, not forked, on every system: a fork copies locks that other threads hold. So
each imports `server.py` again, which does nothing when it is imported.
"""

import contextlib
import logging
import os
import signal
import threading

from engine.effort import Computation
from engine.errors import CannotStart
from engine.language import _, reason

log = logging.getLogger("server")

#: Seconds after which a thread that waits for a process looks whether the server is stopping.
POLL_INTERVAL = 0.25

#: How often something is computed again, because its process died, before it is computed here.
ATTEMPTS = 3

CANNOT_START = "cannot start processes ({reason}). Leave out --processes."
DIED = "A process that computed has died; others are started, and compute it again."
COMPUTED_HERE = "Processes die again and again: this is computed without them."


@contextlib.contextmanager
def in_processes(handler, number):
    """Have what the class *handler* computes for every message computed by a *number* of processes, in
    the ``with`` statement; 0: by the threads, as usual. Raises `CannotStart`."""
    if not number:
        yield
        return
    with contextlib.closing(Pool(handler.compute, number)) as handler.compute:
        yield


class Pool:
    """A *computation* that processes do, as many of them as *number* at a time. It stands in the place
    of a `Computation`.

    What is shared: ``_executor``, replaced under ``_lock`` when a process of it has died; to read it is
    whole. ``_stop`` is memory that the processes share, of one byte, which is set once.
    """

    def __init__(self, computation, number):
        from concurrent import futures  # not above: it takes as long as all rooms together
        from multiprocessing import get_context
        self._futures, self._context = futures, get_context("spawn")
        self._computation, self._number = computation, number
        self._stop = self._context.RawValue("b", 0)
        self._lock = threading.Lock()
        try:
            self._executor = self._start()
        except (OSError, futures.BrokenExecutor) as error:
            raise CannotStart(_(CANNOT_START).format(reason=reason(error))) from None

    def run(self, stopping):
        """Have it computed, not much longer than until the event *stopping* is set."""
        for attempt in range(ATTEMPTS):
            executor = self._executor
            try:
                return self._wait(executor.submit(work, self._computation), stopping)
            except (self._futures.BrokenExecutor, OSError):
                self._replace(executor, stopping)
            except RuntimeError:  # it is closed
                return None
        if not stopping.is_set():
            log.warning(COMPUTED_HERE)
        return self._computation.run(stopping)

    def close(self):
        """End the processes. What they compute is cut short."""
        self._stop.value = 1
        self._executor.shutdown()

    def _wait(self, future, stopping):
        """Wait until it is computed, or cut short because the server stops."""
        while True:
            try:
                return future.result(POLL_INTERVAL)
            except self._futures.TimeoutError:
                if stopping.is_set():
                    self._stop.value = 1
                    if future.cancel():  # none has begun with it
                        return None

    def _replace(self, executor, stopping):
        """Start other processes in place of those of an *executor* that is broken, once."""
        with self._lock:
            if self._executor is executor and not stopping.is_set():
                log.warning(DIED)  # the executor ends by itself
                with contextlib.suppress(OSError, self._futures.BrokenExecutor):
                    self._executor = self._start()

    def _start(self):
        """Return an executor whose processes are there."""
        executor = self._futures.ProcessPoolExecutor(self._number, self._context, begin, (self._stop,))
        with without_signals():
            ready = [executor.submit(work, None) for _ in range(self._number)]
        for each in ready:
            each.result()
        return executor


@contextlib.contextmanager
def without_signals():
    """Have processes that are started here not see the signals that the terminal sends to all: they
    are for the server, which ends them. (On Windows they ignore them as soon as they can: `begin`.)"""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker
    resource_tracker.ensure_running()  # now: up to Python 3.12 it ends what follows
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In the processes


class Stop:
    """The byte that the processes share, as an event that can be asked."""

    byte = None

    def is_set(self):
        """Tell whether the server is stopping."""
        return bool(self.byte.value)


stop = Stop()


def begin(byte):
    """Begin a process: it stops when *byte* is set, and ends when the server has ended without a word."""
    from multiprocessing import parent_process
    stop.byte = byte
    for name in "SIGINT", "SIGBREAK":
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    def end_with_it():
        parent_process().join()
        os._exit(1)
    threading.Thread(target=end_with_it, daemon=True).start()


def work(computation):
    """Do a *computation*, or nothing."""
    if isinstance(computation, Computation):
        computation.run(stop)
