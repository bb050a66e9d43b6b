"""The live page: a look at the server, pushed to whoever watches.

``GET /`` is the page (`page`), ``GET /events`` what it lives on (Server-Sent Events,
https://html.spec.whatwg.org/multipage/server-sent-events.html), ``GET /state`` the same as JSON, and
``GET /client.pyz`` the client as one file, for those who want to join.

To be watched costs those who are served next to nothing: everything is read, and reckoned, in the
page's own threads. They share a `Watch`, whose locks guard all that it remembers between two looks.
It takes the server's lock and that of the service, one after the other and for as long as it takes
to copy a list; nobody who holds those ever waits for a `Watch`.
"""

import http.server
import io
import logging
import socket
import time

from engine.addresses import host_of, shown
from engine.escapes import excerpt
from engine.invitation import ONE_FILE
from engine.language import _, catalogue, first_of_ours
from engine.replies import drain
from engine.vanished import notice_when_it_vanishes
from handlers.dashboard.page import HEADERS, PAGES, fill_in
from handlers.dashboard.request import is_called, is_request, request_head
from handlers.dashboard.viewers import Viewers
from handlers.dashboard.watch import INTERVAL, NOTHING, event

log = logging.getLogger(__name__)

#: Seconds after which a page that was sent nothing else is told that the server is still here.
#: The page takes two such silences for a sign that it stands still.
STILL_HERE = 2.0

#: Seconds after which a viewer whose machine has vanished gives its place back.
VANISHED = 15.0

#: Bytes for a viewer that may lie in the system's buffer: more would be old news to a slow one, and
#: its taking them would be seen too late.
SEND_BUFFER = 32768

#: Seconds, at most, for which what else comes is read and dropped, so that the answer survives.
LINGER = 2.0

FULL = "As many as can be are watching already. Close another page, or try again later"
NO_SUCH_PAGE = "There is nothing here. Try /, /state, /events or /client.pyz"
NOT_THE_SERVICE = ("ERR this port is the page's, for a browser (http://{address}/): the service {service} "
                   "is on port {port}")
NOT_OUR_NAME = "This server is not called that: open http://{address}/"


class Sender(io.BufferedIOBase):
    """What is written goes out on *connection*. A viewer may be slow, and is dropped
    (``socket.timeout``) only when it has taken nothing for *timeout* seconds."""

    def __init__(self, connection, timeout):
        self.connection, self.timeout = connection, timeout

    def writable(self):
        return True

    def write(self, data):
        self.connection.settimeout(self.timeout)
        rest = memoryview(data)
        while rest:
            rest = rest[self.connection.send(rest):]
        return len(data)


