"""The live page: its handler, the page itself, and what it watches."""

import contextlib
import logging
import socket

from engine.listening import listening_server
from handlers.dashboard.handler import DashboardHandler
from handlers.dashboard.watch import Watch

#: Viewers of the page at a time, in all and from one address.
VIEWERS = 50
VIEWERS_PER_HOST = 10


@contextlib.contextmanager
def page_about(server, options, server_class):
    """Yield a server, of this class, for the live page about *server*. Raises `CannotStart`."""
    with Watch(server, options.service) as watch:
        names = {"localhost", options.host.lower(), socket.gethostname().lower()}
        handler = type("DashboardHandler", (DashboardHandler,), {"watch": watch, "names": names})
        quiet = logging.getLogger("dashboard")
        quiet.setLevel(logging.WARNING)  # who watches is not who is served
        with listening_server(server_class, handler, options.host, options.dashboard, "--dashboard",
                       max_threads=VIEWERS, max_per_host=VIEWERS_PER_HOST, log=quiet,
                       refusal=DashboardHandler.refusal) as page:
            yield page
