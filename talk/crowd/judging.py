"""Judging: what the replies to a crowd show only when they lie side by side."""

import collections
import re

from engine.escapes import excerpt
from engine.language import _
from talk.crowd.members import REPLIED

#: What may be wrong with a reply that came; it stands in the picture.
MIXED_UP, ALIKE = "mixed up", "all alike"
GREETED, BROKEN = "a greeting", "broken accents"

MIXED_UP_REASON = ("'{message}' was answered with '{reply}', which is another client's reply. Perhaps "
                   "the threads share a variable: keep the message and the socket in local ones.")
ALIKE_REASON = ("'{message}' was answered with '{reply}', and so were other messages: the reply does "
                "not show whose it is.")
GREETED_REASON = ("'{reply}' came first, and only then '{after}': the server speaks first, or answers "
                  "with two lines. A reply is one line.")
BROKEN_REASON = ("'{message}' was answered with '{reply}'. Accents are two bytes each: "
                 "decode(\"utf-8\"), upper(), then encode(\"utf-8\").")

#: Characters that a reply must have of a message for both to be of one text.
ENOUGH = 4

#: A letter that is not ASCII, as it came, or as a byte that was no letter.
NO_ASCII = re.compile(r"\\x[0-9a-f]{2}|[^\x00-\x7f]")


def judge(members):
    """Look at the replies to *members* who were answered; where one is not right, set its outcome.

    A service whose replies are rightly alike, such as ``BYE``, is accused of nothing.
    """
    answered = [member for member in members if member.outcome == REPLIED]
    owners = owners_of({member.reason for member in answered}, members)
    greeting, after = next(((member.reason, member.after) for member in answered if member.after), (None, ""))
    times = collections.Counter(member.reason for member in answered)
    tells_apart = any(member.message in owners[member.reason] for member in answered)
    for member in answered:
        reply, mine = member.reason, member.message in owners[member.reason]
        if reply == greeting and not mine:
            accuse(member, GREETED, GREETED_REASON, after)
        elif owners[reply] and not mine:
            accuse(member, MIXED_UP, MIXED_UP_REASON)
        elif has_broken_accents(member.message, reply):
            accuse(member, BROKEN, BROKEN_REASON)
        elif not mine and times[reply] > 1 and is_of_many(member, members) and (
                tells_apart or len(reply) >= ENOUGH and reply.casefold() in member.message.casefold()):
            accuse(member, ALIKE, ALIKE_REASON)


def accuse(member, outcome, text, after=""):
    """Set the *outcome* of a *member*, and the reason that *text* says."""
    member.reason = _(text).format(message=excerpt(member.message, 60), reply=excerpt(member.reason, 60),
                                   after=excerpt(after, 60))
    member.outcome = outcome


def owners_of(replies, members):
    """Return the messages that stand in each of the *replies*: reply -> set. ``client 1`` does not
    stand in ``CLIENT 12``."""
    messages = {member.message: member.message.casefold() for member in members}
    owners = {}
    for reply in replies:
        text = reply.casefold()
        owners[reply] = {message for message, small in messages.items() if small and small in text
                         and re.search(re.escape(small) + r"(?!\d)", text)}
    return owners


def is_of_many(member, members):
    """Tell whether others sent something else than this *member*."""
    return any(other.message != member.message for other in members)


def has_broken_accents(message, reply):
    """Tell whether a *reply* is the *message*, in capitals or as it is, but for its accents."""
    if reply in (message, message.upper()) or not NO_ASCII.search(message):
        return False
    bare = NO_ASCII.sub("", reply).replace("?", "")
    return any(bare == NO_ASCII.sub("", right) for right in (message, message.upper()))
