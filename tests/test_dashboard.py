"""The live page: what it is made of, who may see it, and what a browser makes of it."""

import base64
import hashlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from unittest import mock

import pytest
from browser import Browser, needs_chromium
from conftest import (ENVIRONMENT, PATIENCE, ROOT, connect, needs_linux, read_all, run_client,
                      serving, text_of, wait_until)

import handlers.dashboard as dashboard
from engine import invitation, onefile
from engine.effort import has_gil, processors
from engine.errors import CannotStart
from engine.invitation import FETCH, commands, files, pages
from engine.networks import Address
from engine.onefile import one_file
from handlers.dashboard import client_file
from handlers.dashboard.handler import FULL, DashboardHandler
from handlers.dashboard.crowds import Crowds
from handlers.dashboard.minute import Minute
from handlers.dashboard.page import HEADERS
from handlers.dashboard.viewers import Viewers
from handlers.dashboard.watch import INTERVAL, Watch
from handlers.uppercase import UppercaseHandler
from server import ClassroomServer


def fetch(server, path, method="GET", host=None):
    """Return (status, headers, body) of what the page's server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.page, timeout=PATIENCE)
    try:
        connection.putrequest(method, path, skip_host=host is not None)
        if host:
            connection.putheader("Host", host)
        connection.endheaders()
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        connection.close()


def state_of(server):
    status, headers, body = fetch(server, "/state")
    assert status == 200 and headers["Content-Type"] == "application/json"
    return json.loads(body.decode())


class Events:
    """The stream of events, as a viewer gets it."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.page), PATIENCE)
        self.socket.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.file = self.socket.makefile("r", encoding="utf-8", newline="\n")
        assert "200" in self.file.readline()
        headers = list(iter(self.file.readline, "\r\n"))
        assert "Content-Type: text/event-stream\r\n" in headers

    def next(self):
        """Return the next event: its name and its data."""
        name, data, end = [self.file.readline() for _ in range(3)]
        assert end == "\n"
        return name[len("event: "):-1], json.loads(data[len("data: "):])

    def until(self, name, condition):
        """Return the data of the first *name* event for which the *condition* is true."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            got, data = self.next()
            if got == name and condition(data):
                return data
        raise AssertionError("waited in vain for " + name)

    def close(self):
        self.file.close()
        self.socket.close()


def test_the_state(start_page):
    server = start_page("--max-threads", "3", "--service", "temp")
    assert server.ask("Recife,31,24") == "BYE"
    assert server.ask('"Água Branca, AL",33.5,-2') == "BYE"
    assert server.ask("?") == 'hottest,"Água Branca, AL",33.5,coldest,"Água Branca, AL",-2,cities,2'
    state = wait_until(lambda: state_of(server) if state_of(server)["totals"]["served"] == 3
                       else None)
    assert state.pop("uptime") > 0
    assert len(state["messages"]) == 60 and sum(state.pop("messages")) == 3
    assert len(state["queue"]) == 60
    assert not any(state.pop("queue"))
    latest = state["temperatures"].pop("latest")
    assert [entry["city"] for entry in latest] == ["Água Branca, AL", "Recife"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d", latest[0]["time"])
    assert re.fullmatch(r"127\.0\.0\.1:\d+", latest[0]["client"])
    if not sys.platform.startswith("linux"):
        state["waiting"] = 0
    assert state["way"].pop("hand") <= 3  # of the last second
    assert state.pop("second") >= 0 and state.pop("crowd_began") is None  # too few for a crowd
    assert state == {
        "service": "temp", "max_threads": 3, "slots": [None, None, None], "waiting": 0,
        "totals": {"accepted": 3, "served": 3, "refused": 0, "timed out": 0, "gone": 0,
                   "failed": 0, "errors": 0, "messages": 3},
        "wait": None, "gil": has_gil(), "cores": processors(), "port": server.port, "jam": None,
        "mistakes": {"kinds": 0, "latest": []}, "crowd": None,
        "way": {"consumer": "waiting", "since": 0, "queue": 0, "locked": False},
        "join": ["python client.py --service temp --port {}".format(server.port)], "client": [],
        "page": [], "stuck": [],
        "temperatures": {"cities": 2, "hottest": {"city": "Água Branca, AL", "temperature": "33.5"},
                         "coldest": {"city": "Água Branca, AL", "temperature": "-2"},
                         "ranges": [["Recife", "31", "24"], ["Água Branca, AL", "33.5", "-2"]]}}


def test_the_client_is_handed_out(start_page):
    server = start_page("--host", "0.0.0.0")
    status, headers, body = fetch(server, "/client.pyz")
    assert (status, body) == (200, one_file())
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"] == 'attachment; filename="client.pyz"'
    assert {name: headers[name] for name in HEADERS} == HEADERS
    status, again, body = fetch(server, "/client.pyz", "HEAD")
    assert (status, again["Content-Length"], body) == (200, headers["Content-Length"], b"")
    assert fetch(server, "/client.pyz", host="evil.example")[0] == 421
    state = state_of(server)
    assert state["client"] == files(("0.0.0.0", server.page))
    assert state["page"] == pages(("0.0.0.0", server.page))
    assert state["join"] == commands(("0.0.0.0", server.port), "upper",
                                     "client.pyz" if state["client"] else "client.py")


def test_an_address_that_comes_and_goes_is_in_the_next_look(monkeypatch):
    """And it is news to those who watch already; a cable is pulled out, and there is none."""
    own = [Address("192.0.2.7", "eth0", "a cable")]
    monkeypatch.setattr(invitation, "own_addresses", lambda ipv6: list(own))
    page = "0.0.0.0", 8080
    with serving(UppercaseHandler) as server:
        server.server_address = "0.0.0.0", 50000
        with Watch(server, "upper", page) as watch:
            first = watch.look()
            assert first.state["join"] == ["python client.pyz --host 192.0.2.7"]
            own.append(Address("198.51.100.7", "wlan0", "Wi-Fi"))
            wait_until(lambda: len(watch.look(0).state["page"]) == 2, "the address")
            look = watch.look()
            assert look.state["page"] == ["http://192.0.2.7:8080/", "http://198.51.100.7:8080/"]
            assert b'"join": ["python client.pyz --host 192.0.2.7", "python client.pyz' in (
                watch.news(first, look))
            own.clear()
            wait_until(lambda: watch.look(0).state["join"] == [], "its end")


def test_fetched_without_a_browser_it_runs(start_page, tmp_path):
    """By the command that the server prints, with this Python and the address of this machine."""
    server = start_page()
    program, url = sys.executable, "http://127.0.0.1:{}/client.pyz".format(server.page)
    fetching = FETCH.format(url=url, name="client.pyz").replace("python", '"{}"'.format(program), 1)
    subprocess.run(fetching, shell=True, cwd=str(tmp_path), env=ENVIRONMENT, check=True)
    said = subprocess.check_output([program, "client.pyz", "--port", str(server.port), "olá"],
                                   cwd=str(tmp_path), env=ENVIRONMENT)
    assert text_of(said) == "OLÁ\n"


def test_without_a_part_of_the_client_there_is_no_page(monkeypatch, tmp_path):
    monkeypatch.setattr(onefile, "HOME", tmp_path)
    with pytest.raises(CannotStart, match="a part of it is missing here: client.py: No such file"):
        client_file()


def test_a_service_without_temperatures(start_page):
    server = start_page("--max-threads", "0")
    assert server.ask("x") == "X"
    wait_until(lambda: state_of(server)["slots"] == [], "the client to be through")
    state = state_of(server)
    assert state["service"] == "upper" and "temperatures" not in state


@needs_linux
def test_slots_and_who_waits(start_page):
    server = start_page("--max-threads", "2")
    clients = [server.connect()]
    wait_until(lambda: state_of(server)["slots"][0])
    clients += [server.connect() for _ in range(4)]

    def all_there():
        state = state_of(server)
        return state if state["waiting"] == 3 and all(state["slots"]) else None
    names = ["127.0.0.1:%d" % client.getsockname()[1] for client in clients]
    assert [slot["client"] for slot in wait_until(all_there)["slots"]] == names[:2]
    clients[0].sendall(b"x\n")
    assert read_all(clients[0]) == b"X\n"
    # The third has the slot of the first; the second has not moved.
    wait_until(lambda: [slot and slot["client"] for slot in state_of(server)["slots"]]
               == [names[2], names[1]])
    assert state_of(server)["slots"][1]["seconds"] > 0
    for client in clients:
        client.close()


def test_events_come_when_there_is_something_new_and_only_then(start_page):
    server = start_page("--service", "temp")
    server.ask("Recife,31,24")
    server.ask("?")  # now it is recorded
    events = Events(server)
    name, state = events.next()
    assert name == "state" and "ranges" not in state["temperatures"]
    events.until("cities", lambda data: data == {"reset": True,
                                                 "readings": [["Recife", "31", "24"]]})
    server.ask("Olinda,30,25")
    events.until("cities", lambda data: data == {"reset": False,
                                                 "readings": [["Olinda", "30", "25"]]})
    server.ask("Recife,32,24")
    events.until("cities", lambda data: data == {"reset": False,
                                                 "readings": [["Recife", "32", "24"]]})
    events.socket.settimeout(2.5 * INTERVAL)
    with pytest.raises(socket.timeout):
        while events.next()[0] == "state":
            pass  # what was still new when the last reading had come
    events.close()


def test_at_most_five_events_of_a_kind_a_second(start_page):
    server = start_page()
    events = Events(server)
    stop = threading.Event()

    def talk():
        while not stop.is_set():
            server.ask("x")
    thread = threading.Thread(target=talk)
    thread.start()
    try:
        events.next()
        first = events.next()[1]["uptime"]
        states = [events.until("state", lambda data: True) for _ in range(5)]
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert states[-1]["uptime"] - first >= 5 * INTERVAL * 0.9
    assert states[-1]["totals"]["messages"] <= states[-1]["totals"]["accepted"]
    events.close()


def test_a_page_hears_that_a_quiet_server_is_still_there(monkeypatch):
    monkeypatch.setattr("handlers.dashboard.handler.STILL_HERE", INTERVAL)
    with serving(UppercaseHandler) as server, Watch(server, "upper") as watch:
        with serving(type("Handler", (DashboardHandler,), {"watch": watch})) as page:
            page.page = page.server_address[1]
            events = Events(page)
            assert [events.next()[0] for _ in range(3)] == ["state", "here", "here"]
            events.close()


def test_who_leaves_frees_a_place():
    with serving(UppercaseHandler) as server, Watch(server, "upper") as watch:
        handler = type("Handler", (DashboardHandler,), {"watch": watch})
        with serving(handler, max_threads=1) as page:
            page.page = page.server_address[1]
            for _ in range(3):
                events = Events(page)
                assert events.next()[0] == "state"
                events.close()
            wait_until(lambda: not page.in_service())


NOT_THE_SERVICE = ("ERR this port is the page's, for a browser (http://127.0.0.1:{}/): the service upper "
                   "is on port {}\n")


@pytest.mark.parametrize("request_head", [b"", b"OLA", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"],
                         ids=["silent", "a word", "unfinished"])
def test_a_slow_viewer_is_dropped_with_a_word(request_head):
    with serving(UppercaseHandler) as server, Watch(server, "upper") as watch:
        with serving(type("Handler", (DashboardHandler,), {"timeout": 0.15, "watch": watch})) as page:
            with connect(page) as viewer:
                viewer.sendall(request_head)
                assert read_all(viewer).decode() == NOT_THE_SERVICE.format(
                    page.server_address[1], server.server_address[1])
            wait_until(lambda: page.totals()["timed out"] == 1)


@pytest.mark.parametrize("sent", [
    b"Recife,31,24\n", b"Recife,31,24", b"?\n", b"\n", b"OLA MUNDO\r\n", b"GET /\r\n",
    b"\x16\x03\x01\x02\0\x01\0", b"\xff\xfd\x03\xff\xfb\x18", "Ol\u00e1\n".encode()],
    ids=["reading", "no line feed", "query", "empty", "capitals", "no version", "TLS", "telnet", "accents"])
def test_who_takes_it_for_the_service_is_told_at_once(sent):
    """Long before the deadline of a request."""
    with serving(UppercaseHandler) as server, Watch(server, "upper") as watch:
        with serving(type("Handler", (DashboardHandler,), {"timeout": 600.0, "watch": watch})) as page:
            with connect(page) as viewer:
                viewer.sendall(sent)
                assert read_all(viewer).decode() == NOT_THE_SERVICE.format(
                    page.server_address[1], server.server_address[1])
            assert page.totals()["failed"] == 0


def test_a_request_may_come_in_pieces():
    with serving(UppercaseHandler) as server, Watch(server, "upper") as watch:
        with serving(type("Handler", (DashboardHandler,), {"watch": watch})) as page:
            with connect(page) as viewer:
                viewer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in b"GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n":
                    viewer.sendall(bytes([byte]))
                assert read_all(viewer).startswith(b"HTTP/1.0 200 ")


def test_the_client_on_the_port_of_the_page_learns_where_the_service_is(start_page):
    server = start_page()
    status, out, err = run_client(server.page, "hello")
    assert (status, out) == (1, NOT_THE_SERVICE.format(server.page, server.port))


def test_a_viewer_that_does_not_read_is_dropped():
    with serving(UppercaseHandler) as server, Watch(server, "x" * 10**7) as watch:
        handler = type("Handler", (DashboardHandler,), {"watch": watch, "timeout": 0.15})
        with serving(handler) as page, connect(page) as viewer:
            viewer.sendall(b"GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            wait_until(lambda: page.in_service())
            wait_until(lambda: not page.in_service())


def test_a_viewer_that_is_slow_is_not_dropped():
    """It takes longer than the deadline for the whole, but always something within it."""
    with serving(UppercaseHandler) as server, Watch(server, "x" * 10**6) as watch:
        handler = type("Handler", (DashboardHandler,), {"watch": watch, "timeout": 0.25})
        with serving(handler) as page, socket.socket() as viewer:
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            viewer.settimeout(PATIENCE)
            viewer.connect(page.server_address)
            viewer.sendall(b"GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            came, began = 0, time.monotonic()
            for piece in iter(lambda: viewer.recv(8192), b""):
                came += len(piece)
                threading.Event().wait(0.006)  # this is how slow it is
            assert came > 10**6 and time.monotonic() - began > 2 * handler.timeout
            assert page.totals()["timed out"] == 0


@pytest.mark.parametrize("viewers", [Viewers(1, 9), Viewers(9, 1)], ids=["all", "host"])
def test_a_viewer_too_many_is_told_so_at_once(viewers):
    with serving(UppercaseHandler) as server, Watch(server, "upper") as watch:
        handler = type("Handler", (DashboardHandler,), {"watch": watch, "viewers": viewers})
        with serving(handler) as page:
            page.page = page.server_address[1]
            assert fetch(page, "/events", "HEAD")[0] == 200
            first = Events(page)
            assert first.next()[0] == "state"
            status, _, body = fetch(page, "/events")
            assert status == 503 and body.decode() == "503: {}\n".format(FULL)
            assert fetch(page, "/events", "HEAD")[0] == 503
            assert fetch(page, "/state")[0] == fetch(page, "/")[0] == 200
            first.close()
            wait_until(lambda: fetch(page, "/events", "HEAD")[0] == 200, "a place")


def test_viewers_cannot_exhaust_it(start_page):
    server = start_page()
    silent = [socket.create_connection(("127.0.0.1", server.page), PATIENCE) for _ in range(60)]
    assert server.ask("still served") == "STILL SERVED"
    for viewer in silent:
        viewer.close()
    wait_until(lambda: fetch(server, "/")[0] == 200)


@pytest.mark.parametrize("host, status", [
    (None, 200), ("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:8080", 200),
    ("192.168.0.7:8080", 200), ("evil.example", 421), ("127.0.0.1.evil.example:8080", 421),
    ("", 421), ("[", 421), ("localhost.", 200), ("class.localhost:8080", 200), ("127.0.0.1.:80", 200),
    (".", 421), ("..", 421), ("notlocalhost", 421), ("evil.localhost.example", 421)])
def test_only_under_its_own_names(host, status):
    with serving(UppercaseHandler) as server, Watch(server, "upper") as watch:
        with serving(type("Handler", (DashboardHandler,), {"watch": watch})) as page:
            page.page = page.server_address[1]
            for path in "/", "/state":
                assert fetch(page, path, host=host)[0] == status


def test_the_names_of_this_machine(monkeypatch):
    monkeypatch.setattr(dashboard.socket, "gethostname", lambda: "Lab-7.school.example")
    names = dashboard.names_for("Teacher.Lan")
    assert names == {"localhost", "teacher.lan", "lab-7.school.example", "lab-7", "lab-7.local"}
    assert dashboard.names_for("") == names - {"teacher.lan"}


def test_who_calls_it_by_another_name_is_told_an_address_that_leads_there(start_page):
    server = start_page("--host", "::")
    told = "421: This server is not called that: open http://127.0.0.1:{}/\n".format(server.page)
    assert fetch(server, "/", host="teacher")[2].decode() == told


@pytest.mark.parametrize("port, warns", [(6000, True), (10080, True), (5060, True), (8080, False), (0, False)])
def test_a_port_that_browsers_refuse(port, warns, caplog, monkeypatch):
    class Stop(Exception):
        """The rest of the start is not what is tested: the port may be taken."""

    def listen(*arguments, **attributes):
        raise Stop
    monkeypatch.setattr(dashboard, "listening_server", listen)
    with pytest.raises(Stop):
        with dashboard.page_about(None, mock.Mock(dashboard=port, host="127.0.0.1", lang=None), None):
            pass
    assert ("Browsers refuse to open port %d," % port in caplog.text) == warns


def test_only_its_own_paths_and_methods(start_page):
    server = start_page()
    for path in "/x", "/handlers/", "/../server.py", "/dashboard.html", "/state/":
        status, headers, body = fetch(server, path)
        assert status == 404 and body.count(b"\n") == 1
        assert headers["Content-Type"].startswith("text/plain")
    for method in "POST", "PUT", "DELETE", "OPTIONS":
        assert fetch(server, "/", method)[0] == 501
    for path in "/", "/state", "/events":
        status, headers, body = fetch(server, path, "HEAD")
        assert status == 200 and body == b"" and "Content-Security-Policy" in headers
    assert fetch(server, "/?x=1")[0] == 200


def test_the_policy_allows_this_script_and_nothing_else(start_page):
    _, headers, body = fetch(start_page(), "/")
    policy = headers["Content-Security-Policy"]
    page = body.decode()
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for element in "script", "style":
        texts = re.findall("<{0}>(.*?)</{0}>".format(element), page, re.DOTALL)
        assert len(texts) == 1
        digest = base64.b64encode(hashlib.sha256(texts[0].encode()).digest()).decode()
        assert "{}-src 'sha256-{}'".format(element, digest) in policy
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", page)
    assert not re.search(r"<[^>]+ (style|on\w+)=", page)
    assert not re.search(r"""(src|href)=["']?(https?:|//)""", page)


