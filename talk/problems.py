"""Problems: what a user is told in one line before the client ends with exit status 1."""

from engine.addresses import shown
from engine.language import _


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


class CrowdProblem(Problem):
    """The crowd cannot start, or its times cannot be written."""
