"""The live page in a browser: what it shows of each state of the server."""

import json
import os
import re
import signal
import socket

import pytest
from browser import CHROMIUM, Browser
from conftest import needs_linux, serving, wait_until
from test_dashboard import start_page  # noqa: F401 (a fixture)

from handlers.dashboard.handler import DashboardHandler
from handlers.dashboard.viewers import Viewers
from handlers.dashboard.watch import Watch
from handlers.uppercase import UppercaseHandler

pytestmark = pytest.mark.skipif(not CHROMIUM or os.name == "nt",
                                reason="no Chromium is installed here")


@pytest.fixture(scope="module")
def chromium():
    """One browser for all: to start one takes longer than most tests."""
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(chromium):
    """The browser, as new."""
    chromium.complaints.clear()
    chromium.resize(1280, 720)
    yield chromium
    assert chromium.complaints == []
    chromium.open("about:blank")


def connection_of(browser):
    return browser.run("document.querySelector('#connection').className")


def look_at(browser, port):
    """Open the page and wait until it is live."""
    browser.open("http://127.0.0.1:%d/" % port)
    wait_until(lambda: browser.run("location.port") == str(port)
               and connection_of(browser) == "live" and browser.run("main.hidden") is False,
               "the page to be live")


def style(browser, selector, name):
    return browser.run("getComputedStyle(document.querySelector({})).{}".format(
        json.dumps(selector), name))


def pixels(browser, selector, name="fontSize"):
    return float(style(browser, selector, name)[:-2])


def words(browser):
    return browser.run("Array.from(document.querySelectorAll('.slot .word'), e => e.textContent)")


def test_the_words_of_the_slots(start_page, browser):  # noqa: F811
    server = start_page("--service", "temp", "--work", "30")
    look_at(browser, server.page)
    assert words(browser) == ["free"] * 4
    silent, half, working = [server.connect() for _ in range(3)]
    half.sendall(b"Recife,31")
    working.sendall(b"Recife,31,24\n")
    wait_until(lambda: browser.run("document.querySelectorAll('.slot.busy').length") == 3
               and any(word.startswith("silent") for word in words(browser))
               and {"half a message", "working", "free"} <= set(words(browser)), "the words")
    assert any(re.fullmatch(r"silent \d+\xa0s", word) for word in words(browser))
    assert "gradient" in style(browser, ".slot.silent", "backgroundImage")
    assert "gradient" in style(browser, ".slot.half-a-message", "backgroundImage")
    assert style(browser, ".slot.in-work", "backgroundImage") == "none"
    assert style(browser, ".slot:not(.busy)", "borderTopStyle") == "dashed"
    assert (pixels(browser, ".slot.silent", "borderTopWidth")
            >= 2 * pixels(browser, ".slot.in-work", "borderTopWidth"))
    for kind in "silent", "in-work", "half-a-message":  # 42 px for a capital are 58 px of letters
        assert pixels(browser, ".slot.{} .word".format(kind)) > (50 if kind != "half-a-message"
                                                                 else 45)
    assert pixels(browser, ".slot.silent .client") < 20
    assert not browser.run("Array.from(document.querySelectorAll('.slot')).some("
                           "e => /\\d\\.\\d+ s/.test(e.textContent))")
    for client in silent, half, working:
        client.close()


def test_mistakes_are_in_sight(start_page, browser):  # noqa: F811
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    plain = style(browser, "#total-errors", "backgroundColor")
    server.ask("Olinda;30;24")
    wait_until(lambda: browser.text("#total-errors dd") == "1", "the mistake")
    assert style(browser, "#total-errors", "backgroundColor") != plain
    assert "✕" in browser.run(
        "getComputedStyle(document.querySelector('#total-errors dd'), '::before').content")
    assert browser.run("document.querySelector('#mistake').className") == "cut some fresh"
    first = browser.text("#mistake")
    assert re.match(r"\d\d:\d\d:\d\d, to 127\.0\.0\.1:\d+: ERR the fields are separated", first)
    server.ask("Recife,31,5,24")
    wait_until(lambda: browser.text("#total-errors dd") == "2", "another one")
    assert browser.text("#mistake") == first  # it can be read to its end
    browser.run("pinned.until = 0")
    wait_until(lambda: "decimal comma" in browser.text("#mistake"), "the latest")
    assert browser.text("#total-messages dd") == "2"


