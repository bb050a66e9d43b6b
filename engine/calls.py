"""Calls of a service that are at work just now: found from outside, so that no call pays for it."""

import sys

from engine.blame import is_students_file, place
from engine.language import _

STUCK = "reply() has been at work for {seconds} s on {message!r}: {place}"
STUCK_ALIKE = "reply() has been at work for {seconds} s on {message!r}, and on {count} other message(s): {place}"

#: The codes of the functions that call services.
_CALLERS = set()


def calls_service(function):
    """Say of a *function* with an argument ``message`` that it calls a service to answer it."""
    _CALLERS.add(function.__code__)
    return function


class Call:
    """A call of a service, seen since a time (``time.monotonic()``): in the *line* of the *code*, by the
    *frame* that made it. ``told`` is whether it has been told of.

    It keeps that frame, so no other call is ever taken for this one.
    """

    def __init__(self, code, line, frame, since):
        self.code, self.line, self.frame, self.since, self.told = code, line, frame, since, False

    def message(self):
        """Return the message that is to be answered."""
        return self.frame.f_locals["message"]

    def place(self):
        """Return where the call is, as users read it."""
        return place(self.code.co_filename, self.line)


def calls_now(threads=None):
    """Return the calls at work, ident of the thread -> (the code that it is in, in a student's file, or where
    it is in none the code that was called first; the line there; the frame of the caller): in all
    threads, or in these only.

    Other threads run on meanwhile: whoever's call ends while it is looked at is in none.
    """
    found = {}
    for thread, frame in sys._current_frames().items():
        if threads is None or thread in threads:
            way = []
            while frame and frame.f_code not in _CALLERS:
                way.append((frame.f_code, frame.f_lineno))
                frame = frame.f_back
            if frame and way:
                at = next((at for at in way if is_students_file(at[0].co_filename)), way[-1])
                found[thread] = (*at, frame)
    return found


def by_code(calls):
    """Return *calls* in groups, lists, of those in one code, the first one longest: an endless loop that
    many are in is one thing to tell, in whatever line each of them is."""
    groups = {}
    for call in sorted(calls, key=lambda call: call.since):
        groups.setdefault(call.code, []).append(call)
    return list(groups.values())


def sentence(calls, now):
    """Return a sentence about *calls* that have been in one code for long, the first one longest."""
    first, text = calls[0], _(STUCK if len(calls) == 1 else STUCK_ALIKE)
    return text.format(seconds=int((now - first.since) // 10 * 10), message=first.message()[:200],
                       count=len(calls) - 1, place=first.place())
