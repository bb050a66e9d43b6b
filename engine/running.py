"""Running a service: its ``running()`` is entered and left, and what fails in it is told as its own."""

import contextlib
import logging

from engine.blame import exc_info_from_students_line
from engine.errors import CannotStart
from engine.language import _
from engine.loading import what_happened
from engine.slow import told_when_slow

log = logging.getLogger("server")

#: Seconds after which it is said where a service is that does not begin, or end.
SLOW_BEGIN = 5.0
SLOW_END = 1.0

NO_MANAGER = ("running() of {handler} returned {value!r}: expected a context manager. Write three lines, one "
              "below the other: @classmethod, @contextlib.contextmanager, def running(cls):")
ENDED_BADLY = "running() failed while it ended the service."
NOT_BEGUN = "running() has been at the beginning of the service for %g s: %s"
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
        with told_when_slow(SLOW_BEGIN, lambda where: log.warning(NOT_BEGUN, SLOW_BEGIN, where)):
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
    try:
        with told_when_slow(SLOW_END, lambda where: log.warning(NOT_ENDED, SLOW_END, where)):
            manager.__exit__(error and type(error), error, error and error.__traceback__)
    except Exception as another:
        if another is not error:
            log.error(ENDED_BADLY, exc_info=exc_info_from_students_line(another))
