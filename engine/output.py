"""Output: the log, in the language that was chosen, and the screen behind all that is printed."""

import atexit
import logging
import sys

from engine.language import _
from engine.screen import Lines, Screen


class Translated(logging.Formatter):
    """A Formatter that has the log in the language that was chosen: no log call needs a mark."""

    def format(self, record):
        if isinstance(record.msg, str) and record.msg:
            record.msg = _(record.msg)
        return super().format(record)


def name_levels():
    """Give the levels of the log their names in the language that was chosen; in English they have them."""
    for level, name in ((logging.DEBUG, _("DEBUG")), (logging.INFO, _("INFO")), (logging.WARNING, _("WARNING")),
                        (logging.ERROR, _("ERROR")), (logging.CRITICAL, _("CRITICAL"))):
        if name != logging.getLevelName(level):
            logging.addLevelName(level, name)


def prepare_output(quiet, verbose):
    """Put a `Screen` behind standard output and error, and set up the log; return the `Screen`."""
    screen = Screen()
    for name in "stdout", "stderr":
        stream = getattr(sys, name)
        if stream is not None:
            setattr(sys, name, Lines(stream, screen))
    atexit.register(screen.end)  # for the traceback of a mistake of ours
    name_levels()
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    handler = logging.StreamHandler()
    handler.setFormatter(Translated("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[handler])
    return screen