class DashboardHandler(http.server.BaseHTTPRequestHandler):
    """Show one viewer the page. ``watch``, a `Watch`, is a class attribute to be set; so are the
    ``viewers``; ``client``, the bytes of the client's one file; ``names``, by which the server may
    be called besides its addresses (in lower case); and ``language``, that of the page, None for
    each viewer's own."""

    timeout = 10.0  # for the request to come, and for something of what is sent to be taken
    watch = None
    client = b""
    viewers = Viewers()
    names = frozenset(["localhost"])
    language = None
    server_version = "dashboard"
    sys_version = ""
    refusal = ("HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "X-Content-Type-Options: nosniff\r\n\r\n503: {}\n")
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(code)d: %(explain)s\n"

    def setup(self):
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        super().setup()
        self.wfile = Sender(self.connection, self.timeout)
        self.rfile.close()
        self.head, self.in_time = request_head(self.connection, self.timeout)
        self.rfile = io.BytesIO(self.head)

    def handle(self):
        """Answer a request. What is none, and who says nothing, is told what this port is."""
        if self.in_time and is_request(self.head):
            return super().handle()
        text = _(NOT_THE_SERVICE).format(
            service=self.watch.service, port=self.watch.port, address=shown(self.own_address()))
        self.wfile.write(text.encode() + b"\n")
        if not self.in_time:
            raise socket.timeout("no complete request in time")

    def finish(self):
        super().finish()
        drain(self.connection, LINGER, self.server.stopping)

    def do_GET(self):
        """Answer with the page, the state, the client, or events without end."""
        answer = {"/": self.send_page, "/state": self.send_state, "/" + ONE_FILE: self.send_client,
                  "/events": self.send_events}.get(self.path.partition("?")[0])
        if not is_called(self.headers.get("Host", ""), self.names):
            self.refuse(http.HTTPStatus.MISDIRECTED_REQUEST, NOT_OUR_NAME)
        elif not answer:
            self.refuse(http.HTTPStatus.NOT_FOUND, NO_SUCH_PAGE)
        else:
            answer()

    do_HEAD = do_GET

    def send_page(self):
        """Send the page, with the viewer's own address in it, and its service, for the title."""
        page = fill_in(PAGES[self.language_of_viewer()], viewer=host_of(self.client_address) or "",
                       service=self.watch.service)
        self.send("text/html; charset=utf-8", page.encode())

    def language_of_viewer(self):
        """Return the language of the page: ``language`` if it was chosen, else the first of ours
        among those that the browser asks for (RFC 9110, 12.5.4; they come in order)."""
        return self.language or first_of_ours(self.headers.get("Accept-Language", "").split(","))

    def refuse(self, status, text):
        """Send *status* with this *text*, in the language of the viewer; a field ``address`` in it
        is the one by which the viewer came, so that it leads here."""
        text = catalogue(self.language_of_viewer()).gettext(text)
        self.send_error(status, explain=text.format(address=shown(self.own_address())))

    def own_address(self):
        """Return the address of the page by which the viewer came."""
        own = self.connection.getsockname()
        return host_of(own), own[1]

    def send_state(self):
        self.send("application/json", self.watch.whole())

    def send_client(self):
        """Send the client, for the browser to save. Such files have no type of their own; as
        ``application/zip`` a browser that opens zips for its user would take it apart."""
        self.send("application/octet-stream", self.client,
                  ("Content-Disposition", 'attachment; filename="{}"'.format(ONE_FILE)))

    def send(self, kind, data, *headers):
        """Send *data*, of this *kind* of content; only the headers if that was asked."""
        self.send_head(kind, ("Content-Length", str(len(data))), *headers)
        if self.command == "GET":
            self.wfile.write(data)

    def send_head(self, kind, *headers):
        """Send the head of an answer of this *kind*; *headers* are pairs of a name and a value."""
        self.send_response(http.HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def end_headers(self):
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def send_events(self):
        """Send what is new to a viewer for whom there is a place, until it leaves."""
        host = host_of(self.client_address)
        if self.command == "HEAD" and self.viewers.has_room_for(host):
            self.send_head("text/event-stream")
        elif self.command == "GET" and self.viewers.enter(host):
            try:
                self.send_head("text/event-stream")
                self.keep_telling()
            finally:
                self.viewers.leave(host)
        else:
            self.refuse(http.HTTPStatus.SERVICE_UNAVAILABLE, FULL)

    def keep_telling(self):
        """Send what is new, for as long as the viewer watches."""
        notice_when_it_vanishes(self.connection, VANISHED)
        seen, last_word = NOTHING, time.monotonic()
        while not self.server.stopping.is_set():
            look = self.watch.look()
            text = self.watch.news(seen, look)
            if not text and time.monotonic() - last_word >= STILL_HERE:
                text = event("here", look.state["uptime"]).encode()
            if text:
                self.wfile.write(text)
                seen, last_word = look, time.monotonic()
            if self.has_left():
                break

    def has_left(self):
        """Wait for INTERVAL seconds; tell whether the viewer has left meanwhile, or speaks when
        there is nothing for it to say."""
        self.connection.settimeout(INTERVAL)
        try:
            self.connection.recv(1)
        except socket.timeout:
            return False
        return True

    def log_message(self, format, *arguments):
        log.debug("%s", excerpt(format % arguments))