def test_how_to_join(start_page, browser):  # noqa: F811
    server = start_page("--service", "temp", "--max-threads", "2")
    look_at(browser, server.page)
    assert browser.text("#commands") == "python client.py --service temp --port %d" % server.port
    assert browser.text("#type") == "To join, type:"
    large = pixels(browser, "#commands li")
    server.ask("Recife,31,24")
    wait_until(lambda: not browser.run("document.body.classList.contains('empty')"), "a client")
    assert large > 2 * pixels(browser, "#commands li")
    assert browser.text("#commands").endswith(str(server.port))
    assert re.fullmatch(r"Python with(out)? GIL · \d+ cores", browser.text("#machine"))
    assert re.fullmatch(r"up 0:0\d:\d\d", browser.text("#uptime"))
    assert re.fullmatch(r"\d\d:\d\d:\d\d", browser.text("#clock"))


@pytest.mark.parametrize("came", [0, 1])
def test_where_the_client_is(start_page, browser, came):  # noqa: F811
    """Its address is that for others, and leads to the page's own server; both can be read."""
    server = start_page("--service", "temp", "--max-threads", "40")
    if came:
        server.ask("Recife,31,24")
    look_at(browser, server.page)
    url, command = "http://192.168.0.10:8080/client.pyz", "python client.pyz --host 192.168.0.10"
    browser.run("takeState({}); drawState()".format(json.dumps(
        {"client": [url], "join": [command], "page": [url[:-len("client.pyz")]]})))
    assert browser.text("#files") == url and browser.text("#commands") == command
    assert browser.text("#address") == "This page: http://192.168.0.10:8080/"
    assert browser.run("document.querySelector('#files a').href") == (
        "http://127.0.0.1:%d/client.pyz" % server.page)
    for words, text in ("#get", "To join, get client.pyz:"), ("#type", "Then type:"):
        assert browser.text(words) == text
        assert (style(browser, words, "display") == "none") == bool(came)
    assert browser.run("document.documentElement.scrollHeight <= innerHeight")
    for line in "#files li", "#commands li":
        assert browser.run("document.querySelector('{0}').scrollWidth <= "
                           "document.querySelector('{0}').clientWidth".format(line))


@needs_linux
def test_the_queue(start_page, browser):  # noqa: F811
    server = start_page("--max-threads", "1")
    look_at(browser, server.page)
    browser.run("PACE.describe = 0")
    clients = [server.connect() for _ in range(4)]
    wait_until(lambda: browser.text("#queue") == "●●●", "three who wait")
    # Four, if a look came before the first one had its slot.
    wait_until(lambda: re.search("3 waiting now, at most [34][.]", browser.run(
        "document.querySelector('#messages-plot').getAttribute('aria-label')") or ""), "the chart")
    assert browser.text("#waiting-words") == "waiting"
    for waiting, wait, dots, text in (
            (128, 3.2, "●" * 128, "waiting, about 4 s"), (200, None, "●" * 128 + "…", "waiting")):
        browser.run("state.waiting = {}; state.wait = {}; drawQueue()".format(
            waiting, json.dumps(wait)))
        assert browser.text("#queue") == dots and browser.text("#waiting-words") == text
    assert browser.run("document.documentElement.scrollHeight") == 720
    for client in clients:
        client.close()


def test_the_latest_readings_change_once_a_second(start_page, browser):  # noqa: F811
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
def test_the_picture_is_held(start_page, browser, hold):  # noqa: F811
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    hold(browser)
    assert re.fullmatch(r"Frozen since \d\d:\d\d:\d\d", browser.text("#freeze"))
    server.ask("Recife,31,24")
    wait_until(lambda: browser.run("state.totals.served") == 1, "it hears")
    second = browser.text("#clock")
    wait_until(lambda: browser.run("clockTime(new Date())") != second, "the next second")
    assert browser.text("#total-served dd") == "0" and browser.text("#clock") == second
    hold(browser)
    wait_until(lambda: browser.text("#total-served dd") == "1", "it goes on")
    assert browser.text("#freeze") == "Freeze"


def test_a_hidden_tab_holds_no_stream(start_page, browser):  # noqa: F811
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
                   {"reply": lambda self, message: message * 10000000})
    with serving(handler, max_threads=2) as server, Watch(server, "upper") as watch:
        with serve_page(watch=watch) as page:
            look_at(browser, page.server_address[1])
            with socket.create_connection(server.server_address) as deaf, \
                    socket.create_connection(server.server_address) as staying:
                deaf.sendall(b"x\n")
                staying.sendall(b"\nmore\n")
                assert staying.recv(9) == b"\n"
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
def test_a_server_that_stands_still_is_noticed(start_page, browser):  # noqa: F811
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


@pytest.mark.parametrize("options, slots", [
    (("--max-threads", "400"), 400), (("--max-threads", "40"), 40), (("--max-threads", "0"), 1),
    (("--max-threads", "500"), 400)])
