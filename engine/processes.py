"""Processes: what is computed is computed by interpreters of their own, while the threads here wait.

Python with a GIL runs one thread at a time: threads that compute take turns. A process has a GIL of
its own. To start one takes as long as thousands of messages, so a few are started once, a *pool*, and
work for all. They are started anew, not forked, on every system: a fork copies locks that other
threads hold. So each imports `server.py` again, which does nothing when it is imported.
"""

import contextlib
import itertools
import logging
import os
import signal
import threading

from engine.errors import CannotStart
from engine.language import _, reason

log = logging.getLogger("server")

#: Seconds after which a thread that waits for a process looks whether the server is stopping.
POLL_INTERVAL = 0.25

#: How often something is tried whose process died.
ATTEMPTS = 3

CANNOT_START = "cannot start processes ({reason}): take fewer, or none"
DIED = "A process of the pool has died; others are started, and do its work again."


class CutShort(Exception):
    """The server stops, and what was to be computed was not."""


@contextlib.contextmanager
def in_processes(handler, number):
    """Have what the class *handler* computes for every message computed by a *number* of processes, in
    the ``with`` statement; 0: by the threads, as usual. Raises `CannotStart`."""
    if not number:
        yield
        return
    computation = handler.compute
    with Pool(number) as pool:
        handler.compute = InPool(pool, computation)
        try:
            yield
        finally:
            handler.compute = computation


class InPool:
    """A *computation* that a *pool* does: it stands in the place of a `Computation`."""

    def __init__(self, pool, computation):
        self._pool, self._computation = pool, computation

    def run(self, stopping):
        """Have it computed, not much longer than until the event *stopping* is set."""
        with contextlib.suppress(CutShort):
            self._pool.call(self._computation.run, Never(), stopping=stopping)


class Never:
    """An event that is never set: a process that is to stop is ended."""

    def is_set(self):
        """Tell that it is not."""
        return False


class Pool:
    """A *number* of processes that compute, in a ``with`` statement. Raises `CannotStart`.

    For the caller: ``call(function, ...)``, from any thread.

    What is shared: ``_executor`` and its ``_processes``, replaced under ``_lock`` when one of them has
    died; to read the first is whole. ``_closed`` is set once.
    """

    def __init__(self, number):
        from concurrent import futures  # not above: it takes as long as all rooms together
        self._futures, self._number = futures, number
        self._lock = threading.Lock()
        self._closed = False
        try:
            self._executor = self._start()
        except (OSError, futures.BrokenExecutor) as error:
            raise CannotStart(_(CANNOT_START).format(reason=reason(error))) from None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """End the processes, whatever they are at."""
        self._closed = True
        with self._lock:
            for process in self._processes:
                process.terminate()  # an executor whose processes are gone ends by itself
            for process in self._processes:
                process.join(POLL_INTERVAL)

    def call(self, function, *arguments, stopping=None):
        """Return what *function* returns for these *arguments*, or raise what it raises, in a process;
        `CutShort` when the event *stopping* is set before, or the pool is closed.

        The process imports the function by its name, so it stands in a module, outside of any class.
        """
        for attempt in itertools.count(1):
            executor = self._executor
            try:
                return self._wait(executor.submit(function, *arguments), stopping)
            except (self._futures.BrokenExecutor, self._futures.CancelledError, RuntimeError) as error:
                if self._closed:
                    raise CutShort from None
                if attempt == ATTEMPTS or not isinstance(error, self._futures.BrokenExecutor):
                    raise
                self._replace(executor)

    def _wait(self, future, stopping):
        """Return what *future* returns; `CutShort` when the event *stopping* is set before, or the pool is
        closed: an executor whose processes are gone may be slow to say so."""
        while True:
            try:
                return future.result(POLL_INTERVAL)
            except self._futures.TimeoutError:
                if future.done():  # it is the function that has raised it
                    raise
                if self._closed or stopping and stopping.is_set():
                    raise CutShort from None

    def _replace(self, executor):
        """Start other processes in place of those of an *executor* that is broken, once."""
        with self._lock:
            if self._executor is executor and not self._closed:
                log.warning(DIED)  # the executor ends by itself
                self._executor = self._start()

    def _start(self):
        """Return an executor whose processes are there."""
        from multiprocessing import active_children, get_context
        others = set(active_children())
        executor = self._futures.ProcessPoolExecutor(self._number, get_context("spawn"), begin)
        with without_signals():
            ready = [executor.submit(os.getpid) for number in range(self._number)]
        self._processes = set(active_children()) - others
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


def begin():
    """Begin a process, in it: it ends when the server has ended without a word."""
    from multiprocessing import parent_process
    for name in "SIGINT", "SIGBREAK":
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    def end_with_it():
        parent_process().join()
        os._exit(1)
    threading.Thread(target=end_with_it, daemon=True).start()
