"""The live page in a browser: what becomes of it while time passes: held, behind, alone, with another server."""

import json
import re
import signal
import socket

import pytest
from browser import connection_of, look_at, needs_chromium, style, words
from conftest import needs_linux, read_all, read_line, serving, wait_until

from handlers.dashboard.handler import DashboardHandler
from handlers.dashboard.viewers import Viewers
from handlers.dashboard.watch import Watch
from handlers.uppercase import UppercaseHandler

pytestmark = needs_chromium


@needs_linux
def test_a_jam_is_told_with_its_remedy(start_page, browser):
    """Also its chart does not sink while those who wait go on waiting."""
    server = start_page("--max-threads", "2")
    look_at(browser, server.page)
    clients = [server.connect() for _ in range(5)]
    wait_until(lambda: "--max-threads 20" in (browser.text("#advice") or ""), "the advice")
    assert browser.text("#advice").startswith("Clients that say nothing hold all 2 slots: ")
    assert browser.text("#advice code") == "--max-threads 20"
    assert browser.run("document.querySelector('#advice code').translate") is False
    assert "stands" in browser.run("document.querySelector('#station-slots').className").split()
    wait_until(lambda: browser.text("#station-waiting .note") == "stands still", "the word")
    began = browser.run("state.second")
    wait_until(lambda: browser.run("state.second") >= began + 3, "three seconds in which nothing changes")
    assert browser.run("upToNow(state.queue).slice(-3)") == [3, 3, 3]
    assert browser.text("#waits-most") in ("at most 3", "at most 4", "at most 5")
    for client in clients:
        client.close()
    wait_until(lambda: browser.text("#advice") == "Nobody is here just now.", "its end")


def test_the_latest_readings_change_once_a_second(start_page, browser):
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    server.ask("Recife,31,24")
    wait_until(lambda: browser.text("#readings .city") == "Recife", "the first")
    browser.run("PACE.list = 1e9; recent.due = performance.now() + 1e9")
    for number in range(10):
        server.ask("City {},1,0".format(number))
    wait_until(lambda: browser.text("#total-served dd") == "11", "all")
    assert browser.text("#readings .city") == "Recife" and browser.text("#more") == ""
    browser.run("recent.due = 0")
    wait_until(lambda: browser.text("#readings .city") == "City 9", "the change")
    assert re.fullmatch(r"\+\d more", browser.text("#more"))


def press_space(browser):
    for kind in "keyDown", "keyUp":
        browser.call("Input.dispatchKeyEvent", type=kind, key=" ", code="Space",
                     windowsVirtualKeyCode=32, text=" " if kind == "keyDown" else "")


@pytest.mark.parametrize("hold", [
    press_space, lambda browser: browser.run("document.querySelector('#freeze').click()")],
    ids=["space", "button"])
def test_the_picture_is_held(start_page, browser, hold):
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    hold(browser)
    assert re.fullmatch(r"Frozen since \d\d:\d\d:\d\d", browser.text("#freeze"))
    server.ask("Recife,31,24")
    wait_until(lambda: browser.run("heard.totals.served") == 1, "it hears")
    second = browser.text("#clock")
    wait_until(lambda: browser.run("clockTime(new Date())") != second, "the next second")
    assert browser.text("#total-served dd") == "0" and browser.text("#clock") == second
    hold(browser)
    wait_until(lambda: browser.text("#total-served dd") == "1", "it goes on")
    assert browser.text("#freeze") == "Freeze"


def test_a_hidden_tab_holds_no_stream(start_page, browser):
    server = start_page()
    look_at(browser, server.page)
    browser.run("var hide = (hidden) => { Object.defineProperty(document, 'hidden', "
                "{value: hidden, configurable: true}); "
                "document.dispatchEvent(new Event('visibilitychange')); }; hide(true)")
    assert browser.run("source === null")
    server.ask("x")
    browser.run("hide(false)")
    wait_until(lambda: browser.text("#total-served dd") == "1", "it is taken up again")


