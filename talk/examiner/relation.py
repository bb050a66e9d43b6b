"""The relation between a message and its reply: learned from examples, never assumed."""

import re

#: From the closest to the loosest: the reply is the message in capitals; the message itself; has it in
#: it; has its number in it; is always the same; is something else.
CAPITALS, UNCHANGED, CONTAINED, NUMBERED, SAME, OTHER = range(6)


class Relation:
    """How replies come from messages, as far as *examples*, pairs of them as text, show it."""

    def __init__(self, examples):
        self.constant = examples[0][1]
        self.kind = next(kind for kind in range(OTHER + 1)
                         if all(self._is(kind, *example) for example in examples))
        if self.kind < SAME:
            self.constant = None

    def _is(self, kind, message, reply):
        if kind == CAPITALS:
            return reply == message.upper()
        if kind == UNCHANGED:
            return reply == message
        if kind == CONTAINED:
            return message.casefold() in reply.casefold()
        if kind == NUMBERED:
            return number_of(message) in re.findall(r"\d+", reply)
        return reply == self.constant if kind == SAME else bool(reply)

    def fits(self, message, reply):
        """Tell whether *reply* answers *message*; more around it, or small letters, do not matter."""
        kind = CONTAINED if self.kind in (CAPITALS, UNCHANGED) else self.kind
        return bool(reply) and self._is(kind, message, reply)

    def is_exact(self, message, reply):
        """Tell whether *reply* is, letter by letter, what *message* should bring."""
        return bool(reply) and self._is(self.kind, message, reply)

    def loosen(self):
        """Give up that replies are always the same: they were so by chance, as the time is for a second."""
        self.kind, self.constant = OTHER, None

    def tells_apart(self):
        """Tell whether a reply shows whose it is."""
        return self.kind < SAME


def number_of(message):
    """Return the number by which the examiner tells its *message* from all others."""
    return re.findall(r"\d{4,}", message)[0]
