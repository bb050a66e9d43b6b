"""A message a line, a reply a line: the conversation that every service here shares."""

import contextlib
import errno
import itertools
import logging
import math
import os
import socket
import socketserver
import struct
import threading
import time

from engine.screen import excerpt, printable

log = logging.getLogger(__name__)

#: Bytes asked of the socket at a time; also how much of replies is gathered for one send.
CHUNK = 32768

#: Seconds, at most, that input which nobody will use is still read so that the last reply
#: survives (nginx's lingering_timeout has the same default).
LINGER = 5.0

#: Seconds that one wait for a message may last before it looks whether the server is stopping.
#: Elsewhere than on Windows the stop wakes those who wait: `BoundedThreadingTCPServer.stop`.
LONGEST_WAIT = 0.5 if os.name == "nt" else math.inf

#: The flag that has one call on a blocking socket not wait; Windows has none.
DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)

#: Characters of replies, and seconds to find them, before a client can have sent more than its
#: message: no need to look.
SHORT = 1024
SOON = 0.0001

#: Seconds for which replies are gathered for one send; looked at after so many characters of them.
GATHER = 0.001
LOOK_EVERY = 64

#: Messages after which a client that stays connected goes on in the lane, and the bytes that a
#: message may have there, its line feed counted.
SETTLED = 4
LANE_LIMIT = 1024

#: For a server that knows no graceful stop: an event that never happens.
NEVER = threading.Event()

TIMED_OUT = "ERR no complete message within {seconds:g} s: send one line, ended by a line feed"
TOO_LONG = "ERR message too long: at most {limit} bytes before the line feed"
NO_LINE_END = "ERR the last message had no line feed at its end and was dropped"
NOT_UTF_8 = "the message is not valid UTF-8 (byte {position}): send text in UTF-8"
NOT_A_LINE = "reply() returned {reply!r}: expected a str without line feeds"
FAILED = "ERR the service failed on this message: its log says why"


class BadMessage(ValueError):
    """A message that the service cannot take: its text, after ``ERR``, is the reply."""


class CannotStart(Exception):
    """A service cannot run: the text tells the user, in one line, why and what to do."""


class MessageTooLong(Exception):
    """A message went past ``max_line`` before its line feed came."""


