"""What may not stand in ``SERVICES``: said before the options are read, which name the services."""

import os
import types

import handlers
from engine.blame import file_name, place, source_of
from engine.errors import CannotStart
from engine.language import _

FILE = os.path.abspath(handlers.__file__)

NO_DICT = "{place}: SERVICES is {kind}: expected a dict, with a name and a class in each line"
NO_NAME = "{place}: the name {name} in SERVICES is no text: write it in quotes, as in \"reverse\": ReverseHandler"
OF_TEXT = "{place}: {value!r} in SERVICES is a text: write the class, without quotes, and import it above"
OF_MODULE = "{place}: {value} in SERVICES is a module: write the class in it{classes}"
SUCH_AS = ", such as {name}"
NO_CLASS = "{place}: {name!r} in SERVICES is {value}: expected a class"


def check_menu(services):
    """Raise `CannotStart` when *services* is no dict with texts for keys and classes for values."""
    if not isinstance(services, dict):
        raise CannotStart(_(NO_DICT).format(place=file_name(FILE), kind=type(services).__name__))
    for name, value in services.items():
        if not isinstance(name, str):
            text = NO_NAME
        elif isinstance(value, type):
            continue
        else:
            text = OF_TEXT if isinstance(value, str) else OF_MODULE if is_module(value) else NO_CLASS
        shown = value.__name__ if is_module(value) else value
        if isinstance(name, (type, types.ModuleType)):  # what a name without quotes stands for
            name = name.__name__.rpartition(".")[2]
        raise CannotStart(_(text).format(place=place_of_entry(name), name=name, value=shown,
                                         classes=classes_of(value)))


def is_module(value):
    return isinstance(value, types.ModuleType)


def classes_of(value):
    """Return the end of a sentence that names a class of the module *value*, if there is one."""
    for name, each in vars(value).items() if is_module(value) else ():
        if isinstance(each, type) and each.__module__ == value.__name__:
            return _(SUCH_AS).format(name=name)
    return ""


def place_of_entry(name):
    """Return where the entry of this *name* stands in ``SERVICES``; only the file if that is not known."""
    import ast  # not above: only mistakes need it
    for node in ast.walk(ast.parse(source_of(FILE))):
        for key in node.keys if isinstance(node, ast.Dict) else ():
            if name in (getattr(key, "value", None), getattr(key, "id", None)):
                return place(FILE, key.lineno)
    return file_name(FILE)
