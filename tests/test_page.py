"""The live page in a browser: what it shows of each state of the server."""

import base64
import json
import re

import pytest
from browser import look_at, needs_chromium, pixels, style, words
from conftest import needs_linux, wait_until

pytestmark = needs_chromium


def test_the_words_of_the_slots(start_page, browser):
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


def test_mistakes_are_in_sight(start_page, browser):
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


def test_how_to_join(start_page, browser):
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
def test_where_the_client_is(start_page, browser, came):
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
def test_who_waits(start_page, browser):
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


@pytest.mark.parametrize("options, slots", [
    (("--max-threads", "400"), 400), (("--max-threads", "40"), 40), (("--max-threads", "0"), 1),
    (("--max-threads", "500"), 400)])
def test_so_many_slots_fit(start_page, browser, options, slots):
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
def test_names_are_shown_in_full(start_page, browser, name):
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    assert server.ask(name + ",31,24") == "BYE"
    wait_until(lambda: browser.text("#hottest-city") == name, "the name")
    assert browser.run("(({scrollWidth, clientWidth, scrollHeight, clientHeight}) => scrollWidth <="
                       " clientWidth && scrollHeight <= clientHeight + 2)"
                       "(document.querySelector('#hottest-city'))")
    assert pixels(browser, "#hottest-city") >= 18


def test_what_was_found_is_announced(start_page, browser):
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


def test_a_zoom_from_before_the_page_came_is_known(start_page, browser):
    look_at(browser, start_page().page)
    windows = {  # outside, inside, pixels for one of theirs: the zoom
        (1920, 1920, 1): 1, (1936, 1920, 1.25): 1, (1920, 1097, 1.75): 1.75, (1920, 960, 2): 2, (1280, 320, 4): 4,
        (1920, 1280, 3): 1.5, (1920, 960, 1): 1, (1920, 1620, 1): 1, (1920, 1280, 1): 1,  # beside a side bar
        (0, 390, 3): 1, (390, 390, 2.625): 1, (1900, 1920, 1): 1}  # phones, full screen
    for (outer, inner, ratio), zoom in windows.items():
        assert browser.run("zoomBefore(%s, %s, %s)" % (outer, inner, ratio)) == zoom, (outer, inner, ratio)


def test_a_side_bar_and_another_screen_are_no_zoom(start_page, browser):
    look_at(browser, start_page().page)
    after = "zoomAfter({factor: 1, ratio: %s, width: %s}, %s, %s)"
    assert browser.run(after % (1, 1920, 2, 960)) == 2
    assert browser.run(after % (1.5, 1280, 3, 640)) == 2
    assert browser.run(after % (1, 1920, 1, 1300)) == 1  # a side bar opens
    assert browser.run(after % (1, 1280, 2, 1280)) == 1  # to a screen with finer pixels
    assert browser.run("zoomAfter({factor: 2, ratio: 2, width: 960}, 1, 1920)") == 1  # and back


def test_zoom_makes_the_letters_larger(start_page, browser):
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    before = pixels(browser, "#clock")
    browser.call("Emulation.setDeviceMetricsOverride", width=640, height=360,
                 deviceScaleFactor=2, mobile=False)
    wait_until(lambda: pixels(browser, "#clock") * 2 >= 1.6 * before, "larger letters")
    assert browser.run("document.documentElement.scrollWidth") <= 640


def test_nothing_jumps_while_loading(start_page, browser):
    server = start_page("--service", "temp")
    server.ask("Recife,31,24")
    look_at(browser, server.page)
    wait_until(lambda: browser.text("#readings .city") == "Recife", "the page")
    browser.run("var shift = 0; new PerformanceObserver((list) => list.getEntries().forEach("
                "(entry) => shift += entry.value)).observe({type: 'layout-shift', buffered: true})")
    assert browser.run("new Promise((done) => setTimeout(done, 50))") is not False
    assert browser.run("shift") < 0.1
    assert browser.run("document.querySelector('#hottest').getAnimations().length") == 0


def test_in_portuguese(start_page, browser):
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


def test_on_paper_it_is_one_light_page(start_page, browser):
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


def test_what_must_not_be_translated_is_marked(start_page, browser):
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


def test_names_and_the_viewer_are_known(start_page, browser):
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
