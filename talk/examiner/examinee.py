"""The examinee: the server under examination, as far as it is known, and how to ask it."""

import collections
import itertools
import statistics
import time

from talk.examiner.relation import SAME
from talk.examiner.verdicts import MEND
from talk.examiner.wire import ABSENT, Connection, new_socket, step

#: The reply to a message, as text without its end; how it ended: `WHOLE`, `SILENCE`, or what the
#: connection's end was; and the seconds it took.
Answer = collections.namedtuple("Answer", "text how seconds")

WHOLE, SILENCE = "whole", "silence"

#: No reply within so many times the usual seconds is none; in seconds never more than that.
TIMES_SLOWER, LONGEST_PATIENCE = 20, 10.0


class Measures:
    """How long is waited, in seconds, and how many clients are sent."""

    first = 5.0  #: for the first reply
    reply = 1.0  #: for another one, at least
    quiet = 0.5  #: whoever speaks unasked has spoken
    gap = 0.1  #: between two pieces of a message
    silent = 5.0  #: for which silent clients are watched
    rush = 8.0  #: until many at once have been let in, in which Linux knocks after 1, 3 and 7
    most = 64  #: silent clients
    crowd = 50  #: clients at once

    def __init__(self, **others):
        vars(self).update(others)


class Unreached(Exception):
    """No connection came about: ``how`` is `REFUSED` or `ABSENT`."""

    def __init__(self, how):
        super().__init__(how)
        self.how = how


class Examinee:
    """The server at the other end of a connected *socket*, asked for the *service* "upper" or "temp".

    That connection is the first client's: to hang up would be a blow. ``tick`` is called now and then
    while something is waited for.

    Methods for the checks:

    - message() -> text, with a number of its own
    - open() -> Connection
    - ask(message) -> Answer
    - text_of(connection) -> str
    - wait(connection, condition, seconds) -> bool
    """

    def __init__(self, socket, service, measures):
        self.family, self.address, self.service = socket.family, socket.getpeername(), service
        self.measures, self.tick = measures, lambda: None
        self.reached = Connection(socket)
        self.reached.has_connected()
        self.numbers = itertools.count(1000)
        self.connections = []
        self.greeting = b""
        self.meeting = self.relation = None  # set by the first check
        self.lines = 1  # line feeds in a reply; 0: nothing tells where it ends
        self.seconds = collections.deque(maxlen=9)  # that the last replies took
        self.pace = None  # as it was measured last
        self.slots = None  # how many clients it serves at once, where that is known to end
        self.from_pieces = None  # the `Answer` to a message in two pieces
        self.silent = []  # connections of clients that say nothing, which outlive a check
        self.waited = False  # whether such clients kept one that talks waiting
        self.let_go = None  # seconds after which such a client was let go
        self.queries = False  # whether it answers ?city
        self.marks = {}  # of the checks that were made

    @property
    def patience(self):
        """Seconds without a reply after which there is none, by the pace that was seen so far."""
        usual = statistics.median(self.seconds) if self.seconds else 0.0
        return min(max(self.measures.reply, TIMES_SLOWER * usual), LONGEST_PATIENCE)

    def message(self, text="Ola", number=None):
        """Return a message with a number that no other one has."""
        text = "{} {}".format(text, number or next(self.numbers))
        return text + ",31,24" if self.service == "temp" else text

    def begin(self):
        """Return a connection that is only begun, the first time the one that is there."""
        connection, self.reached = self.reached or Connection(new_socket(self.family)), None
        self.connections.append(connection)
        if connection.connected is None:
            connection.begin(self.address)
        return connection

    def open(self, seconds=None):
        """Return a connection. Raises `Unreached`."""
        connection = self.begin()
        self.wait(connection, lambda: connection.connected is not None, seconds or 2 * self.patience)
        if connection.connected is None:
            connection.close(ABSENT)
            raise Unreached(connection.ended)
        return connection

    def wait(self, connection, condition, seconds):
        """Wait until *condition* () holds; return whether it does. After the connection's end, or
        *seconds*, it will not any more."""
        while not condition():
            if connection.ended or seconds <= 0:
                return False
            seconds -= step([connection], seconds)
            self.tick()
        return True

    def pause(self, seconds, *connections):
        """Let *seconds* pass, and take what comes over the *connections* meanwhile."""
        while seconds > 0:
            seconds -= step(connections, seconds)
            self.tick()

    def beyond_greeting(self, connection):
        """Return the bytes that have come after the server's greeting, and were not taken before."""
        data, feeds = bytes(connection.came), self.greeting.count(b"\n")
        if connection.taken:
            return data[connection.taken:]
        if not feeds:
            return data[len(self.greeting):]
        return data.split(b"\n", feeds)[-1] if data.count(b"\n") >= feeds else b""

    def text_of(self, connection):
        """Return the reply that has come, without its end."""
        return self.beyond_greeting(connection).decode(errors="replace").strip("\r\n\0 ")

    def is_whole(self, connection, message, lines=1):
        """Tell whether the reply to *message* has come; with *lines*, to so many messages."""
        if self.lines:
            return self.beyond_greeting(connection).count(b"\n") >= self.lines * lines
        return self.relation is not None and self.relation.fits(message, self.text_of(connection))

    def answer(self, connection, message, seconds=None, lines=1):
        """Wait for the reply to *message*, at most *seconds*; return it."""
        began = time.monotonic()
        whole = self.wait(connection, lambda: self.is_whole(connection, message, lines),
                          seconds or self.patience)
        return Answer(self.text_of(connection), WHOLE if whole else connection.ended or SILENCE,
                      time.monotonic() - began)

    def ask(self, message, data=None, seconds=None):
        """Send *message*, as *data* if that is given, over a connection of its own; return the `Answer`.
        Raises `Unreached`."""
        connection = self.open()
        connection.send(line(message) if data is None else data)
        answer = self.answer(connection, message, seconds)
        connection.leave()
        return answer

    def ask_plainly(self, seconds=None):
        """Ask a plain message; return whether it is answered as it should be, and learn the pace."""
        message = self.message()
        answer = self.ask(message, seconds=seconds)
        if self.relation.kind == SAME and answer.text and answer.text != self.relation.constant:
            self.relation.loosen()
        if not self.relation.fits(message, answer.text):
            return False
        self.seconds.append(answer.seconds)
        return True

    def twice(self, attempt):
        """Return what *attempt* (seconds) returns, an `Answer`. Silence counts when it comes twice, the
        second time after three times as long."""
        answer = attempt(self.patience)
        return attempt(3 * self.patience) if answer.how == SILENCE and not answer.text else answer

    def has_to_mend(self, check):
        """Tell whether the *check* of this name has found something to mend."""
        return self.marks.get(check) == MEND

    def leave_all(self):
        """Close what a check has left open."""
        for connection in self.connections:
            if connection not in self.silent:
                connection.leave()
        self.connections = list(self.silent)


def line(message):
    """Return *message* as bytes, with its line feed."""
    return message.encode() + b"\n"
