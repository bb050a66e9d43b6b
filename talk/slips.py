"""Slips: what is typed, or copied from a slide, in place of an option; no message is meant by it."""

import argparse
import ipaddress
import os
import re

from engine.language import _
from talk.commands import HOST, PORT, client_command

#: What slides, chats and word processors make of two minus signs, or of one.
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"

#: An option with dashes that are none, or with one minus only.
ALMOST = re.compile("([{0}][-{0}]?|-)([a-z][a-z-]+)(=.*)?$".format(DASHES), re.DOTALL | re.IGNORECASE)

#: A server's address, as a URL or not, maybe with a port.
WHERE = re.compile(r"(\w+://)?(?:\[([^\]]*)\]|([^:/]+))(?::(\d+))?(/\S*)?$")

#: The only names, among words, that are those of machines.
NAME = re.compile(r"localhost$|[\w-]+\.local\.?$|https?://", re.IGNORECASE)

ALMOST_AN_OPTION = "'{text}' is no option: expected {option}, with two minus signs of the keyboard before it"
AN_ADDRESS = ("'{text}' is an address, not a message: expected --host {host}; to send it as a message "
              "write -- before it")
A_FILE = ("'{text}' is a file here, not a message: to send its lines type: {command}; to send its name "
          "write -- before it")


def check_options_are_options(arguments, parser):
    """Exit with the reason when one of the *arguments* is one of the *parser*'s options, such as
    ``--host``, but for its dashes."""
    for argument in before_the_messages(arguments):
        almost = ALMOST.match(argument)
        option = almost and "--" + almost.group(2).lower()
        if option and option in re.findall("--[a-z-]+", parser.format_usage()):
            parser.error(_(ALMOST_AN_OPTION).format(text=argument, option=option))


def check_messages_are_messages(arguments, options, error):
    """Call *error* with the reason when one of the *options*' messages is an address, or a file's name.
    After ``--`` in the command line's *arguments* anything is a message."""
    if "--" in arguments:
        return
    for message in options.messages:
        if is_address(message):
            error(_(AN_ADDRESS).format(text=message, host=host_in(message)))
        if "." in message and os.path.isfile(message):
            service = ["--service", options.service] if options.service != "upper" else []
            command = "{} < {}".format(client_command((options.host, options.port), *service),
                                       '"{}"'.format(message) if " " in message else message)
            if os.name == "nt":  # PowerShell has no <
                command = 'cmd /c "{}"'.format(command)
            error(_(A_FILE).format(text=message, command=command))


def before_the_messages(arguments):
    """Return the *arguments* up to ``--``: what comes after that are messages."""
    return arguments[:arguments.index("--")] if "--" in arguments else arguments


def is_address(text):
    """Tell whether *text* is an address, or the name of a machine and nothing else."""
    if re.search(r"\s", text.strip()):
        return False
    if NAME.match(text.strip()):
        return True
    try:
        return bool(ipaddress.ip_address(host_in(text)))
    except ValueError:
        return False


def host_in(text):
    """Return the host in *text*, an address, maybe with a port or a URL."""
    where = WHERE.match(text.strip())
    return (where.group(2) or where.group(3)) if where else text.strip()


def server_in(arguments):
    """Return the host and the port in the command line's *arguments*, which may be wrong otherwise."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--host", nargs="?", default=HOST)
    parser.add_argument("--port", nargs="?", default=PORT)
    known = parser.parse_known_args(arguments)[0]
    return known.host or HOST, PORT if known.port in (None, str(PORT)) else known.port
