"""What a class lacks to be a service: said at the start, the first mistake in one line."""

from engine.blame import place_in_class
from engine.errors import CannotStart
from engine.language import _
from handlers.checks.attributes import wrong_attribute
from handlers.checks.signature import wrong_init, wrong_reply, wrong_running
from handlers.lines import LineHandler

NO_LINE_HANDLER = "{place}: {handler} is no LineHandler: write class {handler}(LineHandler)"


def check_service(handler):
    """Raise `CannotStart` when the class *handler* cannot be a service."""
    if not issubclass(handler, LineHandler):
        raise CannotStart(_(NO_LINE_HANDLER).format(place=place_in_class(handler),
                                                    handler=handler.__name__))
    for look in wrong_reply, wrong_init, wrong_running, wrong_attribute:
        problem = look(handler)
        if problem:
            raise CannotStart(problem)
