"""Variants: a class with some attributes of its own, as an option asks for."""


def variant(of, **attributes):
    """Return a subclass of the class *of*, with the same name, that has these *attributes*."""
    return type(of.__name__, (of,), attributes)
