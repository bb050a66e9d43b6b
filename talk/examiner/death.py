"""Death: a server that does not answer any more, of what, and how to go on."""

import time

from engine.language import _
from talk.examiner.examinee import Unreached
from talk.examiner.verdicts import mend
from talk.examiner.wire import REFUSED

#: So many refused connections show that nobody listens.
REFUSALS = 3

ENDED = ("After {deed} it has ended: its screen shows the exception. Put try: and except Exception: "
         "around the service of one client, inside the loop, so that one client's mistake does not end "
         "it for all. Start it again. The rest was not examined: --from \"{check}\" goes on here.")
STUCK = ("After {deed} it answers nobody any more. {perhaps} Start it again. The rest was not examined: "
         "--from \"{check}\" goes on here.")
PERHAPS_LOOP = ("Perhaps recv() gave b\"\", since that client had gone, and the loop around recv() goes "
                "on for ever: write if not data: break.")
PERHAPS_LOST = ("Perhaps each of them keeps its slot for ever: with conn: closes it, and finally: gives "
                "a slot back, also after an exception.")
PERHAPS_EXCEPTION = "Perhaps its screen shows an exception."


def death(server, check, deed, perhaps=PERHAPS_EXCEPTION):
    """Return the final verdict on a *server* that does not answer any more after this *deed* of the
    *check*; None when it does."""
    if is_alive(server):
        return None
    text = ENDED if has_ended(server) else STUCK
    return mend(_(text).format(deed=deed, check=_(check), perhaps=_(perhaps)), final=True)


def is_alive(server):
    """Tell whether a plain message is still answered. It is tried again for a while: whoever has just
    been busy may have turned one client away."""
    left, refused = 6 * server.patience, 0
    while left > 0 and refused < REFUSALS:
        limit, began = 2 * server.patience, time.monotonic()
        try:
            if server.ask_plainly(limit):
                return True
        except Unreached as error:
            refused += error.how == REFUSED
        server.pause(2 * server.measures.gap)
        left -= min(time.monotonic() - began, limit)  # more than that, and this machine was busy
    return False


def has_ended(server):
    """Tell whether nobody listens at the address of the *server* any more."""
    try:
        server.open().leave()
    except Unreached as error:
        return error.how == REFUSED
    return False
