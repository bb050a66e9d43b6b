"""Methods of a service that cannot be called as they are: a forgotten ``self``, a decorator, a base class.

Whoever writes no mistake does not wait for this: `inspect` takes as long to load as all rooms together.
"""

import socketserver
import sys
import types

from engine.blame import code_of, place, place_in_class, place_of
from engine.language import _
from handlers.lines import NO_REPLY, LineHandler

AT = "{place}: {problem}"
OUTSIDE = "{place}: reply() stands outside of {handler}: put it into the class, four spaces to the right"
NO_METHOD = "{place}: reply is no method: write def reply(self, message)"
IS_ASYNC = "{place}: an async reply() returns no str: write def reply(self, message)"
HAS_YIELD = "{place}: reply() has a yield in it, so it returns no str: write return"
ARGUMENTS = "{place}: reply() is called with a message alone: write def reply(self, message), not reply{arguments}"
DECORATORS = ("{place}: write three lines, one below the other: @classmethod, @contextlib.contextmanager, "
              "def running(cls):")
NO_YIELD = ("{place}: there is no yield in running(): what is before it is done before the first client, "
            "what is after it when the server stops")
OTHER_INIT = ("{place}: {handler} takes other arguments than a handler gets: leave __init__ out of it. There "
              "is one object for each client; what clients share stands outside the class")
NO_SUPER = ("{place}: this __init__() calls no super().__init__(), so no client is served: leave it out. There "
            "is one object for each client; what clients share stands outside the class")

#: What a function is that is no plain one (inspect.CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR).
GENERATOR, COROUTINE = 0x20, 0x80 | 0x200


def found(handler, name):
    """Return what the class *handler*, or one above it, has of this *name*, as it stands there."""
    return next(vars(each)[name] for each in handler.__mro__ if name in vars(each))


def wrong_reply(handler):
    """Return the sentence about the ``reply()`` of the class *handler*, None when it is as it should be."""
    reply = found(handler, "reply")
    if reply is LineHandler.reply:
        return no_reply(handler) if handler.handle is LineHandler.handle else None
    code = code_of(reply)
    if not callable(handler.reply):
        return _(NO_METHOD).format(place=place_in_class(handler, "reply"))
    if code and code.co_flags & (GENERATOR | COROUTINE):
        text = IS_ASYNC if code.co_flags & COROUTINE else HAS_YIELD
        return _(text).format(place=place_of(reply))
    if isinstance(reply, types.FunctionType) and code.co_argcount == 2 and not code.co_kwonlyargcount:
        return None
    import inspect
    try:
        signature = inspect.signature(handler.reply)
    except (TypeError, ValueError):
        return None  # it is of C, and tells nothing
    try:
        signature.bind(*(["self"] if isinstance(reply, types.FunctionType) else []), "message")
    except TypeError:
        return _(ARGUMENTS).format(place=place_of(reply), arguments=signature)
    return None


def no_reply(handler):
    """Return the sentence about a class without ``reply()``; there may be one below it."""
    outside = getattr(sys.modules.get(handler.__module__), "reply", None)
    if isinstance(outside, types.FunctionType) and outside.__module__ == handler.__module__:
        return _(OUTSIDE).format(place=place_of(outside), handler=handler.__name__)
    return _(AT).format(place=place_in_class(handler), problem=_(NO_REPLY).format(handler=handler.__name__))


def wrong_init(handler):
    """Return the sentence about an ``__init__()`` that keeps clients from being served, or None."""
    init = handler.__init__
    if init is socketserver.BaseRequestHandler.__init__ or not code_of(init):
        return None
    import inspect
    try:
        inspect.signature(handler).bind("request", "client_address", "server")
    except TypeError:
        return _(OTHER_INIT).format(place=place_of(init), handler=handler.__name__)
    methods = [code_of(value) for each in handler.__mro__ if issubclass(each, LineHandler)
               for value in vars(each).values()]
    if not any("__init__" in code.co_names for code in filter(None, methods)):
        return _(NO_SUPER).format(place=place_of(init))
    return None


def wrong_running(handler):
    """Return the sentence about a ``running()`` that cannot be used in a ``with`` statement, or None."""
    running = found(handler, "running")
    code = code_of(running)
    if not code:
        return None
    managed = code_of(running) is not getattr(getattr(running, "__func__", running), "__code__", None)
    is_generator = bool(code.co_flags & GENERATOR)
    if isinstance(running, types.FunctionType) or is_generator and not managed:
        return _(DECORATORS).format(place=place(code.co_filename, code.co_firstlineno))
    return _(NO_YIELD).format(place=place_of(running)) if managed and not is_generator else None
