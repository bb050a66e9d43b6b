"""Problems: what a user is told in one line before the client ends with exit status 1."""

from engine.addresses import shown
from engine.escapes import printable
from engine.language import _, reason

CANNOT_WRITE = "Cannot write {file}: {reason}. Choose another file with {option}."


class Problem(Exception):
    """What was asked for cannot be done; the text tells the user."""


class ServerProblem(Problem):
    """The server cannot be reached or did not answer. Its ``__cause__`` is the error that said so,
    if there was one."""

    @classmethod
    def about(cls, address, text, **fields):
        """Return the problem with the server at *address* that *text* and its *fields* say."""
        return cls(_(text).format(server=shown(address), **fields))


class InputProblem(Problem):
    """What is to be sent is no text."""


class OutputProblem(Problem):
    """A file cannot be written."""

    @classmethod
    def about(cls, name, option, error):
        """Return the problem with the file of this *name*, which the *option* named: the *error*."""
        return cls(_(CANNOT_WRITE).format(file=printable(name), option=option, reason=reason(error)))


class CrowdProblem(Problem):
    """The crowd cannot start."""
