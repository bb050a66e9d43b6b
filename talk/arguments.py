"""Arguments: the client's command line."""

import argparse
import re
import sys

from engine.commandline import (HOST_WITH_PORT, OneLineParser, add_common_options, asked_for,
                                help_formatter, number, program)
from engine.language import _, choose
from talk.commands import HOST, PORT, client_command
from talk.slips import (WHERE, check_messages_are_messages, check_options_are_options,
                        server_in)

ONE_LINE = "a message is one line: expected no line feed in {message!r}"
NO_MESSAGE = "no message: expected MESSAGE, or lines on standard input"
ONLY_WITH_CROWD = "{option} is about a crowd: expected --crowd N with it"
NOT_WITH_CROWD = "--keep-open is not for a crowd: expected --crowd N without it"
ONE_MESSAGE = "{count} messages for a crowd: expected one, which each of its clients sends"
ONLY_THE_EXAMINER = ("--examine sends messages of its own: expected it without MESSAGE, --crowd, "
                     "--think, --csv, --keep-open and --one-file")
ONLY_WITH_EXAMINE = "--from is about an examination: expected --examine with it"
NOT_A_CHECK = ("argument --from: expected the name of a check, as it stands in the report ({names}), "
               "not '{text}'")
NOT_A_PYZ = "argument --one-file: expected a name that ends with .pyz, such as client.pyz, not '{text}'"
ONLY_THE_FILE = "--one-file sends nothing: expected neither MESSAGE nor --crowd with it"
HOST_ALONE = "argument --host: expected --host {host}, not '{text}'"
HOST_OF_PAGE = ("argument --host: {port} is the port of the page in '{text}', the service has another: "
                "expected --host {host}, and --port only if the server's is not 50000")
OTHER_SERVICE = ("expected temp or upper, not '{text}': it says what this program asks for, not what the server "
                 "serves. Leave --service out, and send messages to any service")
MINUS_FIRST = "; before a message that begins with a minus write --, as in: {command} -- {message}"


#: Seconds to wait for each reply.
TIMEOUT = 300.0


class ClientParser(OneLineParser):
    """A `OneLineParser` of these *arguments*; it knows that messages may begin with a minus."""

    def __init__(self, arguments, **settings):
        self.arguments = arguments
        super().__init__(**settings)

    def error(self, message):
        unknown = message.partition(_("unrecognized arguments: %s") % "")[2]
        if re.match(r"-[\d.,;]", unknown):
            message += _(MINUS_FIRST).format(command=client_command(server_in(self.arguments)),
                                             message=unknown)
        super().error(message)


def parse_options(arguments=None):
    """Return the options in the command line's *arguments*; wrong ones exit with status 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    choose(asked_for(arguments))
    parser = ClientParser(
        arguments, prog=program("client.py"), description=_(
            "Send messages to the server; without MESSAGE, ask for them at a terminal, or take each "
            "line of standard input. With --crowd, be many clients at once and draw how long each "
            "of them waited. With --examine, find out what is wrong with a server."),
        formatter_class=help_formatter)
    add_options(parser.add_argument)
    check_options_are_options(arguments, parser)
    options = parser.parse_args(arguments)
    check_options(options, parser.error)
    check_messages_are_messages(arguments, options, parser.error)
    if options.timeout is None and not options.examine:
        options.timeout = TIMEOUT
    return options


def service(text):
    """Return *text*, a service that the client knows; for argparse."""
    if text not in ("temp", "upper"):
        raise argparse.ArgumentTypeError(_(OTHER_SERVICE).format(text=text))
    return text


def add_options(option):
    """Add the options, each by a call of argparse's *option*."""
    option("messages", metavar=_("MESSAGE"), nargs="*", help=_("a message to send, one line"))
    option("--service", metavar=_("NAME"), type=service, default="upper",
           help=_("what to ask for, or what a crowd sends: temp, upper (default: upper)"))
    option("--host", metavar="H", default=HOST,
           help=_("the server's address or name (default: %(default)s)"))
    option("--port", metavar="P", default=PORT,
           type=number(int, 1, 65535, "a port from 1 to 65535"),
           help=_("the server's port (default: %(default)s)"))
    option("--timeout", metavar="S", type=number(float, 0.001, 86400, "seconds from 0.001 to 86400"),
           help=_("seconds to wait for each reply (default: 300; with --examine, for the first one and "
                  "for silent clients: 5)"))
    option("--keep-open", action="store_true",
           help=_("send all messages over one connection (default: one each)"))
    option("--crowd", metavar="N",
           type=number(int, 1, 1000, "a number of clients from 1 to 1000"),
           help=_("be N clients at once, each sending MESSAGE, and draw how long they waited"))
    option("--think", metavar="S", type=number(float, 0, 86400, "seconds from 0 to 86400"),
           help=_("seconds for which each client of a crowd is silent first (default: 0)"))
    option("--csv", metavar=_("FILE"), help=_("write the times of a crowd's clients to FILE"))
    option("--examine", action="store_true",
           help=_("find out by trying what is wrong with the server; this may bring it down"))
    option("--from", metavar=_("CHECK"), dest="start",
           help=_("begin the examination with this check, such as hang-up"))
    option("--one-file", metavar=_("FILE"),
           help=_("write the whole client to FILE, such as client.pyz, for other machines"))
    add_common_options(option)


def check_options(options, error):
    """Call *error* with the reason when the *options* do not go together."""
    written = WHERE.match(options.host.strip())
    host, port = (written[2] or written[3], written[4]) if written else (options.host.strip(), None)
    if host != options.host:
        is_page = port and (written[1] or "").lower().startswith("http")
        text = HOST_OF_PAGE if is_page else HOST_WITH_PORT if port else HOST_ALONE
        error(_(text).format(host=host, port=port, text=options.host))
    for message in options.messages:
        if "\n" in message:
            error(_(ONE_LINE).format(message=message))
    if options.examine or options.start is not None:
        check_examination(options, error)
    elif options.one_file is not None:
        if not options.one_file.endswith(".pyz"):
            error(_(NOT_A_PYZ).format(text=options.one_file))
        if options.messages or options.crowd is not None:
            error(_(ONLY_THE_FILE))
    elif options.crowd is None:
        for name in "think", "csv":
            if getattr(options, name) is not None:
                error(_(ONLY_WITH_CROWD).format(option="--" + name))
        if not options.messages and sys.stdin is None:
            error(_(NO_MESSAGE))
    elif options.keep_open:
        error(_(NOT_WITH_CROWD))
    elif len(options.messages) > 1:
        error(_(ONE_MESSAGE).format(count=len(options.messages)))


def check_examination(options, error):
    """Call *error* with the reason when the *options* do not go with an examination; find the check to
    begin with by its name in any language."""
    if not options.examine:
        error(_(ONLY_WITH_EXAMINE))
    if options.messages or options.keep_open or any(
            getattr(options, name) is not None for name in ("one_file", "crowd", "think", "csv")):
        error(_(ONLY_THE_EXAMINER))
    if options.start is not None:
        from talk.examiner.table import checks_of
        names = [check.name for check in checks_of(options.service)]
        wanted = options.start.casefold()
        found = [name for name in names if wanted in (name.casefold(), _(name).casefold())]
        if not found:
            error(_(NOT_A_CHECK).format(names=", ".join(map(_, names)), text=options.start))
        options.start = found[0]
