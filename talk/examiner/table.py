"""The table: what is checked, in this order.

Harmless checks come first, and the first four find out what all others need to know. Many clients at
once come early, and again later. The blows come last: a server may not survive them.
"""

import collections

from talk.examiner.answering import answers, closes, greeting, line_feed, second_message
from talk.examiner.blows import empty, hang_up, no_word, not_utf_8, reset, unread
from talk.examiner.framing import (accents, carriage_return, half_a_letter, long_message, pieces, two_lines,
                                   waits)
from talk.examiner.mixing import crowd, mixed_up
from talk.examiner.readings import empty_name, missing_field, query, wrong_number
from talk.examiner.slots import at_once, silent_clients

#: A check: its name, the function that makes it, and what that does to the server, after which it may
#: not answer any more.
Check = collections.namedtuple("Check", "name ask deed")

#: So many checks are always made.
NEEDED = 4

CHECKS = [Check(*row) for row in [
    ("answers", answers, "its first clients"),
    ("greeting", greeting, "its first clients"),
    ("line feed", line_feed, "its first clients"),
    ("closes", closes, "its first clients"),
    ("second message", second_message, "a second message"),
    ("mixed up", mixed_up, "many clients at once"),
    ("waits", waits, "a message whose line feed came late"),
    ("pieces", pieces, "a message in two pieces"),
    ("accents", accents, "a message with accents"),
    ("half a letter", half_a_letter, "a letter in two pieces"),
    ("two lines", two_lines, "two messages in one packet"),
    ("carriage return", carriage_return, "a line that ended with \\r\\n"),
    ("long message", long_message, "a long message"),
    ("at once", at_once, "clients that said nothing"),
    ("silent clients", silent_clients, "clients that said nothing"),
    ("crowd", crowd, "many clients at once"),
    ("empty", empty, "an empty message"),
    ("not UTF-8", not_utf_8, "bytes that are not UTF-8"),
    ("no word", no_word, "a client that left without a word"),
    ("hang-up", hang_up, "a client that left in mid-message"),
    ("reset", reset, "a client whose connection broke (a reset)"),
    ("unread", unread, "a client that did not wait for its reply"),
]]

OF_TEMPERATURES = [Check(*row) for row in [
    ("query", query, "a query, which is a message without temperatures where queries are not known"),
    ("missing field", missing_field, "a reading with a missing field"),
    ("wrong number", wrong_number, "a reading with a wrong number"),
    ("empty name", empty_name, "a reading with an empty name"),
]]


def checks_of(service):
    """Return the checks for this *service*, "upper" or "temp"."""
    return CHECKS + (OF_TEMPERATURES if service == "temp" else [])
