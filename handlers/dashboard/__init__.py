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

#: Connections beside those of the viewers, in all and from one address (a browser makes six at
#: most): there is always one to load the page, or to be told that there is no place.
SPARE = 14
SPARE_PER_HOST = 6

INCOMPLETE = ("the page hands out the client, and a part of it is missing here: {file}: {reason}. "
              "Copy the whole project again, or leave out --dashboard.")


@contextlib.contextmanager
def page_about(server, options, server_class):
    """Yield a server, of this class, for the live page about *server*. Raises `CannotStart`."""
    names = {"localhost", options.host.lower(), socket.gethostname().lower()}
    viewers = Viewers()
    handler = variant(DashboardHandler, names=names, viewers=viewers, language=options.lang,
                      client=client_file())
    quiet = logging.getLogger("dashboard")
    quiet.setLevel(logging.WARNING)  # who watches is not who is served
    with listening_server(server_class, handler, options.host, options.dashboard, "--dashboard",
                          max_threads=viewers.most + SPARE,
                          max_per_host=viewers.per_host + SPARE_PER_HOST, log=quiet,
                          refusal=DashboardHandler.refusal) as page:
        with Watch(server, options.service, page.server_address) as handler.watch:
            yield page


def client_file():
    """Return the bytes of the client's one file. Raises `CannotStart`."""
    try:
        return one_file()
    except OSError as error:
        raise CannotStart(_(INCOMPLETE).format(file=error.filename, reason=reason(error))) from None
