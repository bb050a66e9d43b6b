"""Running a service: its ``running()`` is entered and left, and what fails in it is told as its own."""

import contextlib
import logging
import sys
import threading

from engine.blame import place_in_stack, from_students_line
from engine.errors import CannotStart
from engine.language import _
from engine.loading import what_happened

log = logging.getLogger("server")

#: Seconds after which it is said where a service is that does not end.
SLOW = 1.0

NO_MANAGER = ("running() of {handler} returned {value!r}: expected a context manager. Write three lines, one "
              "below the other: @classmethod, @contextlib.contextmanager, def running(cls):")
ENDED_BADLY = "running() failed while it ended the service."
NOT_ENDED = "running() has been at the end of the service for %g s: %s"


@contextlib.contextmanager
def running(handler):
    """Run the service of the class *handler*. Raises `CannotStart` where that fails at the beginning;
    what fails at the end is logged."""
    manager = begin(handler)
    try:
        yield
    except BaseException as error:
        end(manager, error)
        raise
    end(manager)


def begin(handler):
    """Enter the context manager that the service runs in, and return it."""
    try:
        manager = handler.running()
        if not hasattr(manager, "__enter__"):  # it is not ours
            raise CannotStart(_(NO_MANAGER).format(handler=handler.__name__, value=manager))
        manager.__enter__()
        return manager
    except CannotStart:
        raise
    except Exception as error:
        text = what_happened(error)
        if text is None:
            raise
        raise CannotStart(text) from None


def end(manager, error=None):
    """Leave the context manager, because of *error* if there is one."""
    slow = threading.Timer(SLOW, tell_where, [threading.get_ident()])
    slow.daemon = True
    try:
        with contextlib.suppress(RuntimeError):  # there is no thread for it
            slow.start()
        manager.__exit__(error and type(error), error, error and error.__traceback__)
    except Exception as another:
        if another is not error:
            log.error(ENDED_BADLY, exc_info=from_students_line(another))
    finally:
        slow.cancel()
        if slow.is_alive():
            slow.join()


def tell_where(thread):
    """Log where the thread of this ident is, in a file of whoever wrote the service."""
    where = place_in_stack(sys._current_frames().get(thread))
    if where:
        log.warning(NOT_ENDED, SLOW, where)
