"""What ``reply()`` must not return: in a sentence, with the line that returned it."""

import reprlib

from engine.blame import code_of, lines_of_returns, may_end_without, place, place_of
from engine.language import _

NOTHING = "{place}: reply() returned None: is a return missing?"
GIVES_NOTHING = "{place}: reply() returned None: what stands after return gives None, as print() and sort() do."
BYTES = "{place}: reply() returned {reply}, which is {kind}: expected a str. decode() makes one of it."
LIST = "{place}: reply() returned {reply}, which is {kind}: expected a str. \" \".join() makes one of words."
NOT_CALLED = "{place}: reply() returned {reply}: are the parentheses missing that call it?"
NO_STR = "{place}: reply() returned {reply}, which is {kind}: expected a str. str() makes one of it."
LINE_FEED = ("{place}: reply() returned {reply}: a reply is one line, and its character {number} of {length} is "
             "a line feed, \\n. Leave it out.")
NOT_UTF_8 = ("{place}: reply() returned {reply}: its character {number} of {length} is half of a pair, which "
             "cannot be sent.")


def first_half(text):
    """Return the number of the first character in *text* that is half of a surrogate pair, else 0."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start + 1
    return 0


def what_is_wrong(reply, function):
    """Return the sentence that says what is wrong with the *reply* that this *function* returned."""
    text, number = GIVES_NOTHING, 0
    code = code_of(function)
    lines = lines_of_returns(code) if code else set()
    if reply is None and (not code or may_end_without(code)):
        text, lines = NOTHING, set()
    elif isinstance(reply, str):
        number = reply.find("\n") + 1
        text = LINE_FEED if number else NOT_UTF_8
        number = number or first_half(reply)
        text = text if number else NO_STR  # of a class of its own
    elif reply is not None:
        text = (BYTES if isinstance(reply, (bytes, bytearray)) else NOT_CALLED if callable(reply)
                else LIST if isinstance(reply, (list, tuple, set, frozenset)) else NO_STR)
    where = place(code.co_filename, *lines) if len(lines) == 1 else place_of(function)
    kind = type(reply).__name__
    return _(text).format(place=where, reply=reprlib.repr(reply), kind=kind, number=number,
                          length=len(reply) if number else 0)
