"""What a beginner's class lacks to be a service: said at the start, not to the first client."""

import socketserver

from engine.errors import CannotStart
from engine.language import _
from handlers.lines import NO_REPLY, LineHandler

NO_LINE_HANDLER = "{handler} is no LineHandler: write class {handler}(LineHandler)"
OTHER_INIT = ("{handler} takes other arguments than a handler gets: leave __init__ out of it. There is "
              "one object for each client; what clients share stands outside the class")


def check_service(handler):
    """Raise `CannotStart` when the class *handler* cannot be a service."""
    problem = what_it_lacks(handler)
    if problem:
        raise CannotStart(_(problem).format(handler=getattr(handler, "__name__", handler)))


def what_it_lacks(handler):
    """Return the text of what is wrong with the class *handler*, None when nothing is."""
    if not (isinstance(handler, type) and issubclass(handler, LineHandler)):
        return NO_LINE_HANDLER
    if handler.reply is LineHandler.reply:
        return NO_REPLY
    if handler.__init__ is socketserver.BaseRequestHandler.__init__:
        return None
    import inspect  # not above: it takes as long as all rooms together, and hardly anybody needs it
    try:
        inspect.signature(handler).bind("request", "client_address", "server")
    except TypeError:
        return OTHER_INIT
    return None
