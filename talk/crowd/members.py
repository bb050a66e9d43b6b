"""Members: the clients of a crowd, and what each of them sends."""

import math
import socket
import threading
import time

from engine.fields import csv_line
from engine.language import _, of_clients
from talk.answers import SERVES_CAPITALS, hint_at, is_error, told
from talk.conversation import Conversation
from talk.crowd.cities import reading_of
from talk.greeting import SOON, line_after, shows
from talk.problems import ServerProblem

#: Seconds that connecting may take in a crowd, which may fill the server's backlog: Linux then
#: knocks again after 1, 3, 7, 15 and 31 s (RFC 6298 doubles the time-out, which begins at 1 s).
CROWD_CONNECT_LIMIT = 35.0

CROWD_MESSAGE = "Olá from client {number}"

CONNECTING, THINKING, WAITS, REPLIED, ERROR = "connecting", "thinking", "waiting", "", "ERR"
FAILURES = [((socket.timeout, TimeoutError), "timed out"), (ConnectionRefusedError, "refused"),
            (ConnectionAbortedError, "closed"), (ConnectionError, "reset"),
            (Exception, "unreachable")]  # the first kind that fits tells the word


class Gate(threading.Event):
    """What a crowd waits at; the clock starts when it opens."""

    def set(self):
        self.opened = time.perf_counter()
        super().set()

    def clock(self):
        """Return the seconds since the gate opened."""
        return time.perf_counter() - self.opened


class Member(Conversation):
    """One client of a crowd, living in a thread of its own; *label* names it in the picture.

    ``connected``, ``sent``, ``replied`` and ``ended`` are seconds from the start, None until then.
    Its own thread sets the first two, each once, and the main thread may look at them any time.
    How it ended goes through a queue to the main thread, which alone sets, and reads, the rest; from
    then on also ``after``, the line that came after the reply.
    """

    connect_limit = CROWD_CONNECT_LIMIT
    patience = math.inf  # only the main thread writes to the terminal

    def __init__(self, label, message, options):
        super().__init__(options.host, options.port, options.timeout)
        self.label, self.message, self.service = label, message, options.service
        self.think = options.think or 0.0
        self.connected = self.sent = self.replied = self.ended = None
        self.outcome, self.reason = WAITS, ""
        self.listens, self.answered, self.after = False, None, ""  # its own thread alone, until it is done

    def run(self, gate, done):
        """Wait at the *gate*, then connect, think and ask; put how it ended into *done*."""
        gate.wait()
        self.clock = gate.clock
        replied, outcome, reason = None, WAITS, ""
        try:
            reason = self.ask(self.message)
            replied = self.answered
            hint = hint_at(self.service, self.message, reason)
            reason = "ERR " + told(hint, self.address) if hint == SERVES_CAPITALS else reason
            outcome = ERROR if is_error(self.message, reason) else REPLIED
        except ServerProblem as problem:
            outcome = next(word for kind, word in FAILURES if isinstance(problem.__cause__, kind))
            reason = str(problem)
        finally:
            done.put((self, replied, outcome, reason, replied or self.clock()))

    def exchange(self, message):
        """As always; then see whether another line comes: the first one was a greeting then. One member
        gives it time, where the reply does not show the message."""
        reply = super().exchange(message)
        self.answered = self.clock()
        if not shows(message, reply):
            self.after = line_after(self, SOON if self.listens else 0.0)
        return reply

    def connect(self):
        """Connect, then think."""
        super().connect()
        self.connected = self.clock()
        if self.think:
            time.sleep(self.think)
        self.sent = self.clock() if self.think else self.connected

    def state(self):
        """Return the word for how it ended, or for what it is doing."""
        doing = CONNECTING if self.connected is None else THINKING if self.sent is None else WAITS
        word = doing if self.outcome == WAITS else self.outcome
        return word and of_clients(1, word)

    def waited(self, now):
        """Return the seconds until its end, or until *now*, less those it was thinking itself."""
        end = self.ended or now
        return end - (self.sent or end) + (self.connected or end)


def make_members(options):
    """Return the crowd: each its label in the picture and its message."""
    width = len(str(options.crowd))
    members = []
    for number in range(1, options.crowd + 1):
        label, message = str(number).rjust(width), _(CROWD_MESSAGE).format(number=number)
        if options.messages:
            message = options.messages[0]
        elif options.service == "temp":
            city, maximum, minimum = reading_of(number)
            label, message = label + " " + city, csv_line([city, maximum, minimum])
        members.append(Member(label, message, options))
    members[0].listens = True
    return members
