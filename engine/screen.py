"""What reaches a screen: nothing a client sends may drive the terminal it is shown on."""

import logging
import sys

#: Of these Persian, Sinhala, Marathi and emoji are made; they drive no terminal.
JOINERS = "\u200c\u200d"

log = logging.getLogger(__name__)


def printable(text):
    """Return *text* with every character that is not plainly visible written as an escape.

    Terminal escapes, line ends, right-to-left overrides and lone surrogates come out as
    ``\\x1b``, ``\\n``, ``\\u202e``, ``\\udc80``; letters of every script stay as they are, and
    so do the joiners that some need.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in JOINERS
                   else c.encode("unicode_escape").decode("ascii") for c in text)


def excerpt(text, limit=200):
    """Return *text* `printable`, cut off where it is longer than *limit* characters."""
    return printable(text if len(text) <= limit else text[:limit] + "...")


def show(text):
    """Print *text*, its lines together and at once, on standard output.

    Whoever read our output may have left (``server.py | head``): then say so once in the log
    and go on serving, for the clients are not to blame.
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        sys.stdout = None
        log.warning("Standard output is gone (%s): nothing more is shown there.", error)


def prepare_output(quiet, verbose):
    """Set up the log on standard error; let no console's character set break a line."""
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s",
                        datefmt="%H:%M:%S")
    if hasattr(sys.stdout, "reconfigure"):  # IDLE's has not
        sys.stdout.reconfigure(errors="backslashreplace")
