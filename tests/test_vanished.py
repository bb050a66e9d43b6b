"""engine/vanished.py: who goes away without a word is noticed. (With a cable pulled out between two machines: 17 s
for a viewer of the page; without it, a quarter of an hour.)"""

import socket

from conftest import needs_linux, opened

from engine.vanished import notice_when_it_vanishes
from handlers.dashboard import handler


def connection():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = opened(socket.create_connection(listening.getsockname()))
        return opened(listening.accept()[0]), client


@needs_linux
def test_the_system_is_asked_to_notice():
    here, there = connection()
    notice_when_it_vanishes(here, 15.0)
    asked = [here.getsockopt(socket.IPPROTO_TCP, option) for option in (
        socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)]
    assert asked == [15000, 3, 3, 3] and here.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_one_that_is_gone_already_is_no_trouble():
    here, there = connection()
    here.close()
    notice_when_it_vanishes(here, 15.0)


def test_every_viewer_is_looked_after(monkeypatch):
    seen = []

    class Enough(Exception):
        """Ends what has no end."""

    def note(connection, seconds):
        seen.append((connection, seconds))
        raise Enough
    monkeypatch.setattr(handler, "notice_when_it_vanishes", note)
    page = handler.DashboardHandler.__new__(handler.DashboardHandler)
    page.connection = "connection"
    try:
        page.keep_telling()
    except Enough:
        pass
    assert seen == [("connection", handler.VANISHED)]
