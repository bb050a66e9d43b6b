"""Threads of a service that die: what they did is not done any more, and somebody may wait for it."""

import contextlib
import logging
import threading

from engine.blame import exc_info_from_students_line, is_students_file

log = logging.getLogger("server")

DIED = ("A thread of the service has died, in %s(): nobody does its work now. Whoever waits for it, as for room "
        "in a queue, waits in vain.")


@contextlib.contextmanager
def deaths_told():
    """Log in the ``with`` statement what kills threads that a service has started; yields a list, to
    which the names of the functions are added that they ran."""
    names, before = [], threading.excepthook

    def tell(death):
        traceback = death.exc_traceback
        while traceback and traceback.tb_frame.f_code.co_filename == threading.__file__:
            traceback = traceback.tb_next
        if death.exc_type is SystemExit:  # it is meant to end
            return
        if traceback and is_students_file(traceback.tb_frame.f_code.co_filename):
            names.append(traceback.tb_frame.f_code.co_name)
            log.error(DIED, names[-1], exc_info=exc_info_from_students_line(death.exc_value))
        else:
            before(death)
    threading.excepthook = tell
    try:
        yield names
    finally:
        threading.excepthook = before
