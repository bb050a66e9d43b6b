"""The command line of the server: its options, and one line for each mistake in them."""

import argparse
import re
import socket

from engine.blame import is_file_of_services
from engine.commandline import (EXPECTED, HOST_WITH_PORT, OneLineParser, add_common_options, asked_for,
                                help_formatter, number)
from engine.effort import Computation
from engine.errors import CannotStart
from engine.escapes import printable
from engine.language import _, choose
from engine.names import Names, use

TWO_FILES = "argument --backup: expected two names, the FILE of --db and the COPY to be made"
NO_LINE = ("argument --service: SERVICES in handlers/__init__.py has no line for '{name}', only for "
           "{names}{file}")
OTHER_NAME = "; the service of handlers/{name}.py has the name {other}"
NOTHING_TO_COMPUTE = "argument --processes: there is nothing for them to compute: expected --compute S with it"
FILE_IS_THERE = "; handlers/{name}.py is there: import its class, and put a line for it there"
NOT_OF_THIS_SERVICE = "argument --{option}: the service {service} has no use for it; {others} has"


count = number(int, 0, 10**6, "a whole number from 0 to 1000000")
positive = number(int, 1, 2**31 - 1, "a whole number from 1 to 2147483647")
seconds = number(float, 0, 86400, "seconds from 0 to 86400")
processes = number(int, 1, 61, "a number of processes from 1 to 61")
some_seconds = number(float, 0.001, 86400, "seconds from 0.001 to 86400")
port = number(int, 0, 65535, "a port from 0 to 65535")


def ip_address(text):
    """Return the IP address *text* as sockets tell it; a converter for argparse."""
    for family in socket.AF_INET, socket.AF_INET6:
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, text))
        except (OSError, ValueError):
            pass  # not of this family
    raise argparse.ArgumentTypeError(_(EXPECTED).format(
        expected=_("the IP address of a balancer, such as 192.168.0.5"), text=text))


#: Options that a handler class has as attributes of the same name: what the class says counts
#: unless the user gives the option. Those of every service come first, then those of only some.
OF_EVERY_SERVICE = "timeout", "max_line", "keep_open", "work", "compute"
OF_SOME_SERVICES = "max_cities", "db"


class ServerParser(OneLineParser):
    """A `OneLineParser` that knows what --backup expects; argparse has no Portuguese for a number of things."""

    def error(self, message):
        super().error(_(TWO_FILES) if "--backup: expected 2" in message else message)


def parse_options(services, arguments=None):
    """Return the options in the command line's *arguments*; wrong ones exit with status 2.

    *services* has the handler classes by name; ``handler`` is the one that was chosen. Options that a
    handler class has as attributes are None where the user does not give them.
    """
    choose(asked_for(arguments))
    copiers = [services[name].back_up for name in services if hasattr(services[name], "back_up")]
    parser = the_parser(sorted(services), copiers)
    options = parser.parse_args(arguments)
    if copiers and options.backup:
        back_up(copiers[0], options.backup, parser)
    check_service_is_there(options.service, services, parser.error)
    options.handler = services[options.service]
    check_host(options.host, parser.error)
    use(options.names)
    if options.processes and not (options.compute or options.handler.compute):
        parser.error(_(NOTHING_TO_COMPUTE))
    check_service_has_them(options, services, parser.error)
    return options


def the_parser(names, copiers):
    """Return the parser of the command line; *names* are those of the services."""
    parser = ServerParser(
        prog="server.py", description=_("Serve a class: one of the lesson's services over TCP."),
        formatter_class=help_formatter)
    parser.add_argument(
        "--service", metavar=_("NAME"), default="upper",
        help=_("what to serve: {names} (default: upper)").format(names=", ".join(names)))
    add_server_options(parser.add_argument)
    add_service_options(parser.add_argument)
    if copiers:
        parser.add_argument("--backup", metavar=(_("FILE"), _("COPY")), nargs=2,
                            help=_("copy the FILE of --db to a new file COPY, also while a server uses it, and end"))
    add_output_options(parser)
    return parser