def test_it_stops_with_viewers_watching(start_page):
    server = start_page()
    viewers = [Events(server) for _ in range(3)]
    for viewer in viewers:
        viewer.next()
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 3
    for viewer in viewers:
        viewer.close()


def test_without_it_nothing_of_it_is_imported():
    subprocess.run([sys.executable, "-c", (
        "import server, sys; server.options_of([]);"
        "assert not {'http', 'html', 'json', 'handlers.dashboard.handler'} & set(sys.modules)")],
        cwd=str(ROOT), env=ENVIRONMENT, check=True, timeout=PATIENCE)


def test_a_port_for_it_that_is_taken(start_server):
    taken = start_server().port
    done = subprocess.run([sys.executable, "server.py", "--port", "0", "--dashboard", str(taken)],
                          cwd=str(ROOT), env=ENVIRONMENT, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE)
    assert done.returncode == 1 and done.stdout == b""
    assert text_of(done.stderr) == (
        "server.py: cannot listen on 127.0.0.1:{}: the port is in use, by another server or by a "
        "connection that some program has made. "
        "Choose another with --dashboard; 0 picks a free one.\n".format(taken))


def test_every_message_is_counted_once(start_page):
    server = start_page("--keep-open")
    with server.connect() as client:
        client.sendall(b"x\n" * 1000)
        received = b""
        while len(received) < 2000:
            received += client.recv(65536)
        wait_until(lambda: sum(state_of(server)["messages"]) == 1000)


