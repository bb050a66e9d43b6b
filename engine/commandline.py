"""The command line, as both programs read it: one line for each mistake in it."""

import argparse
import math
import os
import sys

from engine.escapes import printable
from engine.language import LANGUAGES, _

VERSION = "1.0"

SEE_HELP = "{program}: {message}. See {program} --help.\n"
EXPECTED = "expected {expected}, not '{text}'"
HOST_WITH_PORT = "argument --host: expected --host {host} --port {port}, not '{text}'"


class OneLineParser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong in one line."""

    def error(self, message):
        self.exit(2, _(SEE_HELP).format(program=self.prog, message=printable(message)))


def number(kind, least, most, expected):
    """Return a converter for argparse: text to a *kind* of number from *least* to *most*."""
    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(_(EXPECTED).format(expected=_(expected), text=text))
        return value
    return convert


def add_common_options(option):
    """Add those options that every program has, each by a call of argparse's *option*."""
    option("--lang", choices=list(LANGUAGES), help=_("language to speak (default: the system's)"))
    option("--version", action="version", version="%(prog)s " + VERSION,
           help=_("show program's version number and exit"))


def help_formatter(prog):
    """Return argparse's formatter, which else asks for the terminal's width, and for that imports
    the modules for compression (7 % of the time to start)."""
    return argparse.HelpFormatter(prog, max_help_position=22, width=100)


def archive():
    """Return the path of the zip that this program runs from, None if it runs from a folder."""
    return getattr(__spec__.loader, "archive", None)


def program(name):
    """Return the name of the file that the user started, as one types it: *name*, unless the
    program runs from a zip, which may have been given any."""
    name = os.path.basename(archive() or name)
    return '"{}"'.format(name) if " " in name else name


def asked_for(arguments):
    """Return the language that the command line's *arguments* ask for, or None: the rest of them
    is read, and explained, in that language."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not any(argument.startswith("--l") for argument in arguments):
        return None  # as most often: then argparse need not look for words in any other
    parser = argparse.ArgumentParser(add_help=False, formatter_class=help_formatter)
    parser.add_argument("--lang", nargs="?")
    return parser.parse_known_args(arguments)[0].lang