def check_service_has_them(options, services, error):
    """Call *error* where the service that was chosen has no use for one of the *options*."""
    for name in OF_SOME_SERVICES:
        if getattr(options, name) is not None and not hasattr(options.handler, name):
            others = [other for other in services if hasattr(services[other], name)]
            error(_(NOT_OF_THIS_SERVICE).format(
                option=name.replace("_", "-"), service=options.service,
                others=_(" or ").join("--service " + other for other in others)))


def back_up(copier, names, parser):
    """Do what --backup asks for with these *names*, and exit."""
    try:
        print(printable(copier(*names)))
    except CannotStart as error:
        parser.exit(1, "server.py: {}\n".format(error))
    parser.exit()


def check_service_is_there(name, services, error):
    """Call *error* with what to do when there is no service of this *name*."""
    if name not in services:
        other = next((other for other in services if services[other].__module__ == "handlers." + name), None)
        file = _(OTHER_NAME) if other else _(FILE_IS_THERE) if is_file_of_services(name) else ""
        error(_(NO_LINE).format(name=name, names=", ".join(sorted(services)),
                                file=file.format(name=name, other=other)))


def check_host(host, error):
    """Call *error* with the remedy when *host* has a port in it."""
    with_port = re.fullmatch(r"\[([^\]]*)\]:(\d+)|([^:]+):(\d+)", host)
    if with_port:
        name, its_port = filter(None, with_port.groups())
        error(_(HOST_WITH_PORT).format(host=name, port=its_port, text=host))


def add_server_options(option):
    """Add the options of the server, whatever it serves."""
    option("--host", metavar="H", default="127.0.0.1",
           help=_("address to listen on; 0.0.0.0 lets other machines in (default: %(default)s)"))
    option("--port", metavar="P", type=port, default=50000,
           help=_("port to listen on; 0 picks a free one (default: %(default)s)"))
    option("--max-threads", metavar="N", type=count, default=4,
           help=_("clients served at a time; 0: no limit (default: %(default)s)"))
    option("--max-per-host", metavar="N", type=count, default=0,
           help=_("clients served at a time from one address; 0: no limit (default: %(default)s)"))
    option("--backlog", metavar="N", type=positive, default=128,
           help=_("clients that may wait for a slot, connected (default: %(default)s)"))
    option("--proxy-protocol", metavar=_("ADDRESS"), type=ip_address,
           help=_("a balancer: its PROXY headers say who the clients are (default: none is taken)"))
    option("--dashboard", metavar=_("PORT"), nargs="?", const=8080, type=port,
           help=_("show a live page on this port, 8080 if none is named (default: no page)"))
    option("--names", metavar=_("FILE"), type=Names,
           help=_("who is behind which address, for the page and the log: lines such as 192.168.0.23 = Ana"))


def add_service_options(option):
    """Add the options that are attributes of a handler class, with what its class usually says."""
    option("--timeout", metavar="S", type=some_seconds,
           help=_("seconds for a message to arrive, and for its reply (default: 60)"))
    option("--max-line", metavar="BYTES", type=positive,
           help=_("bytes a message may have (default: 65536)"))
    option("--keep-open", action="store_true", default=None,
           help=_("go on after the first reply until the client closes (default: close)"))
    option("--work", metavar="S", type=seconds,
           help=_("seconds to wait over every message, as for a slow disk (default: 0)"))
    option("--compute", metavar="S", type=lambda text: Computation(some_seconds(text)),
           help=_("seconds to compute for every message (default: 0)"))
    option("--processes", metavar="N", type=processes, default=0,
           help=_("have --compute done by N processes (default: by the threads)"))
    option("--max-cities", metavar="N", type=positive,
           help=_("cities that temp keeps; a new one beyond is refused (default: 100000)"))
    option("--db", metavar=_("FILE"),
           help=_("where temp keeps every reading, in SQLite (default: nothing is written)"))


def add_output_options(parser):
    """Add the options about what is said."""
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help=_("log warnings only"))
    amount.add_argument("-v", "--verbose", action="store_true",
                        help=_("log messages and slots; show every city's temperatures"))
    add_common_options(parser.add_argument)


def service_attributes(options):
    """Return what the user asked of the service, for its handler class: name -> value."""
    names = OF_EVERY_SERVICE + OF_SOME_SERVICES
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}
