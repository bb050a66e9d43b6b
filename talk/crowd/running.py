"""Running: a crowd from its start to its report."""

import contextlib
import queue
import threading

from engine.language import _
from talk.crowd.judging import judge
from talk.crowd.members import REPLIED, Gate, make_members
from talk.crowd.picture import Picture
from talk.crowd.report import report
from talk.crowd.times import open_times, write_times
from talk.openfiles import allow_connections
from talk.problems import CrowdProblem

#: Bytes of stack for a client's thread: the usual 8 MB, a thousand times, may be too much.
CROWD_STACK = 512 * 1024

#: Seconds between two looks at the crowd; short, so that Windows notices a Ctrl+C.
BETWEEN_LOOKS = 0.125

TOO_FEW_FILES = ("This system lets a program open {limit} files, but {count} clients need "
                 "{needed}: start fewer clients, or raise the limit (ulimit -n).")
TOO_FEW_THREADS = "This system gave {limit} threads for {count} clients: start fewer clients."


def run_crowd(options):
    """Be the crowd that the *options* ask for; return the exit status. Raises `Problem`."""
    members = make_members(options)
    allow_open_files(len(members))
    times = open_times(options.csv) if options.csv is not None else None
    gate, done, ended = Gate(), queue.SimpleQueue(), []
    start_threads(members, gate, done)
    picture = Picture(members)
    gate.set()
    try:
        while len(ended) < len(members):
            next_look = gate.clock() + BETWEEN_LOOKS
            with contextlib.suppress(queue.Empty):
                while len(ended) < len(members):
                    ended.append(next_through(done, max(0.0, next_look - gate.clock())))
            picture.show(ended, gate.clock())
    except KeyboardInterrupt:
        # What has come is shown all the same, even if it was not yet in the list.
        ended = [member for member in members if member.ended]
    judge(ended)
    ended.sort(key=lambda member: member.ended)
    now = ended[-1].ended if len(ended) == len(members) else gate.clock()
    picture.finish(ended, now)
    report(members, ended, now, picture.width)
    if times:
        write_times(times, members)
    done_well = [member for member in ended if member.outcome == REPLIED]
    return 0 if len(done_well) == len(members) else 1


def next_through(done, timeout):
    """Return the next member from *done*, how it ended set. Raises ``queue.Empty``."""
    member, *result = done.get(timeout=timeout)
    member.replied, member.outcome, member.reason, member.ended = result
    return member


def allow_open_files(count):
    """See to it that *count* connections may be open at once. Raises `CrowdProblem`."""
    short = allow_connections(count)
    if short:
        limit, needed = short
        raise CrowdProblem(_(TOO_FEW_FILES).format(limit=limit, count=count, needed=needed))


def start_threads(members, gate, done):
    """Start a thread for each of *members*, which waits at the *gate*. Raises `CrowdProblem`."""
    threading.stack_size(CROWD_STACK)
    for started, member in enumerate(members):
        try:
            threading.Thread(target=member.run, args=(gate, done), daemon=True).start()
        except (RuntimeError, MemoryError):
            raise CrowdProblem(_(TOO_FEW_THREADS).format(
                limit=started, count=len(members))) from None
