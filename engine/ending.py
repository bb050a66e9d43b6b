"""The end of the process: it comes, with the right exit status, whatever threads are left.

A handler may go on after a stop has cut its client off: that thread is *left behind*, for nothing can
end it. Python cannot be ended safely under it. Without the GIL the thread may hold what the end waits
for (CPython 3.13: the process stayed after 5 of 150 stops); and on any Python it may hold a lock that
something takes when it is deleted. So then the process ends without that.
"""

import atexit
import gc
import io
import os
import sys
import threading

from engine.signals import LIMIT


def leave(status):
    """End the process with this exit *status*; to be called last, in the main thread.

    It ends as every Python program does, by `SystemExit`. Where threads are left behind it ends
    at once, but what Python has promised for the end is done: threads that are no daemons are
    waited for, what was registered with `atexit` is called, and files are flushed.
    """
    if not left_behind():
        sys.exit(status)
    try:
        threading._shutdown()  # with the next line, what Python itself calls (Py_FinalizeEx)
        atexit._run_exitfuncs()  # up to Python 3.9 it raises again what it has printed
    finally:
        try:
            flush_files()
        finally:
            os._exit(status)


def left_behind():
    """Return the threads that Python would not wait for, but for those that sleep until the limit."""
    return [thread for thread in threading.enumerate() if thread.daemon and thread.name != LIMIT]


def flush_files():
    """Have written what files still keep in memory, as Python does when it deletes them.

    Of the standard streams only a line that has no end: the `Screen` has flushed all else, and one
    that stands still would keep us.
    """
    standard = {id(part) for stream in (sys.__stdout__, sys.__stderr__)
                for part in (stream, getattr(stream, "buffer", None))}
    files = [each for each in gc.get_objects()
             if issubclass(type(each), io.IOBase) and id(each) not in standard]
    for each in files + [stream for stream in (sys.stdout, sys.stderr) if stream]:
        try:
            each.flush()
        except (OSError, ValueError):
            continue  # its disk is full, or it is closed: Python does not say so either