def test_messages_that_are_answered_with_an_error_count_too(start_page):
    server = start_page("--keep-open", "--max-line", "10")
    with server.connect() as client:
        client.sendall(b"ok\n\xff\n\xfe\nok\n" + b"x" * 11 + b"\n")
        assert len(read_all(client).splitlines()) == 5
    assert sum(state_of(server)["messages"]) == 5


def test_the_state_is_of_this_moment(start_page):
    server = start_page("--service", "temp")
    for number in range(5):
        server.ask("City {},{},1".format(number, number + 1))
        server.ask("?")  # now it is in the registry
        assert state_of(server)["temperatures"]["cities"] == number + 1


def test_one_viewer_too_many_is_told_in_http():
    with serving(DashboardHandler, max_per_host=1, refusal=DashboardHandler.refusal) as page:
        page.page = page.server_address[1]
        with connect(page):
            wait_until(page.in_service)
            status, _, body = fetch(page, "/")
            assert status == 503 and body == b"503: too many connections from your address\n"


def test_each_second_has_its_count():
    with ClassroomServer(("127.0.0.1", 0), UppercaseHandler) as server:
        answered, waiting = [], []
        server.books.messages = lambda: sum(answered)
        server.waiting = lambda: sum(waiting)
        watch = Watch(server, "upper")
        minute = watch._minute
        for uptime, number in (0.9, 3), (1.9, 4), (3.9, 5):
            watch._count(uptime - 0.8, [])  # as its thread does when the second begins
            answered.append(number)
            waiting.append(1)
            watch._count(uptime, [])
        assert list(minute.messages)[-4:] == [3, 4, 0, 5]
        assert list(minute.queue)[-4:] == [1, 2, 0, 3]
        waiting.clear()
        watch._count(62.5, [])
        assert sum(minute.messages) == 5 and len(minute.messages) == 60
        assert list(minute.queue) == [3] + [0] * 59
        watch._count(1000, [])
        assert sum(minute.messages) == 0 and len(minute.messages) == 60


