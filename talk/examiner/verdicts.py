"""Verdicts: what comes of a check."""

import collections

from engine.language import _

OK, MEND, NOTE = "ok", "mend", "note"

NOT_ASKED = "not asked: see {check}"

#: One check's outcome: its mark, a sentence, and whether the examination ends with it.
Verdict = collections.namedtuple("Verdict", "mark text final")


def ok(text):
    """Return the verdict that there is nothing to mend."""
    return Verdict(OK, text, False)


def note(text):
    """Return the verdict that something is worth knowing, and not wrong."""
    return Verdict(NOTE, text, False)


def mend(text, final=False):
    """Return the verdict that something is to be mended; with *final* the examination ends."""
    return Verdict(MEND, text, final)


def not_asked(check):
    """Return the verdict where the *check* of this name has already said what is wrong."""
    return note(_(NOT_ASKED).format(check=_(check)))
