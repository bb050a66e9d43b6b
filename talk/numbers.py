"""Numbers as people write them, with a point or a comma."""

from engine.fields import is_number


def as_number(text):
    """Return *text* as a number with a decimal point; None when it is none."""
    number = text.strip().replace(",", ".")
    return number if is_number(number) else None