def count_seconds(seconds, queue, served):
    """Return a `Minute` in which so many clients wait all the time, and are served each second."""
    minute = Minute()
    totals = {"served": 0, "timed out": 0, "gone": 0, "failed": 0, "refused": 9}
    for second in range(seconds):
        minute.count(second, 0, totals, queue)
        totals = dict(totals, served=totals["served"] + served)
        minute.count(second + 0.9, 0, totals, queue)
    minute.count(seconds, 0, totals, queue)
    return minute


@pytest.mark.parametrize("queue, served, wait", [(30, 8, 3.8), (30, 0, None), (0, 8, None),
                                                 (None, 8, None)])
def test_how_long_those_who_wait_will_wait(queue, served, wait):
    for seconds in 3, 30:
        assert count_seconds(seconds, queue, served).wait(queue) == wait


def test_nobody_knows_how_long_when_nobody_waited_before():
    minute = count_seconds(5, 0, 8)
    totals = {"served": 40, "timed out": 0, "gone": 0, "failed": 0}
    minute.count(5.5, 0, totals, 30)
    assert minute.wait(30) is None


def test_the_second_that_is_counted_is_told_as_long_as_somebody_waits():
    """Else a chart would let them sink to none, for nothing in it changes."""
    with ClassroomServer(("127.0.0.1", 0), UppercaseHandler) as server:
        server.waiting = lambda: 6
        watch = Watch(server, "upper")
        for second in range(700):
            watch._count(second + 0.5, [])
        watch._began = time.monotonic() - 700.2
        first = watch.look(0)
        assert first.state["second"] == 700 and first.state["queue"] == [6] * 59 + [0]
        watch._began -= 1
        later = watch.look(0)
        told = json.loads(watch.news(first, later).decode().split("data: ")[1])
        assert told["second"] == 701 and "queue" not in told  # that is as it was, and ends there now


