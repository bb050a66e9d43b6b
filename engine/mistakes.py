"""Mistakes: what a client did wrong stands on the teacher's screen, with its address; no flood of it
does."""

import logging
import threading
import time

from engine.addresses import host_of
from engine.escapes import came, printable
from engine.kinds import Kinds, beginning_of
from engine.language import _
from engine.meant import with_hint
from engine.names import who

#: Lines about mistakes that are logged in a second; of more only the number is.
LINES_A_SECOND = 5

#: Addresses of which it is remembered that they have been told of; then it begins anew.
MOST_TOLD = 1000

REPLIED = "Client %s: %s"
MORE = "... and %d more lines like these within a second."
NO_LINE_FEED = "%s has sent %d bytes, but no line feed: '%s'"
NOTHING = ("%s has sent nothing for %g s: here a client speaks first. Perhaps its program waits for a "
           "greeting, or what it writes is not flushed")
SENT_MORE = "%s sent more after its first message: --keep-open answers all"


class Mistakes:
    """Counts the ``ERR`` replies in the *books*, tells the *log* of them, and remembers their kinds.

    What is shared: all of it, guarded by ``_lock``; nobody logs while holding it. Any thread may
    call its methods.
    """

    def __init__(self, books, log):
        self._books, self._log = books, log
        self._lock = threading.Lock()
        self._kinds = Kinds()
        self._said = 0  # since _second_began, also those lines that were not
        self._second_began = 0.0
        self._told = set()  # pairs of a text that is said once for each host, and the host

    def note(self, client_address, reply):
        """Count the *reply*, an ``ERR``, that a client was sent, and log it."""
        self._books.count_error()
        with self._lock:
            self._kinds.add(client_address, reply, time.time())
        self._say(REPLIED, who(client_address), short(reply))

    def kinds(self, most):
        """Return at most so many of the latest kinds, the latest first, and how many there are."""
        with self._lock:
            return self._kinds.latest(most), len(self._kinds)

    def note_no_line_feed(self, client_address, partial, seconds):
        """Log that a client has sent nothing for so many *seconds*, with its message *partial* (bytes)
        not ended; if it is empty, once for each host."""
        if not partial:
            return self.note_once(NOTHING, client_address, seconds)
        text = with_hint(_(NO_LINE_FEED) % (who(client_address), len(partial), came(partial)), partial)
        return self._say("%s", text)

    def note_more(self, client_address):
        """Log, once for each host, that a client sent more than the one message that counts."""
        self.note_once(SENT_MORE, client_address)

    def note_once(self, text, client_address, *arguments):
        """Log *text* about a client, with its address and the *arguments*, once for each host."""
        told = text, host_of(client_address)
        with self._lock:
            if told in self._told:
                return
            if len(self._told) >= MOST_TOLD:
                self._told.clear()
            self._told.add(told)
        self._say(text, who(client_address), *arguments)

    def _say(self, text, *arguments):
        """Log a line, unless this second has had enough of them."""
        if not self._log.isEnabledFor(logging.INFO):
            return
        with self._lock:
            now = time.monotonic()
            if self._said <= LINES_A_SECOND and now - self._second_began >= 1:
                self._second_began, self._said = now, 0
            self._said += 1
            said = self._said
        if said <= LINES_A_SECOND:
            self._log.info(text, *arguments)
        elif said == LINES_A_SECOND + 1:
            try:
                timer = threading.Timer(1, self._say_how_many_more)
                timer.daemon = True
                timer.start()
            except (RuntimeError, MemoryError):  # no thread for it: the next line tries again
                with self._lock:
                    self._said = LINES_A_SECOND

    def _say_how_many_more(self):
        with self._lock:
            more, self._said = self._said - LINES_A_SECOND, 0
        self._log.info(MORE, more)


def short(reply):
    """Return the beginning of a *reply*. What a client sent is escaped in it already."""
    return printable(beginning_of(reply))