def serve_page(**attributes):
    return serving(type("Handler", (DashboardHandler,), attributes), max_threads=9)


def test_clients_that_do_not_read_or_do_not_go(browser):
    handler = type("Handler", (UppercaseHandler,),
                   {"reply": lambda self, message: message * (10000000 if message == "x" else 2000)})
    with serving(handler, max_threads=2) as server, Watch(server, "upper") as watch:
        with serve_page(watch=watch) as page:
            look_at(browser, page.server_address[1])
            with socket.create_connection(server.server_address) as deaf, \
                    socket.create_connection(server.server_address) as staying:
                deaf.sendall(b"x\n")
                staying.sendall(b"y\n")
                assert read_line(staying) == "y" * 2000
                wait_until(lambda: sorted(words(browser)) == ["leaving", "not reading"], "the words")
                assert "gradient" in style(browser, ".slot.not-reading", "backgroundImage")
                assert style(browser, ".slot.leaving", "backgroundImage") == "none"
            browser.open("about:blank")


def test_a_viewer_too_many_is_told_so(browser):
    with serving(UppercaseHandler) as server, Watch(server, "upper") as watch:
        viewers = Viewers(0)
        with serve_page(watch=watch, viewers=viewers) as page:
            browser.open("http://127.0.0.1:%d/" % page.server_address[1])
            wait_until(lambda: connection_of(browser) == "full", "the word")
            assert "Waiting for a place" in browser.text("#connection")
            viewers.most = 1
            wait_until(lambda: connection_of(browser) == "live", "a place")
            browser.open("about:blank")
    browser.complaints.clear()  # of the refusals


class HeldBack(DashboardHandler):
    """As behind something that buffers the stream."""

    held = True

    def keep_telling(self):
        if self.held:
            self.server.stopping.wait()
        super().keep_telling()


def test_where_the_stream_is_held_back_the_page_asks(browser):
    with serving(UppercaseHandler) as server, Watch(server, "upper") as watch:
        handler = type("Handler", (HeldBack,), {"watch": watch})
        with serving(handler, max_threads=9) as page:
            browser.open("http://127.0.0.1:%d/" % page.server_address[1])
            wait_until(lambda: browser.run("PACE.silence = PACE.poll = 200") == 200, "the page")
            wait_until(lambda: connection_of(browser) == "asking", "it to ask")
            for number in 1, 2:
                with socket.create_connection(server.server_address) as client:
                    client.sendall(b"x\n")
                    assert client.recv(9) == b"X\n"
                wait_until(lambda: browser.text("#total-messages dd") == str(number), "the state")
            handler.held = False
            browser.run("PACE.polls = 1")
            wait_until(lambda: connection_of(browser) == "live", "the stream")
            browser.open("about:blank")


@needs_linux
def test_a_server_that_stands_still_is_noticed(start_page, browser):
    server = start_page()
    with server.connect():
        look_at(browser, server.page)
        assert browser.run("PACE.silence + PACE.answer + PACE.tick") < 6000
        browser.run("PACE.silence = 2500; PACE.answer = 300; PACE.retry = 200")
        server.process.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: connection_of(browser) == "lost", "the page to notice")
            assert re.match(r"No word since \d\d:\d\d:\d\d\.", browser.text("#connection"))
            assert browser.run("document.querySelector('#connection').offsetWidth") > 1200
            assert browser.run("main.classList.contains('stale')")
            assert browser.run("document.documentElement.scrollHeight") == 720
            then = re.search(r"[\d:]{8}", browser.text("#connection")).group()
            wait_until(lambda: browser.text("#clock") == then, "the clock of that time")
            word = browser.text(".slot .word")
            browser.run("var beats = 0; setInterval(() => beats++, 200)")
            wait_until(lambda: browser.run("beats > 6"), "more than a second")
            assert (browser.text("#clock"), browser.text(".slot .word")) == (then, word)
        finally:
            server.process.send_signal(signal.SIGCONT)
        wait_until(lambda: connection_of(browser) == "live", "the server again")
    browser.complaints.clear()  # of requests without an answer