@pytest.mark.parametrize("waits, median", [(True, 2.0), (False, None)])
def test_a_crowd_is_measured_from_how_many_have_come_and_left(waits, median):
    """Eight at once, served two a second: after 1, 2, 3 and 4 s, half of them within 2 s."""
    crowds = Crowds()
    totals = dict.fromkeys(("accepted", "served", "refused", "timed out", "gone", "failed"), 0)

    def count(now, accepted, served, waiting):
        totals.update(accepted=accepted, served=served)
        crowds.count(now, totals, waiting if waits else None, accepted > served)
    for now in range(0, 3):
        count(now, 0, 0, 0)
    assert crowds.began is None
    count(3, 2 if waits else 8, 0, 6)
    assert crowds.began == 2.5  # about
    for second in range(1, 5):
        count(3 + second, 8 if not waits else min(8, 2 + 2 * second), 2 * second, max(0, 6 - 2 * second))
    assert crowds.latest is None
    count(8.9, 8, 8, 0)
    assert crowds.latest is None  # it may go on
    count(9.1, 8, 8, 0)
    assert crowds.latest == {"number": 1, "clients": 8, "began": 2.5, "seconds": 4.0, "median": median}
    assert crowds.began is None


def test_a_few_are_no_crowd_and_the_silent_do_not_keep_one_from_its_end():
    crowds = Crowds()
    totals = dict.fromkeys(("accepted", "served", "refused", "timed out", "gone", "failed"), 0)

    def count(now, accepted, served, at_work=False):
        totals.update(accepted=accepted, served=served)
        crowds.count(now, totals, 0, at_work)
    count(1, 4, 4)
    count(9, 4, 4)
    assert crowds.latest is None and crowds.began is None
    count(10, 14, 4, True)
    for now in range(11, 20):
        count(now, 14, 4, True)  # at work for long
    assert crowds.latest is None and crowds.began is not None
    count(20, 14, 12)  # two of them are silent
    count(23, 14, 12)
    assert crowds.latest["clients"] == 8 and crowds.began is None
    count(60, 14, 14)  # they leave: that is none
    count(70, 14, 14)
    assert crowds.latest["number"] == 1


