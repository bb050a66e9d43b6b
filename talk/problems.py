"""Problems: what a user is told in one line before the client ends with exit status 1."""


class Problem(Exception):
    """What was asked for cannot be done; the text tells the user."""


class ServerProblem(Problem):
    """The server cannot be reached or did not answer."""


class InputProblem(Problem):
    """What is to be sent is no text."""


class CrowdProblem(Problem):
    """The crowd cannot start, or its times cannot be written."""
