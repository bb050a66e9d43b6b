"""A message a line, a reply a line: the conversation that every service here shares."""

import contextlib
import functools
import math
import socketserver

from engine.effort import has_gil, take_time
from engine.errors import CannotStart, Unusable
from engine.lane import ClientInLane
from engine.language import _
from engine.leading import makes_way
from engine.messages import Client
from engine.replies import SURELY_THERE
from handlers.calling import BadMessage, line_about, line_for

__all__ = ["BadMessage", "CannotStart", "LineHandler"]

#: Bytes beyond which a message is work enough for another thread to lead meanwhile: never with the
#: GIL, where the two would only take it from one another. (benchmarks/compare.py --only computing,
#: two cores: for 60 KB that makes 1.3 times the rate without the GIL, 0.9 times with it.)
ENOUGH_FOR_TWO = math.inf if has_gil() else SURELY_THERE

NOT_UTF_8 = "ERR the message is not valid UTF-8 (byte {position}): send text in UTF-8"
NO_MESSAGE = "no message came"
SILENT_AT_STOP = "it had sent nothing when the server stopped"
NO_REPLY = "{handler} has no reply(): write def reply(self, message) in it"


class LineHandler(socketserver.StreamRequestHandler):
    """Talk with one client: messages -> replies. There is one handler object for each client.

    Methods for the caller, a service:

    - ``make_way()``: to be called just before it waits, by a service that says it does not;
    - ``client_address``, ``server`` and the rest are socketserver's.

    Methods that may be overridden:

    - ``reply(message)``: called for each message, returns its reply; raises `BadMessage` with
      what is wrong and what was expected;
    - only where the service keeps something between clients, ``running()``: a context manager
      around the whole service, entered before the first client and left after the last; entering
      raises `CannotStart` when the service cannot run;
    - ``for_the_page()``, only where the live page is to show temperatures.

    Class attributes that may be overridden:

    - ``timeout``: seconds for a message to arrive whole, and for its reply to be taken;
    - ``max_line``: bytes that a message may have;
    - ``keep_open``: whether to go on after the first reply, until the client closes;
    - ``work`` and ``compute``: what every message costs, in imitation: seconds to wait, and a
      `Computation`;
    - ``waits``: whether ``reply()`` may wait (for a disk, a sleep, another client) or computes for
      long;
    - ``lane``: a `Lane` where those who stay connected are answered by one thread, or None.

    `handle` tells the server how the conversation ended. It returns: the client was answered (also
    with an ``ERR`` because the service failed). It raises ``socket.timeout``: a deadline passed. It
    raises ``ConnectionError``: the client is gone.
    """

    timeout = 60.0
    max_line = 65536
    keep_open = False
    waits = True
    work = 0.0
    compute = None
    lane = None

    @classmethod
    def running(cls):
        """Return the context manager that the service runs in; this one does nothing."""
        return contextlib.nullcontext()

    @classmethod
    def for_the_page(cls):
        """Return what the live page shows of temperatures, and the latest reading of every city;
        here there are none."""
        return None, None

    def reply(self, message):
        """Return the reply, a str without line feeds, to *message*, a str without its line end."""
        raise NotImplementedError(_(NO_REPLY).format(handler=type(self).__name__))

    def make_way(self):
        """Let another thread go on to the next clients: this one is about to wait."""
        self._client.make_way()

    # The conversation. Its words begin with "_": a service may use all others as it likes.

    @makes_way
    def handle(self):
        """Answer the client's messages until it, a limit or the server's stop ends it."""
        client = self._client
        try:
            if self.keep_open:
                self._answer_all()
            else:
                self._answer_one()
        except Unusable as error:  # what came is no message
            client.refuse(error)
        if not client.answered:
            raise ConnectionAbortedError(SILENT_AT_STOP if client.stopping.is_set() else NO_MESSAGE)

    def _answer_one(self):
        """Receive one message and answer it, as the lesson's servers do."""
        message = self._client.receive_one()
        if message is not None:
            self._answer(message)
            self._client.let_reply_arrive()

    def _answer_all(self):
        """Receive messages and answer them for as long as some come."""
        client = self._client
        client.answer = self._answer  # in the lane
        client.send_at_once()
        try:
            for messages in iter(client.receive, None):
                self._answer(messages)
                if client.leading:
                    client.make_way()  # whoever stays must not keep others from coming
        finally:
            client.answer = None

    def _answer(self, messages):
        """Send the replies to *messages*: bytes, with line feeds between them."""
        client = self._client
        if len(messages) > ENOUGH_FOR_TWO:
            client.make_way()
        try:
            text = messages.decode()
        except UnicodeDecodeError as error:
            return self._answer_one_by_one(messages, error)
        lines = text.split("\n")
        if "\r" in text:
            lines = [line[:-1] if line.endswith("\r") else line for line in lines]
        may_wait = self.waits or self.work or self.compute
        line = self._after_effort if may_wait else functools.partial(line_for, client, self)
        client.send(map(line, lines))
        client.answered += len(lines)
        return None

    def _answer_one_by_one(self, messages, error):
        """Answer *messages* of which one is not UTF-8, as *error* says."""
        lines = messages.split(b"\n")
        if len(lines) > 1:
            for line in lines:
                self._answer(line)
        else:
            self._client.send([self._client.mistake(_(NOT_UTF_8).format(position=error.start + 1))])
            self._client.answered += 1

    def _after_effort(self, message):
        """As `line_for`, but first let another thread lead, and spend what every message costs."""
        self._client.make_way()
        try:
            take_time(self.work, self.compute, self._client.stopping)
        except Exception as error:  # processes died, and there are no others to be had
            return line_about(error, self._client, self, message)
        return line_for(self._client, self, message)

    # Around it

    @makes_way
    def setup(self):
        """Have a `Client` to talk with. (StreamRequestHandler would wrap the socket in two file
        objects: for one short line they cost as much as all the rest, and cannot keep a deadline.)
        """
        self.connection = self.request
        self._client = ClientInLane(self) if self.lane else Client(self)

    @makes_way
    def finish(self):
        """End the connection: it was all sent, and no file object keeps it open."""
        self._client.hang_up()
