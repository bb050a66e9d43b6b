"""Incoming: the bytes that come next from a client, before its deadline and before a stop."""

import contextlib
import math
import select
import socket
import time

from engine.escapes import came
from engine.language import _
from engine.meant import with_hint
from engine.replies import CHUNK, DONT_WAIT, Replies, can_be_read
from engine.support import Word

#: Seconds for which a thread that leads waits for a message before it makes way: most clients have
#: sent theirs by then.
AS_LEADER = 0.001

#: Seconds that one wait for a message may last before it looks whether the server is stopping, where
#: no stop wakes it: on Windows, in a server without `GracefulStop`.
LONGEST_WAIT = 0.5

#: Seconds without another byte after which the log tells of a message without a line feed, and of a
#: client that has sent nothing at all.
LINE_FEED_AFTER = 3.0

TIMED_OUT = "ERR no complete message within {seconds:g} s: send one line, ended by a line feed"
NOTHING_CAME = " (nothing came: here a client speaks first; perhaps what your program writes is not flushed)"
CAME = " ({count} bytes came: '{text}')"


class Incoming(Replies):
    """What comes from one client.

    A server that stops sets its event ``stopping``, and shuts down the reading side of the sockets
    or rings its ``bell``: that wakes whoever waits here.
    """

    may_still_read = None  # bytes that may still be read once the server is stopping
    waiting = False  # whether it waits for the client to send
    deadline = None  # by ``time.monotonic()``, until which the message has to be whole
    before_first = True  # whether nothing whole has come yet
    ended = False  # whether no more will be taken from it
    partial = b""  # what has come of a message whose line feed has not come

    def read(self):
        """Return the bytes that come next; ``b""`` when the client has closed its side, the server stops, or
        a client that has its replies has been silent until the deadline."""
        if self.stopping.is_set():
            return self.read_what_came_before_the_stop()
        if self.leading:
            try:
                return self.connection.recv(CHUNK, DONT_WAIT)
            except BlockingIOError:
                pass  # it has not come yet
            if can_be_read(self.connection, AS_LEADER):
                return self.connection.recv(CHUNK)
            self.make_way()
        self.waiting = True
        chunk = self.wait_and_read()
        self.waiting = False
        return chunk

    def wait_and_read(self):
        """As `read`, but it waits until the deadline."""
        bell = self.support.bell  # on Windows
        sockets = [self.connection, bell] if bell else [self.connection]
        longest = math.inf if bell or DONT_WAIT else LONGEST_WAIT
        tells = self.partial or self.before_first
        began, silence = time.monotonic(), LINE_FEED_AFTER if tells else math.inf
        while not self.stopping.is_set():
            # The deadline is the message's: more bytes do not buy more time.
            remaining = self.deadline - time.monotonic()
            if remaining <= 0:
                if self.partial and len(self.partial) % CHUNK == 0:  # maybe the rest is there, too
                    with contextlib.suppress(BlockingIOError):
                        return self.connection.recv(CHUNK, DONT_WAIT)
                if self.answered and not self.partial:
                    return b""  # it has its replies, and seems to want no more
                self.say_it_is_late()
                raise socket.timeout("no complete message in time")
            wait_for_any(sockets, min(remaining, silence, longest))
            with contextlib.suppress(BlockingIOError):
                return self.connection.recv(CHUNK, DONT_WAIT)
            if silence < remaining and time.monotonic() >= began + silence:
                silence = math.inf
                self.support.no_line_feed(self.address, self.partial, LINE_FEED_AFTER)
        return self.read_what_came_before_the_stop()

    def say_it_is_late(self):
        """Tell the client that its message has not come in time, and what has come of it."""
        text = _(TIMED_OUT).format(seconds=self.timeout)
        if self.partial:
            text += _(CAME).format(count=len(self.partial), text=came(self.partial))
            text = with_hint(text, self.partial)
        else:
            text += _(NOTHING_CAME)
        self.ended = True
        self.send_last_words(text)

    def read_what_came_before_the_stop(self):
        """As `read`, without waiting, and no more than the system can have held at the stop."""
        if self.may_still_read is None:
            self.may_still_read = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        if self.may_still_read <= 0 or not can_be_read(self.connection, 0):
            return b""
        chunk = self.connection.recv(CHUNK)
        self.may_still_read -= len(chunk)
        return chunk

    def doing(self):
        if not self.waiting:
            return super().doing()
        count = len(self.partial)
        return (Word.HALF_A_MESSAGE if count else Word.SILENT), self.deadline - self.timeout, count


def wait_for_any(sockets, seconds):
    """Wait until one of *sockets* can be read, at most *seconds*."""
    if len(sockets) == 1:
        can_be_read(sockets[0], seconds)
    else:
        select.select(sockets, [], [], seconds)
