"""Waiting: for a server, until a deadline, and not without a word."""

import math
import socket
import time

from engine.language import _

#: Seconds that one wait may last: on Windows a Ctrl+C is not noticed in it, only after it.
LONGEST_WAIT = 0.5

WAITING = "Waiting for a free slot on the server, or for it to finish its work..."


class Deadline:
    """Waits for a socket until *seconds* have passed; after *patience* seconds says so, and why."""

    def __init__(self, connection, seconds, patience, say):
        self.connection = connection
        self.say = say
        self.ends = time.monotonic() + seconds
        self.notice = time.monotonic() + patience
        self.why = lambda: _(WAITING)

    def explain(self, why):
        """From now on *why* () says why it waits."""
        self.why = why

    def wait(self, call, argument):
        """Return what the socket's *call* returns. Raises ``socket.timeout``."""
        while True:
            remaining = self.ends - time.monotonic()
            if remaining <= 0:
                raise socket.timeout
            self.connection.settimeout(min(remaining, LONGEST_WAIT))
            try:
                return call(argument)
            except socket.timeout as error:
                if error.errno is not None:  # the network's word, not our own limit
                    raise ConnectionAbortedError from None
            if time.monotonic() >= self.notice and remaining > LONGEST_WAIT:
                self.say(self.why())
                self.notice = math.inf
