"""Times: those of a crowd's clients, in a file."""

import csv

from engine.escapes import printable
from engine.language import _
from talk.problems import CrowdProblem

CANNOT_WRITE = "Cannot write {file}: {reason}. Choose another file with --csv."


def open_times(name):
    """Return the file called *name*, open for `write_times`. Raises `CrowdProblem`."""
    try:
        return open(name, "w", newline="", encoding="utf-8")
    except OSError as error:
        raise CrowdProblem(_(CANNOT_WRITE).format(
            file=printable(name), reason=_(error.strerror))) from None


def write_times(file, members):
    """Write the times of *members* as CSV: seconds from the start, empty where it never was."""
    try:
        with file:
            rows = csv.writer(file)
            rows.writerow(["client", "connected", "sent", "replied"])
            for number, member in enumerate(members, start=1):
                times = member.connected, member.sent, member.replied
                rows.writerow([number] + ["" if moment is None else format(moment, ".6f")
                                          for moment in times])
    except OSError as error:
        raise CrowdProblem(_(CANNOT_WRITE).format(
            file=printable(file.name), reason=_(error.strerror))) from None