def test_so_many_slots_fit(start_page, browser, options, slots):  # noqa: F811
    server = start_page("--service", "temp", *options)
    look_at(browser, server.page)
    server.ask("Recife,31,24")
    wait_until(lambda: browser.text("#readings .city") == "Recife", "a reading")
    assert browser.run("document.querySelectorAll('.slot').length") == slots
    assert browser.run("document.documentElement.scrollHeight") == 720
    assert browser.run("document.querySelector('#boxes').scrollHeight"
                       " - document.querySelector('#boxes').clientHeight") <= 2
    assert browser.run("document.querySelector('#messages-plot').clientHeight") > 60
    assert browser.run("document.querySelector('#slots-more').hidden") is (options[1] != "500")


@pytest.mark.parametrize("name", [
    "São José do Rio", "São José do Rio Preto", "👨‍👩‍👧‍👦 Família", "ตำบลน้ำผึ้ง", "श्रीक्षेत्र", "القاهرة",
    "北京市", "Ğüğgjpqy"])
def test_names_are_shown_in_full(start_page, browser, name):  # noqa: F811
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    assert server.ask(name + ",31,24") == "BYE"
    wait_until(lambda: browser.text("#hottest-city") == name, "the name")
    assert browser.run("(({scrollWidth, clientWidth, scrollHeight, clientHeight}) => scrollWidth <="
                       " clientWidth && scrollHeight <= clientHeight + 2)"
                       "(document.querySelector('#hottest-city'))")
    assert pixels(browser, "#hottest-city") > 26


def test_what_does_not_change_is_not_touched(start_page, browser):  # noqa: F811
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
    assert set(changed) <= {" class", " style", "messages-plot aria-label", "messages-plot width",
                            "messages-plot height"}
    assert browser.run("changes.filter(({type}) => type === 'attributes').length") < 25
    assert browser.run("drawn") <= 4  # the minute goes on; the picture of the ranges does not


def test_what_was_found_is_announced(start_page, browser):  # noqa: F811
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    server.ask("Recife,31,24")
    wait_until(lambda: browser.run("ranking.length") == 1, "a city")
    browser.run("document.querySelector('#find').value = 'rec';"
                "document.querySelector('#find').dispatchEvent(new Event('input'))")
    assert re.sub("[\u2068\u2069]", "", browser.text("#announced")) == (
        "Recife: 24 to 31 °C, number 1 of 1")
    assert browser.run("document.querySelector('#announced').getAttribute('role')") == "status"
    server.ask("Recife,32,24")
    wait_until(lambda: "32" in browser.text("#found"), "the next reading")
    assert "31" in browser.text("#announced")


def test_a_zoom_from_before_the_page_came_is_known(start_page, browser):  # noqa: F811
    look_at(browser, start_page().page)
    assert browser.run("[[1920, 1920], [1920, 1097], [1920, 1620], [0, 390], [1900, 1920]]"
                       ".map(widths => Math.round(100 * zoomBefore(...widths)))") == [
        100, 175, 100, 100, 100]  # not zoomed, at 175 %, beside a side bar, phones, full screen


def test_zoom_makes_the_letters_larger(start_page, browser):  # noqa: F811
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    before = pixels(browser, "#clock")
    browser.call("Emulation.setDeviceMetricsOverride", width=640, height=360,
                 deviceScaleFactor=2, mobile=False)
    wait_until(lambda: pixels(browser, "#clock") * 2 >= 1.6 * before, "larger letters")
    assert browser.run("document.documentElement.scrollWidth") <= 640


def test_nothing_jumps_while_loading(start_page, browser):  # noqa: F811
    server = start_page("--service", "temp")
    server.ask("Recife,31,24")
    look_at(browser, server.page)
    wait_until(lambda: browser.text("#readings .city") == "Recife", "the page")
    browser.run("var shift = 0; new PerformanceObserver((list) => list.getEntries().forEach("
                "(entry) => shift += entry.value)).observe({type: 'layout-shift', buffered: true})")
    assert browser.run("new Promise((done) => setTimeout(done, 50))") is not False
    assert browser.run("shift") < 0.1
    assert browser.run("document.querySelector('#hottest').getAnimations().length") == 0


def test_in_portuguese(start_page, browser):  # noqa: F811
    server = start_page("--service", "temp")
    server.ask("Recife,31.5,24")
    browser.call("Network.enable")
    browser.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "pt-BR,pt;q=0.9"})
    look_at(browser, server.page)
    assert browser.run("document.documentElement.lang") == "pt-BR"
    wait_until(lambda: browser.text("#hottest-temperature") == "31,5 °C", "the hottest city")
    assert browser.text("#hottest-title") == "Cidade mais quente"
    assert browser.text("#readings li .range") == "24 a 31,5 °C"
    assert browser.text("#connection") == "Ao vivo"
    assert browser.text(".slot .word") == "livre"
    browser.call("Network.setExtraHTTPHeaders", headers={})
