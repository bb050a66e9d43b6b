"""Letters that were lost: names of cities that somebody's character set has spoilt before they came.

Pure functions. They guess: such a name is taken as it came, and the teacher is told.
"""

import re

QUESTION_MARK = ("%s: '%s' has come. Perhaps the ? stands for a letter that its program could not write: "
                 "it has to send UTF-8")
TWICE = ("%s: '%s' has come. Perhaps that is '%s', made UTF-8 twice: its program has to send UTF-8, and to read "
         "what it sends as UTF-8, too")

#: Finds the first two bytes of a letter in UTF-8, as two letters of cp1252 or of ISO 8859-1. It is asked about
#: every name with accents.
has_a_pair = re.compile("[\xc2-\xf4][\x80-\xbf\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152"
                        "\u017d\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178]").search

#: A question mark beside a letter, in a name.
_replaced = re.compile(r"[^\W\d_]\?|\?[^\W\d_]").search


def what_it_may_be(name):
    """Return what *name* looks like: a text of this room and its fields behind the first; or None."""
    if "?" in name and _replaced(name):
        return QUESTION_MARK, name
    meant = not name.isascii() and has_a_pair(name) and read_once(name)
    return (TWICE, name, meant) if meant else None


def read_once(name):
    """Return what *name* would be if it had not been taken for another character set; None if that is
    no text."""
    for charset in "cp1252", "iso-8859-1":
        try:
            return name.encode(charset).decode()
        except UnicodeError:
            continue
    return None
