"""The command line, as both programs read it: one line for each mistake in it."""

import argparse
import math

from engine.language import LANGUAGES, _

VERSION = "1.0"

SEE_HELP = "{program}: {message}. See {program} --help.\n"
EXPECTED = "expected {expected}, not '{text}'"


class OneLineParser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong in one line."""

    def error(self, message):
        self.exit(2, _(SEE_HELP).format(program=self.prog, message=message))


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


def asked_for(arguments):
    """Return the language that the command line's *arguments* ask for, or None: the rest of them
    is read, and explained, in that language."""
    parser = argparse.ArgumentParser(add_help=False, formatter_class=help_formatter)
    parser.add_argument("--lang", nargs="?")
    return parser.parse_known_args(arguments)[0].lang
