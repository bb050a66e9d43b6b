"""Numbers as people write them, with a point or a comma."""

import re


def as_number(text):
    """Return *text* as a number with a decimal point; None when it is none."""
    number = text.strip().replace(",", ".")
    return number if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", number, re.ASCII) else None
