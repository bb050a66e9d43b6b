"""Calling a service: what its ``reply()`` returns, or raises, becomes the line that a client gets."""

import logging

from engine.escapes import excerpt, printable
from engine.language import _

log = logging.getLogger(__name__)

NOT_A_LINE = "reply() returned {reply!r}: expected a str without line feeds"
FAILED = "ERR the service failed on this message: its log says why"


class BadMessage(ValueError):
    """A message that the service cannot take: its text, after ``ERR``, is the reply."""


def line_for(client, service, message):
    """Return the line that answers a *message* of the *client*, both without their ends, as the
    *service*, a `LineHandler`, says; an ``ERR`` where it does not take the message, or fails on it.

    Raises only what is about the client: it went away while the service waited.
    """
    try:
        reply = service.reply(message)
        if type(reply) is not str or "\n" in reply:
            raise TypeError(_(NOT_A_LINE).format(reply=reply))
        if not reply.isascii():
            reply.encode()  # a lone surrogate is a mistake as well: it cannot be sent
        if client.verbose:
            log.debug("Message '%s', reply '%s'.", excerpt(message), excerpt(reply))
        return reply
    except BadMessage as error:
        return client.mistake("ERR " + printable(str(error)))
    except (Exception, SystemExit):
        if client.lost:  # what it raised is about the client, in make_way()
            raise
        log.exception("%s failed on the message %r.", type(service).__name__, message[:200])
        client.failed = True
        return client.mistake(_(FAILED))