class LineHandler(socketserver.StreamRequestHandler):
    """Talk with one client: bytes -> messages -> replies -> bytes.

    A service overrides

    - ``reply(message)``: called for each message, returns its reply; raises `BadMessage` with
      what is wrong and what was expected;

    and, only where it keeps something between clients,

    - ``running()``: a context manager around the whole service, entered before the first
      client and left after the last; entering raises `CannotStart` when the service cannot run.

    Class attributes that may be overridden:

    - ``timeout``: seconds for each message to arrive whole, and for its reply to be taken;
    - ``max_line``: bytes a message may have, its line feed not counted;
    - ``keep_open``: whether to go on after the first reply, until the client closes;
    - ``work``: seconds to take over every message, in imitation of an expensive operation;
    - ``never_waits``: the promise, also for every subclass, that ``reply()`` waits for nothing, be
      it a disk, a sleep, a lock that is held for long or another client, and does not compute for
      long: it may then be called in the `Lane`, where others wait for it.

    How the conversation ended reaches the server as socketserver provides: `handle` returns
    when the client was answered, lets ``socket.timeout`` out when a deadline passed, and
    ``ConnectionError`` when the client went away; each goes to ``server.handle_error``.
    Any ``socketserver`` server will do; one with an event called ``stopping`` can also end
    conversations gracefully by setting it and shutting down the reading side of the sockets, one
    with a deque called ``tally`` is told in it how many messages were answered, and one with a
    `Lane` called ``lane`` has a single thread answer the clients of a service that never waits.
    """

    timeout = 60.0
    max_line = 65536
    keep_open = False
    work = 0.0
    never_waits = False

    @classmethod
    def running(cls):
        """Return the context manager that the service runs in; this one does nothing."""
        return contextlib.nullcontext()

    def reply(self, message):
        """Return the reply, a str without line feeds, to *message*, a str without its line end."""
        raise NotImplementedError("a service overrides reply()")

    # StreamRequestHandler would wrap the socket in two file objects here. For one short line
    # they cost as much as all the rest of the handler, and readline() cannot keep a deadline.

    def setup(self):
        self.connection = self.request
        self.stopping = getattr(self.server, "stopping", NEVER)
        self.partial = bytearray()
        self.read_ahead = b""
        self.unsent = b""
        self.answered = 0
        self.first_try = DONT_WAIT
        self.at_rest = None if DONT_WAIT else min(self.timeout, LONGEST_WAIT)
        self.verbose = log.isEnabledFor(logging.DEBUG)
        self.tally = getattr(self.server, "tally", None)
        self.in_lane = False
        self.lane = None
        if self.keep_open and self.never_waits and not self.work:
            self.lane = getattr(self.server, "lane", None)
        if not DONT_WAIT:
            self.connection.settimeout(self.at_rest)
        elif self.keep_open:
            self.have_system_time_out()

    def have_system_time_out(self):
        """Let the system watch over the time that a message takes, and send replies at once.

        With settimeout() Python asks poll() before every recv(): half of all system calls.
        """
        seconds = struct.pack("ll", int(self.timeout), int(self.timeout % 1 * 1e6))
        with contextlib.suppress(OSError):  # macOS: the client is gone; recv() will tell
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
            self.first_try = 0
            # Replies that follow one another must not wait for the client's acknowledgement.
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def finish(self):
        """Close the connection: it was all sent, and nothing else holds on to the socket."""
        self.connection.close()

    def handle(self):
        """Answer the client's messages until it, a limit or the server's stop ends it."""
        try:
            short = False
            while True:
                self.deadline = time.monotonic() + self.timeout
                if self.lane and short and self.answered >= SETTLED:
                    self.stay_in_lane()
                block = self.receive()
                if block is None:
                    break
                more = self.partial
                if not self.keep_open:
                    block, line_feed, _ = block.partition(b"\n")
                    more = line_feed or more
                short = len(block) < LANE_LIMIT and b"\n" not in block and not self.partial
                began = time.monotonic()
                sent = self.answer(block)
                if not self.keep_open or self.stopping.is_set():
                    soon = sent <= SHORT and time.monotonic() - began < SOON
                    if more or not soon and self.more_came():
                        self.discard_input()
                    break
        except MessageTooLong:
            self.count(1)
            self.send([TOO_LONG.format(limit=self.max_line)])
            self.discard_input()
        if not self.answered:
            raise ConnectionAbortedError("no message came")

    def receive(self):
        """Return the complete messages that have come, at least one: bytes, without the last
        line feed.

        Waits for the first of them, however many pieces it comes in. None: the client has closed
        its side, or the server is stopping. Raises `MessageTooLong`; ``socket.timeout`` when no
        message was complete at the ``deadline`` (the client is told); ``ConnectionError``
        when the client is gone, or closed its side in the middle of a message.
        """
        connection = self.connection
        if self.partial and not self.fits(self.partial):
            raise MessageTooLong
        # Most clients have sent their message before it is their turn: try without waiting first.
        flags, waited = self.first_try, False
        while True:
            try:
                chunk = self.read_ahead or connection.recv(CHUNK, flags)
                self.read_ahead = b""
                if b"\n" in chunk:
                    break
                if not chunk:
                    return self.end_of_input()
                self.partial += chunk
                if not self.fits(self.partial):
                    raise MessageTooLong
            except (BlockingIOError, socket.timeout) as error:
                if error.errno == errno.ETIMEDOUT:  # the network's word, not our own limit
                    raise ConnectionAbortedError(error.strerror) from None
                if self.stopping.is_set():
                    return self.end_of_input()
            # The deadline is the message's: more bytes do not buy more time.
            remaining = self.deadline - time.monotonic()
            if remaining <= 0:
                self.send_last_words(TIMED_OUT.format(seconds=self.timeout))
                raise socket.timeout("no complete message in time")
            connection.settimeout(min(remaining, LONGEST_WAIT))
            flags, waited = 0, True
        if waited:
            connection.settimeout(self.at_rest)
        if self.partial:
            chunk = self.partial + chunk
        block, _, rest = chunk.rpartition(b"\n")
        if rest or self.partial:
            self.partial = bytearray(rest)
        return block

    def stay_in_lane(self):
        """Have the client answered in the lane, until there is something for this thread to do."""
        self.in_lane = True
        try:
            self.lane.stay(self)
        finally:
            self.in_lane = False
        # From now on receive() looks what is there before it waits: the deadline may have passed,
        # or the server be stopping.
        self.first_try = DONT_WAIT
        if self.unsent:
            self.send_rest()
            self.deadline = time.monotonic() + self.timeout

    def answer_at_once(self):
        """In the lane: answer what has come, if it is one short message; return whether to stay.

        More than one is for the client's own thread: nothing but that may wait until the client
        takes the replies.
        """
        try:
            chunk = self.connection.recv(CHUNK, DONT_WAIT)
        except BlockingIOError:  # its own thread has answered that already, and is back in the lane
            return True
        if not 0 < chunk.find(b"\n") + 1 == len(chunk) <= LANE_LIMIT:
            self.read_ahead = chunk
            return False
        self.answer(chunk[:-1])
        self.deadline = time.monotonic() + self.timeout
        return not self.unsent and not self.stopping.is_set()

    def end_of_input(self):
        """The client sends no more: what it left unfinished is dropped."""
        if self.partial:
            self.send_last_words(NO_LINE_END)
            raise ConnectionAbortedError("it closed in the middle of a message")

    def answer(self, block):
        """Answer the messages in *block*, the replies together unless they take their time.

        Returns how many characters were sent last. Raises `MessageTooLong` when a message is,
        after answering those before it.
        """
        if len(block) > self.max_line:
            self.check_length(block)
        try:
            text = block.decode()
        except UnicodeDecodeError as error:
            return self.answer_one_by_one(block, error)
        messages = text.split("\n")
        if "\r" in text:
            messages = [line[:-1] if line.endswith("\r") else line for line in messages]
        work, answer_to, clock = self.work, self.answer_to, time.monotonic
        replies, size, due = [], 0, clock() + GATHER
        step = 0 if work else LOOK_EVERY
        look = step
        for message in messages:
            if work:
                self.stopping.wait(work)
            reply = answer_to(message)
            replies.append(reply)
            size += len(reply)
            if size >= look:
                if work or size > CHUNK or clock() > due:
                    self.send(replies)
                    replies, size, due = [], 0, clock() + GATHER
                look = size + step
        self.count(len(messages))
        if replies:
            self.send(replies)
        return size

    def count(self, messages):
        """Count so many *messages* as answered."""
        self.answered += messages
        if self.tally is not None:
            self.tally.append(messages)

    def answer_one_by_one(self, block, error):
        """Answer the messages in *block*, of which one is not UTF-8, as *error* says."""
        if b"\n" not in block:
            self.count(1)
            self.send(["ERR " + NOT_UTF_8.format(position=error.start + 1)])
        else:
            for line in block.split(b"\n"):
                self.answer(line)
        return CHUNK  # not a short reply

    def check_length(self, block):
        """Raise `MessageTooLong` when a message in *block* is, after answering those before."""
        lines = block.split(b"\n")
        fitting = list(itertools.takewhile(self.fits, lines))
        if len(fitting) < len(lines):
            if fitting:
                self.answer(b"\n".join(fitting))
            raise MessageTooLong

    def fits(self, line):
        """Tell whether the *line*, maybe with a carriage return, is as long as one may be."""
        return len(line) - line.endswith(b"\r") <= self.max_line

    def answer_to(self, message):
        """Return the line to send back for the *message*, without its end."""
        try:
            reply = self.reply(message)
            if type(reply) is not str or "\n" in reply:
                raise TypeError(NOT_A_LINE.format(reply=reply))
            if not reply.isascii():
                reply.encode()  # a lone surrogate is a mistake as well: it cannot be sent
            if self.verbose:
                log.debug("Message '%s', reply '%s'.", excerpt(message), excerpt(reply))
            return reply
        except BadMessage as error:
            log.debug("A bad message: %s.", excerpt(str(error)))
            return "ERR " + printable(str(error))
        except (Exception, SystemExit):
            # A mistake in the service, not in the message: the log is for whoever wrote it.
            log.exception("%s failed on the message %r.", type(self).__name__, message[:200])
            return FAILED

    def send(self, replies):
        """Send *replies*, within ``timeout`` seconds however slowly the client reads.

        In the lane nobody waits: what the client does not take at once is left to its own thread.
        """
        data = ("\n".join(replies) + "\n").encode()
        try:
            sent = self.connection.send(data, DONT_WAIT)
        except (BlockingIOError, socket.timeout):
            sent = 0
        if sent < len(data):
            self.unsent = memoryview(data)[sent:]
            if not self.in_lane:
                self.send_rest()

    def send_rest(self):
        """Wait until the client has taken what is ``unsent``, ``timeout`` seconds at most."""
        self.connection.settimeout(self.timeout)
        self.connection.sendall(self.unsent)
        self.connection.settimeout(self.at_rest)
        self.unsent = b""

    def send_last_words(self, text):
        """Send one more line to a client that may not be there to read it."""
        try:
            self.connection.setblocking(False)
            self.connection.send(text.encode() + b"\n")
        except OSError as error:
            log.debug("Could not say '%s': %s.", text, error)

    def more_came(self):
        """Tell whether the client has sent more than was read (and read some of it)."""
        self.connection.setblocking(False)
        try:
            return bool(self.connection.recv(CHUNK))
        except OSError:
            return False  # no more, or it is gone

    def discard_input(self):
        """Read what else the client sends, and drop it, until it closes: at most a few seconds.

        To close a socket with unread input resets the connection (RFC 9293, 3.10.4; RFC 2525,
        2.17), and the reset can overtake the last reply.
        """
        deadline = time.monotonic() + min(self.timeout, LINGER)
        try:
            self.connection.shutdown(socket.SHUT_WR)
            while not self.stopping.is_set():
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    break
                self.connection.settimeout(min(remaining, LONGEST_WAIT))
                with contextlib.suppress(socket.timeout):
                    if not self.connection.recv(CHUNK):
                        break
        except OSError as error:
            log.debug("The client did not wait for its last reply: %s.", error)