def test_what_does_not_change_is_not_touched(start_page, browser):
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    assert server.ask("Recife,31,24") == "BYE"
    wait_until(lambda: browser.text("#readings .city") == "Recife", "a reading")
    browser.run("var drawn = 0, changes = []; const prepared = prepare;"
                "prepare = (canvas) => { drawn++; return prepared(canvas); };"
                "new MutationObserver((list) => changes.push(...list)).observe(document.body, "
                "{subtree: true, attributes: true, childList: true, characterData: true})")
    with server.connect():
        wait_until(lambda: re.match(r"silent [2-9]\xa0s", browser.text(".slot .word")), "two seconds")
    changed = browser.run("Array.from(new Set(changes.filter(({type}) => type === 'attributes')"
                          ".map(({target, attributeName}) => target.id + ' ' + attributeName)))")
    assert set(changed) <= {" class", " style", "replies-plot aria-label", "replies-plot width", "waits-plot aria-label",
                            "replies-plot height", "waits-plot width", "waits-plot height",
                            "station-consumer class", "station-slots class"}
    assert browser.run("changes.filter(({type}) => type === 'attributes').length") < 25
    assert browser.run("drawn") <= 4  # the minute goes on; the picture of the ranges does not


def test_after_another_server_nothing_of_the_one_before_stays(start_page, browser):
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    server.ask("Recife,31,24")
    server.ask("Olinda;30;24")
    wait_until(lambda: browser.text("#hottest-city") == "Recife"
               and browser.run("document.querySelectorAll('#mistakes tbody tr').length") == 1, "the city")
    browser.run("PACE.retry = 200")
    assert server.stop() == 0
    wait_until(lambda: connection_of(browser) == "lost", "the end")
    assert browser.run("document.title") == "temp: no word"
    start_page("--service", "upper", "--dashboard", str(server.page))
    wait_until(lambda: connection_of(browser) == "live" and browser.text("#service") == "Service upper", "the next one")
    assert browser.run("document.title") == "upper: live"
    assert browser.run("cities.size") == 0 and browser.run("main.classList.contains('temp')") is False
    assert browser.run("document.querySelectorAll('#mistakes tbody tr').length") == 0
    assert style(browser, "#ranges", "display") == "none"
    assert browser.text("#station-replies .count") == "0" and browser.text("#station-cities") is None
    browser.complaints.clear()  # of the server that was not there


def test_a_held_picture_can_be_pointed_at(start_page, browser):
    """And what comes meanwhile is not in it; nor is the time of it told as that of the last word."""
    server = start_page("--service", "temp")
    server.ask("Picos 2,35,24")
    server.ask("Picos,31,24")
    look_at(browser, server.page)
    wait_until(lambda: browser.run("ranking.length") == 2, "the cities")
    press_space(browser)
    held = re.search(r"[\d:]{8}", browser.text("#freeze")).group()
    server.ask("Recife,39,24")
    wait_until(lambda: browser.run("cities.size") == 3, "another city")
    browser.run("document.querySelector('#find').value = 'picos'; document.querySelector('#find')"
                ".dispatchEvent(new Event('input'))")
    wait_until(lambda: browser.text("#found").startswith("\u2068Picos\u2069: 24 to 31"), "the exact name, not Picos 2")
    browser.run("point({offsetY: rows.top + 1})")
    wait_until(lambda: "Picos 2" in browser.text("#found"), "what was pointed at")
    assert browser.run("ranking.length") == 2
    second = browser.run("clockTime(new Date())")
    wait_until(lambda: browser.run("clockTime(lastWord)") > second, "a later word")
    browser.run("lose()")
    told = re.fullmatch(r"No word since ([\d:]{8})\. You see how it was at ([\d:]{8})\. Trying again …",
                        browser.text("#connection"))
    assert told.group(2) == held and told.group(1) > held
    wait_until(lambda: connection_of(browser) == "live", "the server again")
    browser.run("document.querySelector('#freeze').click()")
    wait_until(lambda: browser.run("ranking.length") == 3, "it goes on")


