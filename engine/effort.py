"""Effort: messages that cost time, or a computation; and what this Python can compute at a time."""

import logging
import os
import sys
import time

from engine.language import _

log = logging.getLogger("server")

#: Seconds for which it is measured how fast this Python computes.
MEASURED = 0.05

#: Seconds after which a computation looks whether the server is stopping.
SLICE = 0.01

MACHINE = "Python %s with %s; it may use %d processor(s)."


def log_machine():
    """Log, for whoever looks closely, what this Python can compute at a time."""
    log.debug(MACHINE, sys.version.split()[0], _("a GIL") if has_gil() else _("no GIL"), processors())


def take_time(work, compute, stopping):
    """Imitate an expensive service: wait for *work* seconds, and do *compute*, a `Computation` or
    None; not much longer than until the event *stopping* is set."""
    if work:
        stopping.wait(work)
    if compute:
        compute.run(stopping)


class Computation:
    """Real work in pure Python that takes *seconds* of a processor, if nobody else wants the
    interpreter meanwhile: it is measured now how much work that is."""

    def __init__(self, seconds):
        rounds = rounds_a_second()
        self.slices = max(1, round(seconds / SLICE))
        self.rounds = int(rounds * seconds / self.slices)

    def run(self, stopping):
        """Compute, not much longer than until the event *stopping* is set."""
        for slice in range(self.slices):
            if stopping.is_set():
                break
            compute(self.rounds)


def compute(rounds):
    """Add up as many squares, and return what is left of the sum modulo a prime."""
    # A number of this thread's own. A constant belongs to all: without a GIL the threads that count who
    # uses it wait for each other (3.13: two threads together computed no more than one).
    total, prime = 0, int("1000003")
    for number in range(rounds):
        total = (total + number * number) % prime
    return total


def rounds_a_second():
    """Return how many rounds of `compute` this Python does in a second: the best of some looks."""
    rounds, best = 1000, 0.0
    ends = time.perf_counter() + MEASURED
    while time.perf_counter() < ends:
        began = time.perf_counter()
        compute(rounds)
        took = time.perf_counter() - began
        best = max(best, rounds / took)
        if took < MEASURED / 10:
            rounds *= 2
    return best


def has_gil():
    """Tell whether only one thread of this Python computes at a time (PEP 703)."""
    return getattr(sys, "_is_gil_enabled", lambda: True)()


def processors():
    """Return how many processors this program may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
