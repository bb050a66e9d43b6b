"""The live page: its handler, the page itself, and what it watches."""

import contextlib
import logging
import socket

from engine.errors import CannotStart
from engine.language import _, reason
from engine.listening import listening_server
from engine.onefile import one_file
from engine.variant import variant
from handlers.dashboard.handler import DashboardHandler
from handlers.dashboard.viewers import Viewers
from handlers.dashboard.watch import Watch

log = logging.getLogger(__name__)

#: Connections beside those of the viewers, in all and from one address (a browser makes six at
#: most): there is always one to load the page, or to be told that there is no place.
SPARE = 14
SPARE_PER_HOST = 6

#: Ports that no browser connects to, for servers of other protocols use them (the Fetch standard's
#: "bad ports", https://fetch.spec.whatwg.org/#port-blocking).
REFUSED_PORTS = frozenset(map(int, """
    0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115
    117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563
    587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667
    6668 6669 6679 6697 10080""".split())) - {0}  # here 0 picks a free one
REFUSED_PORT = ("Browsers refuse to open port %d, whatever is there: they keep it for another protocol. "
                "Choose another one with --dashboard, such as 8080.")

INCOMPLETE = ("the page hands out the client, and a part of it is missing here: {file}: {reason}. "
              "Copy the whole project again, or leave out --dashboard.")


@contextlib.contextmanager
def page_about(server, options, server_class, lookout=None):
    """Yield a server, of this class, for the live page about *server*, and about what the *lookout*
    sees. Raises `CannotStart`."""
    if options.dashboard in REFUSED_PORTS:
        log.warning(REFUSED_PORT, options.dashboard)
    viewers = Viewers()
    handler = variant(DashboardHandler, names=names_for(options.host), viewers=viewers, language=options.lang,
                      client=client_file())
    quiet = logging.getLogger("dashboard")
    quiet.setLevel(logging.WARNING)  # who watches is not who is served
    with listening_server(server_class, handler, options.host, options.dashboard, "--dashboard",
                          max_threads=viewers.most + SPARE,
                          max_per_host=viewers.per_host + SPARE_PER_HOST, log=quiet,
                          refusal=DashboardHandler.refusal) as page:
        with Watch(server, options.service, page.server_address, lookout) as handler.watch:
            yield page


def names_for(host):
    """Return the names by which the page may be called that listens on *host*, in lower case: those of
    this machine, also as it calls itself in a network without a server for names (RFC 6762)."""
    own = socket.gethostname().lower().rstrip(".")
    short = own.partition(".")[0]
    return {"localhost", host.lower(), own, short, short + ".local"} - {""}


def client_file():
    """Return the bytes of the client's one file. Raises `CannotStart`."""
    try:
        return one_file()
    except OSError as error:
        raise CannotStart(_(INCOMPLETE).format(file=error.filename, reason=reason(error))) from None