@needs_linux
def test_the_way_of_a_message_whose_consumer_stands_still(start_page, tmp_path):
    """The page goes on, and shows where it stands."""
    program = tmp_path / "held.py"
    program.write_text("import sys, threading, time\nsys.path.insert(0, {!r})\nimport server\n"
                       "from handlers.temperature import handler\n"
                       "def hold():\n    with handler.lock:\n        sys.stdin.read()\n"
                       "show = handler.show\n"
                       "def hold_now():\n    show()\n    threading.Thread(target=hold, daemon=True).start()\n"
                       "handler.show = hold_now\nsys.exit(server.main(sys.argv[1:]))\n".format(str(ROOT)))
    server = start_page("--service", "temp", program=(str(program),), stdin=subprocess.PIPE)
    assert server.ask("Recife,31,24") == "BYE"
    wait_until(lambda: state_of(server)["way"]["locked"], "the lock to be held")
    with server.connect() as client:
        client.sendall(b"?\n")
        way = wait_until(lambda: state_of(server)["way"] if state_of(server)["way"]["since"] >= 1 else None,
                         "the consumer to stand still")
        assert way["consumer"] == "locking" and way["hand"] == 1 and way["queue"] == 0 and way["locked"]
        assert state_of(server)["temperatures"]["cities"] in (0, 1)
        server.process.stdin.close()
        assert read_all(client).startswith(b"hottest,Recife")
    wait_until(lambda: state_of(server)["way"]["consumer"] == "waiting" and state_of(server)["temperatures"]["cities"],
               "it to go on")


