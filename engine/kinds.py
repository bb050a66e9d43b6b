"""Kinds of mistakes: of those alike it is remembered how many there were, and the latest."""

import collections
import re

#: Kinds that are remembered; a new one beyond takes the place of the one that was quiet for longest.
MOST = 50

#: Characters of a reply that are looked at, and remembered.
LONGEST = 300

#: What differs between mistakes of a kind: what the client sent, which stands in quotes, and numbers.
ITS_OWN = re.compile(r"'.*'|\d+")

#: A kind of mistake: how many there were; of the latest the address of its client, the reply, and when
#: it came, in seconds since 1970.
Kind = collections.namedtuple("Kind", "count client_address reply when")


class Kinds:
    """The kinds of ``ERR`` replies. Not safe for threads: its user holds a lock."""

    def __init__(self):
        self._kinds = collections.OrderedDict()  # what they have in common -> Kind, the latest at the end

    def add(self, client_address, reply, when):
        """Count a *reply* that was sent to a client."""
        reply = beginning_of(reply)
        alike = in_common(reply)
        known = self._kinds.pop(alike, None)
        if known is None and len(self._kinds) >= MOST:
            self._kinds.popitem(last=False)
        self._kinds[alike] = Kind(known.count + 1 if known else 1, client_address, reply, when)

    def latest(self, most):
        """Return at most so many kinds, the latest first: a list of `Kind`."""
        return list(self._kinds.values())[:-1 - most:-1]

    def __len__(self):
        return len(self._kinds)


def beginning_of(reply):
    """Return a *reply*, cut off where it is too long to be shown."""
    return reply if len(reply) <= LONGEST else reply[:LONGEST] + "..."


def in_common(reply):
    """Return what a *reply* has in common with those of its kind: its beginning, up to the remedy, without
    what is the client's own. (Only that much is searched: it costs 1.6 us, and the whole would cost 2.7.)"""
    beginning = reply.partition(": ")[0]
    if beginning.count("'") % 2:  # it ends within what is quoted
        return ITS_OWN.sub("", reply).partition(": ")[0]
    return ITS_OWN.sub("", beginning)
