"""Answers: what a reply tells about the message, and about the server."""

from engine.language import _
from talk.commands import client_command, server_command

SERVES_CAPITALS = ("This server answers in capitals: it runs the service upper. Start the other one "
                   "with: {server}")
SERVES_TEMPERATURES = ("This server takes temperatures: it runs the service temp. For that there is: "
                       "{client}")


def is_error(message, reply):
    """Tell whether *reply* reports a problem: it is neither *message* in capitals nor the latest
    reading of a city called so."""
    if not reply.startswith("ERR ") or reply == message.rstrip("\r").upper():
        return False
    return not (message.startswith("?") and reply.startswith(message[1:].strip() + ","))


def hint_at(service, message, reply):
    """Return what to tell a user who asked for this *service* when the server runs another one;
    None as long as nothing speaks for that."""
    if service == "temp" and reply == message.upper() and reply != "BYE":
        return SERVES_CAPITALS
    if service == "upper" and reply.startswith("ERR ") and ",max,min" in reply:
        return SERVES_TEMPERATURES
    return None


def told(hint, address):
    """Return a *hint* as the user of the server at *address* is told it."""
    temp = "--service", "temp"
    return _(hint).format(client=client_command(address, *temp), server=server_command(address, *temp))
