"""Calling a service: what its ``reply()`` returns, or raises, becomes the line that a client gets."""

import logging
import threading

from engine.blame import exc_info_from_students_line
from engine.calls import calls_service
from engine.escapes import excerpt, printable
from engine.language import _
from handlers.checks.reply import first_half, what_is_wrong

log = logging.getLogger(__name__)

NO_TEXT = "the service does not take this message"
WRONG_REPLY = "%s The message was %r."
RAISED = "%s failed on the message %r."
FAILED = "ERR the service failed on this message: its log says why"


class BadMessage(ValueError):
    """A message that the service cannot take: its text, after ``ERR``, is the reply."""


@calls_service
def line_for(client, service, message):
    """Return the line that answers a *message* of the *client*, both without their ends, as the
    *service*, a `LineHandler`, says; an ``ERR`` where it does not take the message, or fails on it.

    Raises only what is not the service's: the client went away while the service waited, or
    somebody stops the program whose main thread this is.
    """
    try:
        reply = service.reply(message)
        if type(reply) is str and "\n" not in reply and (reply.isascii() or not first_half(reply)):
            if client.verbose:
                log.debug("Message '%s', reply '%s'.", excerpt(message), excerpt(reply))
            return reply
        log.error(WRONG_REPLY, what_is_wrong(reply, service.reply), message[:200])
    except BadMessage as error:
        return client.mistake("ERR " + (printable(str(error)) or _(NO_TEXT)))
    except BaseException as error:
        if client.lost or is_stop(error):
            raise
        return line_about(error, client, service, message)
    return line_of_failure(client)


def line_about(error, client, service, message):
    """Log the *error* that a *service* has raised at a *message*; return the line that answers it."""
    log.error(RAISED, type(service).__name__, message[:200], exc_info=exc_info_from_students_line(error))
    return line_of_failure(client)


def line_of_failure(client):
    """Note that the service failed; return the line that tells the *client* so."""
    client.failed = True
    return client.mistake(_(FAILED))


def is_stop(error):
    """Tell whether *error* is a Ctrl+C, which comes in the main thread alone."""
    return (isinstance(error, KeyboardInterrupt)
            and threading.current_thread() is threading.main_thread())