def test_a_client_that_sends_half_a_message_is_no_more_a_mistake_than_a_reply(start_page):
    """What is answered with an error before it is a whole message is a reply all the same."""
    server = start_page("--timeout", "0.2")
    for data in b"half", b"":
        with server.connect() as client:
            client.sendall(data)
            assert read_all(client).startswith(b"ERR ")
    with server.connect() as client:
        client.sendall(b"x")
        client.shutdown(socket.SHUT_WR)
        read_all(client)
    totals = wait_until(lambda: state_of(server)["totals"] if state_of(server)["totals"]["errors"] == 3 else None)
    assert totals["messages"] == 3


def test_the_page_names_its_service_and_its_viewer_before_any_script_runs(start_page):
    server = start_page("--service", "temp")
    page = fetch(server, "/")[2].decode()
    assert "<title>temp: live</title>" in page and ">Service temp</h1>" in page
    assert '<meta name="viewer" content="127.0.0.1">' in page
    assert re.search("<noscript><p>This page needs JavaScript: [^<]+</p></noscript>", page)
    assert "@service@" not in page and "@viewer@" not in page


@needs_linux
def test_those_who_wait_are_counted_each_second(start_page):
    server = start_page("--max-threads", "1")
    clients = [server.connect() for _ in range(3)]
    wait_until(lambda: 2 in state_of(server)["queue"][:-1], "a second of two who wait")
    for client in clients:
        client.close()


