"""Copying: the client as one file, for other machines."""

import os

from engine.escapes import printable
from engine.language import _, reason
from engine.onefile import one_file
from talk.commands import client_command
from talk.problems import OutputProblem, Problem

WRITTEN = ("{file} is the whole client: copy it to any machine that has Python 3.8 or later, and type "
           "there: {command}")
CANNOT_MAKE = "A part of the client is missing here: {file}: {reason}. Copy the whole project again."


def write_one_file(path, address):
    """Write the one file to *path*, and say what it is for: the server at *address*. Raises `Problem`."""
    try:
        data = one_file()
    except OSError as error:
        raise Problem(_(CANNOT_MAKE).format(
            file=printable(error.filename), reason=reason(error))) from error
    try:
        with open(path, "wb") as file:
            file.write(data)
    except OSError as error:
        raise OutputProblem.about(path, "--one-file", error) from error
    name = printable(os.path.basename(path))
    print(_(WRITTEN).format(file=printable(path), command=client_command(address, file=name)))
