"""Jams: when those who say nothing hold every slot while others wait, the server says so."""

import math
import time

from engine.language import _
from engine.seldom import Seldom
from engine.support import Word

#: Seconds for which others have to wait before it is said.
PATIENCE = 2.0

#: Seconds between two looks after which the second is about another jam.
SAME_JAM = 1.5

#: Seconds for which it is not said again.
QUIET_INTERVAL = 60.0

#: What those clients do for whom the server waits.
IDLE = {Word.SILENT, Word.HALF_A_MESSAGE}

JAM = ("All %d slots are held by clients that say nothing, and %s for a slot: "
       "--max-threads %d would let more in.")


class Jams:
    """Looks at those in service, who stand in the *books*, and tells the *log*. Only the acceptor's
    thread calls `look`; any thread may call `lasts`."""

    def __init__(self, books, log):
        self._books, self._log = books, log
        self._began = self._looked = -math.inf
        self._may_be_said = Seldom(QUIET_INTERVAL)

    def look(self, somebody_waits, how_many):
        """Look whether others wait for clients that say nothing; if so for long, log it.

        *somebody_waits* and *how_many* tell, when called, whether clients wait for a slot, and how
        many (None where the system does not tell).
        """
        now = time.monotonic()
        clients = self._books.in_service()
        idle = clients and all(client.doing.word in IDLE for client in clients)
        if not idle or not somebody_waits():
            self._looked = -math.inf
            return
        if now - self._looked > SAME_JAM:
            self._began = now
        self._looked = now
        if now - self._began >= PATIENCE and self._may_be_said.is_due():
            waiting = how_many()
            who = _("%d wait") % waiting if waiting and waiting > 1 else _("somebody waits")
            self._log.warning(JAM, len(clients), who, enough_for(len(clients)))

    def lasts(self):
        """Tell whether there is a jam now: the two times may be a moment apart."""
        looked, began = self._looked, self._began
        return time.monotonic() - looked <= SAME_JAM and looked - began >= PATIENCE


def enough_for(slots):
    """Return how many slots are advised where so many are too few."""
    return 10 * slots
