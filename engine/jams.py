"""Jams: when those who say nothing hold every slot while others wait, the server says so."""

import math
import time

from engine.language import _
from engine.replies import can_be_read

#: Seconds for which others have to wait before it is said.
PATIENCE = 2.0

#: Seconds between two looks after which the second is about another jam.
SAME_JAM = 1.5

#: Seconds for which it is not said again.
QUIET_INTERVAL = 60.0

#: What those clients do for whom the server waits.
IDLE = {"silent", "half a message"}

JAM = ("All %d slots are held by clients that say nothing, and %s for a slot: "
       "--max-threads %d would let more in.")


class Jams:
    """Mix-in for a `BoundedThreadingTCPServer` with `Books`. Only the thread in ``serve_forever``
    uses what is kept here."""

    _jam_began = _looked = _jam_said = -math.inf

    def still_full(self):
        """Look whether others wait for clients that say nothing; if so for long, log it once."""
        super().still_full()
        now = time.monotonic()
        clients = self.in_service()
        idle = clients and all(client.doing.word in IDLE for client in clients)
        if not idle or not can_be_read(self.socket, 0):
            self._looked = -math.inf
            return
        if now - self._looked > SAME_JAM:
            self._jam_began = now
        self._looked = now
        if now - self._jam_began >= PATIENCE and now - self._jam_said >= QUIET_INTERVAL:
            self._jam_said = now
            waiting = self.waiting()
            who = _("%d wait") % waiting if waiting and waiting > 1 else _("somebody waits")
            self.log.warning(JAM, len(clients), who, 10 * len(clients))