def test_events_tell_what_has_changed_and_of_the_minute_once_a_second(start_page):
    server = start_page()
    events = Events(server)
    assert {"messages", "queue", "gil", "join"} <= set(events.next()[1])
    server.ask("x")
    news = events.until("state", lambda data: data.get("totals", {}).get("messages") == 1)
    assert not {"gil", "join", "mistakes"} & set(news)
    if "messages" not in news:
        news = events.until("state", lambda data: "messages" in data)
    assert news["messages"][-2:] == [1, 0]
    events.close()


def test_those_in_the_slots_are_told_when_they_do_something_else_only():
    """That time has passed is none: the page can count."""
    def doing(look):
        return look.state["slots"][0] and look.state["slots"][0]["doing"]
    with serving(UppercaseHandler, max_threads=2) as server, Watch(server, "upper") as watch, connect(server) as client:
        first = wait_until(lambda: watch.look(0) if doing(watch.look(0)) == "silent" else None, "the client")
        server.mistakes.note(("192.0.2.1", 1), "ERR no")
        later = wait_until(lambda: watch.look(0) if watch.look(0).state["slots"] != first.state["slots"] else None)
        told = watch.news(first, later)
        assert b'"mistakes"' in told and b'"slots"' not in told
        client.sendall(b"half")
        half = wait_until(lambda: watch.look(0) if doing(watch.look(0)) == "half a message" else None, "its half")
        assert b'"slots": [{"client": ' in watch.news(later, half)


@needs_chromium
def test_in_a_browser(start_page):
    server = start_page("--service", "temp")
    markup = "<img src=x onerror=alert(1)>"
    with Browser() as browser:
        browser.open("http://127.0.0.1:%d/" % server.page)
        wait_until(lambda: browser.run("document.querySelector('#connection').className")
                   == "live", "the page to be live")
        wait_until(lambda: browser.run("document.querySelectorAll('#boxes .slot').length") == 4,
                   "four slots")
        for reading in "Teresina,40,25", "Garanhuns,25,12", markup + ",30,20":
            assert server.ask(reading) == "BYE"
        wait_until(lambda: browser.text("#readings li .city") == markup, "the last reading")
        wait_until(lambda: browser.text("#coldest-city") == "Garanhuns", "the coldest city")
        assert browser.text("#hottest-city") == "Teresina"
        assert browser.text("#hottest-temperature").startswith("40")
        assert browser.run("document.images.length") == 0
        server.ask("Recife,41,24")
        wait_until(lambda: browser.text("#hottest-city") == "Recife", "the new hottest city")
        with server.connect():
            wait_until(lambda: browser.run(
                "document.querySelectorAll('#boxes .slot.busy').length") == 1, "a busy slot")
        assert browser.complaints == []
        port = str(server.page)
        assert server.stop() == 0
        wait_until(lambda: browser.run("document.querySelector('#connection').className")
                   == "lost", "the page to have lost the server")
        start_page("--dashboard", port, "--service", "temp")
        wait_until(lambda: browser.run("document.querySelector('#connection').className")
                   == "live" and browser.text("#hottest-city") != "Recife",
                   "the page to have found the server again")


@pytest.mark.parametrize("method, cookies, body, status", [
    ("GET", 16000, 0, 200), ("GET", 60000, 0, 200), ("POST", 10, 500000, 501),
    ("GET", 10, 500000, 200), ("GET", 300000, 0, 431)])
def test_an_answer_survives_whatever_a_browser_sends(start_page, method, cookies, body, status):
    """The cookies of all other servers on this machine, say."""
    page = start_page().page
    head = "{} / HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n".format(method, "x" * cookies)
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", page), PATIENCE) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(head.encode() + b"x" * body)
            answer = read_all(client).decode()
        told = re.match(r"HTTP/1.0 (\d+) ", answer)
        assert told and int(told.group(1)) == status, answer[:200]
        if status == 200:
            assert answer.rstrip().endswith("</html>")
