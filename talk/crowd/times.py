"""Times: those of a crowd's clients, in a file."""

import csv

from talk.problems import OutputProblem


def open_times(name):
    """Return the file called *name*, open for `write_times`. Raises `OutputProblem`."""
    try:
        return open(name, "w", newline="", encoding="utf-8")
    except OSError as error:
        raise OutputProblem.about(name, "--csv", error) from error


def write_times(file, members):
    """Write the times of *members* as CSV: seconds from the start, empty where it never was.
    Raises `OutputProblem`."""
    try:
        with file:
            rows = csv.writer(file)
            rows.writerow(["client", "connected", "sent", "replied"])
            for number, member in enumerate(members, start=1):
                times = member.connected, member.sent, member.replied
                rows.writerow([number] + ["" if moment is None else format(moment, ".6f")
                                          for moment in times])
    except OSError as error:
        raise OutputProblem.about(file.name, "--csv", error) from error
