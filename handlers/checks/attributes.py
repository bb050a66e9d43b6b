"""Attributes of a service that are of no use as they are: no number, no end, no time."""

from engine.blame import place_in_class
from engine.effort import Computation
from engine.language import _

WRONG = "{place}: {name} = {value!r}: expected {expected}"
SOME_SECONDS = "seconds from 0.001 to 86400"
SECONDS = "seconds from 0 to 86400"
BYTES = "a whole number from 1 to 2147483647"
YES_OR_NO = "True or False"
COMPUTATION = "None, or a Computation of engine.effort, such as Computation(0.5)"


def is_number(value, kinds, least, most):
    """Tell whether *value* is a number of these *kinds* from *least* to *most*; True is none."""
    return isinstance(value, kinds) and not isinstance(value, bool) and least <= value <= most


#: What each attribute has to be: whether a value is that, and how it is said.
KINDS_OF = {
    "timeout": (lambda value: is_number(value, (int, float), 0.001, 86400), SOME_SECONDS),
    "work": (lambda value: is_number(value, (int, float), 0, 86400), SECONDS),
    "max_line": (lambda value: is_number(value, int, 1, 2**31 - 1), BYTES),
    "keep_open": (lambda value: isinstance(value, bool), YES_OR_NO),
    "waits": (lambda value: isinstance(value, bool), YES_OR_NO),
    "compute": (lambda value: value is None or isinstance(value, Computation), COMPUTATION)}


def wrong_attribute(handler):
    """Return the sentence about an attribute of the class *handler* that cannot be used, or None."""
    for name, (fits, expected) in KINDS_OF.items():
        value = getattr(handler, name)
        if not fits(value):
            owner = next(each for each in handler.__mro__ if name in vars(each))
            return _(WRONG).format(place=place_in_class(owner, name), name=name, value=value,
                                   expected=_(expected))
    return None
