"""A message a line, a reply a line: the conversation that every service here shares."""

import contextlib
import itertools
import logging
import math
import time

from engine.effort import Effort, has_gil
from engine.errors import Unusable
from engine.escapes import excerpt, printable
from engine.language import _
from engine.leading import makes_way
from engine.messages import MessageHandler
from engine.replies import CHUNK, SURELY_THERE

log = logging.getLogger(__name__)

#: Seconds for which the replies of a service with ``waits = False`` are gathered, to be sent
#: together. The clock costs as much as a reply: it is read once for so many characters of them.
GATHER = 0.001
LOOK_EVERY = 64

#: Bytes beyond which a message is work enough for another thread to lead meanwhile: never with the
#: GIL, where the two would only take it from one another. (benchmarks/compare.py --only computing,
#: two cores: for 60 KB that makes 1.3 times the rate without the GIL, 0.9 times with it.)
LONG = math.inf if has_gil() else SURELY_THERE

NOT_UTF_8 = "ERR the message is not valid UTF-8 (byte {position}): send text in UTF-8"
NOT_A_LINE = "reply() returned {reply!r}: expected a str without line feeds"
NO_MESSAGE = "no message came"
SILENT_AT_STOP = "it had sent nothing when the server stopped"
NO_REPLY = "{handler} has no reply(): write def reply(self, message) in it"
FAILED = "ERR the service failed on this message: its log says why"


class BadMessage(ValueError):
    """A message that the service cannot take: its text, after ``ERR``, is the reply."""


class LineHandler(Effort, MessageHandler):
    """Talk with one client: messages -> replies. There is one handler object for each client.

    A service overrides

    - ``reply(message)``: called for each message, returns its reply; raises `BadMessage` with
      what is wrong and what was expected;
    - and, only where it keeps something between clients, ``running()``: a context manager around
      the whole service, entered before the first client and left after the last; entering raises
      `CannotStart` when the service cannot run.

    Class attributes that may be overridden, besides ``timeout`` and ``max_line``:

    - ``keep_open``: whether to go on after the first reply, until the client closes;
    - ``work`` and ``compute``: what every message costs, in imitation: `Effort`;
    - ``waits``: whether ``reply()`` may wait (for a disk, a sleep, another client) or computes for
      long. A service that says it does not may still call ``self.make_way()`` just before the
      rare place where it does.

    How the conversation ended reaches the server as socketserver provides: `handle` returns
    when the client was answered, lets ``socket.timeout`` out when a deadline passed, and
    ``ConnectionError`` when the client went away.
    """

    keep_open = False
    waits = True
    failed = False  # whether reply() raised something else than BadMessage

    @classmethod
    def running(cls):
        """Return the context manager that the service runs in; this one does nothing."""
        return contextlib.nullcontext()

    def reply(self, message):
        """Return the reply, a str without line feeds, to *message*, a str without its line end."""
        raise NotImplementedError(_(NO_REPLY).format(handler=type(self).__name__))

    @makes_way
    def handle(self):
        """Answer the client's messages until it, a limit or the server's stop ends it."""
        self.verbose = log.isEnabledFor(logging.DEBUG)
        if self.keep_open:
            self.send_at_once()
        try:
            while True:
                block = self.receive()  # one message or more, with line feeds between them
                if block is None:
                    input_left = self.stopping.is_set()
                    break
                if not self.keep_open:
                    block, input_left, _ = block.partition(b"\n")
                self.answer(block)
                if not self.keep_open:
                    input_left = self.reply_is_at_risk(input_left)
                    break
                if self.leading:
                    self.make_way()  # whoever stays must not keep others from coming
        except Unusable as error:
            self.answered += 1
            self.ready.append(error.before + self.mistake(error.reply))
            self.flush()
            input_left = True
        if input_left:
            self.discard_input()
        if not self.answered:
            raise ConnectionAbortedError(SILENT_AT_STOP if self.stopping.is_set() else NO_MESSAGE)

    def answer(self, block):
        """Answer the messages in *block*. Raises `Unusable` when one is, after those before it.

        Replies that are there at the same time are sent together; none is kept back while the
        service waits.
        """
        if len(block) > LONG:
            self.make_way()
        if len(block) > self.max_line:
            self.check_length(block)
        try:
            text = block.decode()
        except UnicodeDecodeError as error:
            return self.answer_one_by_one(block, error)
        messages = text.split("\n")
        if "\r" in text:
            messages = [line[:-1] if line.endswith("\r") else line for line in messages]
        may_wait = self.waits or self.work or self.compute
        ready, reply_line, clock = self.ready, self.reply_line, time.perf_counter
        size, look, due = 0, LOOK_EVERY, clock() + GATHER
        for message in messages:
            if may_wait:
                self.take_time()
            reply = reply_line(message)
            ready.append(reply)
            size += len(reply) + 1
            if size >= look:
                if size > CHUNK or clock() > due:
                    self.flush()
                    size, due = 0, clock() + GATHER
                look = size + LOOK_EVERY
        self.answered += len(messages)
        return self.flush()

    def answer_one_by_one(self, block, error):
        """Answer the messages in *block*, of which one is not UTF-8, as *error* says."""
        if b"\n" not in block:
            self.answered += 1
            self.ready.append(self.mistake(_(NOT_UTF_8).format(position=error.start + 1)))
            return self.flush()
        for line in block.split(b"\n"):
            self.answer(line)

    def check_length(self, block):
        """Raise `Unusable` when a message in *block* is too long, after answering those before."""
        lines = block.split(b"\n")
        fitting = list(itertools.takewhile(self.fits, lines))
        if len(fitting) < len(lines):
            if fitting:
                self.answer(b"\n".join(fitting))
            raise self.too_long()

    def reply_line(self, message):
        """Return the line that answers the *message*, without its end."""
        try:
            reply = self.reply(message)
            if type(reply) is not str or "\n" in reply:
                raise TypeError(_(NOT_A_LINE).format(reply=reply))
            if not reply.isascii():
                reply.encode()  # a lone surrogate is a mistake as well: it cannot be sent
            if self.verbose:
                log.debug("Message '%s', reply '%s'.", excerpt(message), excerpt(reply))
            return reply
        except BadMessage as error:
            return self.mistake("ERR " + printable(str(error)))
        except (Exception, SystemExit):
            if self.lost:  # what it raised is about the client, in make_way()
                raise
            log.exception("%s failed on the message %r.", type(self).__name__, message[:200])
            self.failed = True
            return self.mistake(_(FAILED))
