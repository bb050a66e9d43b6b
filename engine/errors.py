"""Errors: what one room raises and another one tells the user, or the client."""

from engine.escapes import printable


class CannotStart(Exception):
    """The server, or a service, cannot run: the text tells the user, in a line, why and what to do.
    There may be a file's name in it, with any characters: they are made `printable`.
    """

    def __str__(self):
        return printable(super().__str__())


class Unusable(Exception):
    """What came is no message: it is of another protocol, or too long.

    ``reply`` is the ``ERR`` to be sent, ``before`` what the client's protocol needs before it.
    """

    def __init__(self, before, reply):
        super().__init__(reply)
        self.before, self.reply = before, reply