def test_the_last_crowd_stays_as_a_ghost(start_page, browser):
    """Also when the server was started again with more threads, so that they can be compared."""
    def crowd(server):
        clients = [server.connect() for _ in range(6)]
        for client in clients:
            client.sendall(b"x\n")
        for client in clients:
            assert read_all(client) == b"X\n"
    server = start_page("--max-threads", "1", "--work", "0.2")
    look_at(browser, server.page)
    browser.run("PACE.retry = 200")
    rows = ("Array.from(document.querySelectorAll('#crowd-rows tr'),"
            "row => Array.from(row.children, cell => cell.textContent).slice(0, 2).join())")
    crowd(server)
    wait_until(lambda: browser.run(rows) == ["1,6"], "its result")
    assert 1.0 <= browser.run("crowds[0].seconds") < 30 and browser.run("ghostNow()") is None
    assert sum(browser.run("crowds[0].replies")) == 6
    server.stop()
    server = start_page("--max-threads", "6", "--work", "0.2", "--dashboard", str(server.page))
    wait_until(lambda: connection_of(browser) == "live" and browser.run("state.max_threads") == 6, "the next server")
    assert browser.run("ghostNow()") is None
    crowd(server)
    wait_until(lambda: browser.run("ghostNow()?.threads") == 1, "the ghost")
    wait_until(lambda: browser.run(rows) == ["1,6", "6,6"], "both results")
    assert browser.run("crowds[0].threads") == 6 and browser.run("ghostNow()?.threads") == 1
    browser.complaints.clear()  # of the server that was not there


def test_where_the_way_stands_still(start_page, browser):
    server = start_page("--service", "temp")
    server.ask("Recife,31,24")
    look_at(browser, server.page)
    show = "hangUp(); connect = () => {}; takeState(%s); draw()"
    browser.run(show % json.dumps({
        "way": {"consumer": "locking", "since": 12, "queue": 7, "hand": 3, "locked": True},
        "slots": [None] * 4, "stuck": ["A <b> stands still for 9 s: look at line 7 of reply()"]}))
    assert "stands" in browser.run("document.querySelector('#station-consumer').className").split()
    assert "stands" in browser.run("document.querySelector('#station-queue').className").split()
    assert browser.text("#station-queue .count") == "7" and browser.text("#station-consumer .count") == "3"
    assert browser.text("#station-consumer .note") == "stands still"
    assert re.fullmatch(r"A <b> stands still for 9 s: look at line 7 of reply\(\)\. "
                        r"The consumer stands still for \d+ s, 10 in the queue\. Who holds the lock\?",
                        browser.text("#advice"))
    assert browser.text("#announced-advice") == browser.text("#advice")
    assert browser.run("document.querySelector('#now').className") == "trouble"
    browser.run(show % json.dumps({"stuck": ["It is at work, line 7"], "way": {
        "consumer": "waiting", "since": 0, "queue": 0, "hand": 0, "locked": False}}))
    assert browser.text("#advice") == "It is at work, line 7."  # and not that all goes well
    for consumer, note in ("waiting", "lock free"), ("recording", "has the lock"), ("storing", "writes the file"):
        browser.run(show % json.dumps({"stuck": [], "way": {
            "consumer": consumer, "since": 0, "queue": 0, "hand": 1, "locked": False}}))
        assert browser.text("#station-consumer .note") == note
    assert browser.run("document.querySelectorAll('.stands').length") == 0
