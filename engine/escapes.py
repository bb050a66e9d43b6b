"""What reaches a screen: nothing a client sends may drive the terminal it is shown on."""

#: Of these Persian, Sinhala, Marathi and emoji are made; they drive no terminal.
JOINERS = "\u200c\u200d"


def printable(text):
    """Return *text* with every character that is not plainly visible written as an escape.

    Terminal escapes, line ends, right-to-left overrides and lone surrogates come out as
    ``\\x1b``, ``\\n``, ``\\u202e``, ``\\udc80``; letters of every script stay as they are, and
    so do the joiners that some need.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in JOINERS
                   else c.encode("unicode_escape").decode("ascii") for c in text)


def excerpt(text, limit=200):
    """Return *text*, as somebody sent it, `printable`; cut off where it is longer than *limit* characters.

    A backslash in it is written twice: else what is no line feed would look like one.
    """
    text = text if len(text) <= limit else text[:limit] + "..."
    return printable(text.replace("\\", "\\\\"))


def came(data):
    """Return the beginning of the bytes that came, as text for a screen."""
    text = bytes(data[:200]).replace(b"\\", b"\\\\").decode(errors="backslashreplace")
    return printable(text if len(text) <= 40 else text[:40] + "...")
