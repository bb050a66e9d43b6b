"""The live page in a browser: what it shows of each state of the server."""

import base64
import json
import os
import re
import signal
import socket

import pytest
from browser import CHROMIUM, Browser
from conftest import needs_linux, read_all, read_line, serving, wait_until
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
    for kind in "silent", "in-work", "half-a-message":
        assert pixels(browser, ".slot.{} .word".format(kind)) > (40 if kind != "half-a-message" else 28)
        assert pixels(browser, ".kind." + kind) > 30  # what the last row reads, however many slots there are
    assert pixels(browser, ".slot.silent .client") < 20
    assert re.fullmatch(r"1 silent for \d+\xa0s", browser.text(".kind.silent"))
    assert browser.text(".kind.half-a-message") == "1 half a message" and browser.text(".kind.free") == "1 free"
    assert browser.text("#advice") == ("Half a message: its line feed (\\n) is missing. "
                                       "Silent: connected, but nothing has come.")
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
    rows = "Array.from(document.querySelectorAll('#mistakes tbody tr'), row => row.innerText.replace(/\\s+/g, ' '))"
    wait_until(lambda: browser.run("document.querySelector('#mistakes tbody tr')?.className") == "fresh", "a row")
    semicolons = (r"1× the fields are separated by semicolons: expected commas, such as Olinda,30,24 "
                  r"you :\d+ \d\d:\d\d:\d\d")
    wait_until(lambda: re.fullmatch(semicolons, browser.run(rows)[0]), "the row")
    announced = browser.text("#announced-mistake")
    assert announced == ("1 of this mistake: the fields are separated by semicolons: expected commas, such as "
                         "Olinda,30,24")
    for message in "Recife,31,5,24", "Natal;30;24", "Recife":
        server.ask(message)
    wait_until(lambda: [row[:2] for row in browser.run(rows)] == ["2×", "1×", "1×"], "the others, at once")
    told = browser.run(rows)
    assert "such as Natal,30,24" in told[0]  # the latest of its kind, in the row where the kind was
    server.ask("a,b,c,d,e,f")
    wait_until(lambda: browser.text("#more-kinds") == "+1 more kinds", "a fourth kind")
    shown = browser.run(rows)
    assert [row for row in shown if row in told] == [row for row in told if row in shown]  # none has moved
    assert "more than a city" in shown[[row in told for row in shown].index(False)]
    title = browser.run("document.querySelector('#mistakes .reply').title")
    assert re.match(r"ERR .*\(127\.0\.0\.1:\d+\)$", title)
    assert browser.text("#total-messages dd") == "5"
    assert browser.text("#announced-mistake") == announced  # the others came within five seconds


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
    wait_until(lambda: re.fullmatch(r"Python with(out)? GIL · \d+ cores", browser.text("#machine")), "the machine")
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
    browser.run("takeState({}); draw()".format(json.dumps(
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
def test_who_waits(start_page, browser):  # noqa: F811
    server = start_page("--max-threads", "1")
    look_at(browser, server.page)
    browser.run("PACE.describe = 0")
    clients = [server.connect() for _ in range(4)]
    wait_until(lambda: browser.text("#station-waiting .dots") == "●●●", "three who wait")
    # Four, if a look came before the first one had its slot.
    wait_until(lambda: re.fullmatch("Clients that wait: 3 now, at most [34][.]", browser.run(
        "document.querySelector('#waits-plot').getAttribute('aria-label')") or ""), "the chart")
    for waiting, wait, dots, text in (
            (128, 3.2, "●" * 128, "about 4\xa0s"), (200, None, "●" * 128 + "…", "")):
        browser.run("state.jam = null; state.waiting = {}; state.wait = {}; waitsSince = null; drawWay()".format(
            waiting, json.dumps(wait)))
        assert browser.text("#station-waiting .dots") == dots
        assert browser.text("#station-waiting .note") == text
    assert browser.run("document.documentElement.scrollHeight") == 720
    for client in clients:
        client.close()


@needs_linux
def test_a_jam_is_told_with_its_remedy(start_page, browser):  # noqa: F811
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
    wait_until(lambda: browser.run("heard.totals.served") == 1, "it hears")
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
    assert browser.run("document.querySelector('#replies-plot').clientHeight") > 60
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
    assert pixels(browser, "#hottest-city") >= 18


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
    assert set(changed) <= {" class", " style", "replies-plot aria-label", "replies-plot width", "waits-plot aria-label",
                            "replies-plot height", "waits-plot width", "waits-plot height",
                            "station-consumer class", "station-slots class"}
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
    windows = {  # outside, inside, pixels for one of theirs: the zoom
        (1920, 1920, 1): 1, (1936, 1920, 1.25): 1, (1920, 1097, 1.75): 1.75, (1920, 960, 2): 2, (1280, 320, 4): 4,
        (1920, 1280, 3): 1.5, (1920, 960, 1): 1, (1920, 1620, 1): 1, (1920, 1280, 1): 1,  # beside a side bar
        (0, 390, 3): 1, (390, 390, 2.625): 1, (1900, 1920, 1): 1}  # phones, full screen
    for (outer, inner, ratio), zoom in windows.items():
        assert browser.run("zoomBefore(%s, %s, %s)" % (outer, inner, ratio)) == zoom, (outer, inner, ratio)


def test_a_side_bar_and_another_screen_are_no_zoom(start_page, browser):  # noqa: F811
    look_at(browser, start_page().page)
    after = "zoomAfter({factor: 1, ratio: %s, width: %s}, %s, %s)"
    assert browser.run(after % (1, 1920, 2, 960)) == 2
    assert browser.run(after % (1.5, 1280, 3, 640)) == 2
    assert browser.run(after % (1, 1920, 1, 1300)) == 1  # a side bar opens
    assert browser.run(after % (1, 1280, 2, 1280)) == 1  # to a screen with finer pixels
    assert browser.run("zoomAfter({factor: 2, ratio: 2, width: 960}, 1, 1920)") == 1  # and back


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


def test_after_another_server_nothing_of_the_one_before_stays(start_page, browser):  # noqa: F811
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


def test_a_held_picture_can_be_pointed_at(start_page, browser):  # noqa: F811
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


def test_the_last_crowd_stays_as_a_ghost(start_page, browser):  # noqa: F811
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


def test_on_paper_it_is_one_light_page(start_page, browser):  # noqa: F811
    server = start_page("--service", "temp")
    server.ask("Recife,31,24")
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    try:
        look_at(browser, server.page)
        wait_until(lambda: browser.text("#readings .city") == "Recife", "a reading")
        browser.run("var painted = []; const prepared = prepare; prepare = (canvas) => { painted.push(getComputedStyle("
                    "document.documentElement).getPropertyValue('--text')); return prepared(canvas); }")
        printed = base64.b64decode(browser.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])
        assert len(re.findall(rb"/Type /Page\b[^s]", printed)) == 1
        assert "#14202b" in browser.run("painted") and browser.run("painted").count("#14202b") >= 3  # dark, the charts
        assert browser.run("document.documentElement.className") == ""  # and the screen is dark again
    finally:
        browser.call("Emulation.setEmulatedMedia", features=[])


def test_what_must_not_be_translated_is_marked(start_page, browser):  # noqa: F811
    server = start_page("--service", "temp")
    server.ask("Recife,31,24")
    server.ask("?x")
    with server.connect():
        look_at(browser, server.page)
        wait_until(lambda: browser.run("document.querySelectorAll('#mistakes tbody tr').length") == 1
                   and browser.text(".slot.silent .client"), "all of it")
        for selector in ("#commands li", "#hottest-city", "#readings .city", ".slot .client bdi", "#mistakes .whom bdi"):
            assert browser.run("document.querySelector('%s').translate" % selector) is False, selector
        assert browser.run("document.querySelector('#advice').translate") is True


def test_where_the_way_stands_still(start_page, browser):  # noqa: F811
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


def test_names_and_the_viewer_are_known(start_page, browser):  # noqa: F811
    markup = "<img src=x onerror=alert(1)>"
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    clients = [{"client": "127.0.0.1:50001"}, {"client": "127.0.0.1:50002", "name": markup},
               {"client": "192.0.2.7:50003", "name": "Ana"}, {"client": "[2001:db8::1]:50004"},
               {"client": "[::ffff:127.0.0.1]:50005"}]
    browser.run("hangUp(); connect = () => {}; takeState(%s); draw()" % json.dumps({"slots": [
        dict(client, seconds=1, doing="in work", since=1, bytes=0) for client in clients]}))
    assert browser.run("Array.from(document.querySelectorAll('.slot .client'), e => e.textContent)") == [
        "you :50001", "\u2068" + markup + "\u2069 (you)", "\u2068Ana\u2069", "[2001:db8::1]:50004", "you :50005"]
    assert browser.run("document.images.length") == 0
