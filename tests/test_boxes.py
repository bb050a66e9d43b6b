"""The live page: nothing on it overlaps, leaves its box or is cut, as a browser measures it."""

import json

import pytest
from browser import look_at, needs_chromium
from conftest import wait_until

pytestmark = needs_chromium

#: The longest address, and what the server makes of it.
LONGEST = "2804:14d:5c8e:8a3f:1234:5678:9abc:def0"
CLIENT = "[{}]:65535".format(LONGEST)

#: The usual mistakes, as long as they come; in the language of the server, which is not the page's.
MISTAKES = [
    'ERR there is more than a city and two temperatures: expected city,max,min such as Recife,31,24.5; a name '
    'with a comma needs quotes: "Maceió, AL",30,24',
    "ERR field 2 (max) 'abc' and field 3 (min) 'def' are words: expected numbers, such as Recife,31,24.5; leave "
    "a header row out",
    "ERR the fields are separated by semicolons: expected commas, such as São José do Rio Preto,30,24",
    "ERR there is a city, but no temperatures: expected city,max,min such as Recife,31,24.5"]


def slot(doing, **others):
    return {"client": CLIENT, "seconds": 59.0, "doing": doing, "since": 59.0, "bytes": 9, **others}


def full_state(temp, slots):
    """Return a state in which every number and name is as long as it may be."""
    kinds = ["silent", "half a message", "in work", "not reading", "leaving"]
    number = 123456
    state = {
        "service": "temp" if temp else "upper", "max_threads": slots,
        "join": ["python client.pyz --service temp --host {} --port 50001".format(LONGEST)],
        "client": ["http://[{}]:65535/client.pyz".format(LONGEST)], "page": ["http://[{}]:65535/".format(LONGEST)],
        "uptime": 360000.0, "second": 360000, "waiting": number, "wait": 12345.6, "jam": None,
        "slots": [slot(kinds[n % 5], **({"name": "Maria Aparecida dos Santos"} if n % 2 else {}))
                  for n in range(slots)],
        "totals": dict.fromkeys(("accepted", "served", "refused", "timed out", "gone", "failed", "errors",
                                 "messages"), number),
        "mistakes": {"kinds": 50, "latest": [
            {"client": CLIENT, "count": number, "reply": reply, "time": "23:59:59"} for reply in MISTAKES]},
        "messages": [number] * 60, "queue": [number] * 60,
        "crowd": {"number": 1, "clients": number, "began": 359950.0, "seconds": 1234.5, "median": 1234.5},
        "crowd_began": None}
    if temp:
        state["way"] = {"consumer": "locking", "since": 12345, "queue": number, "hand": number, "locked": True}
        state["temperatures"] = {
            "cities": number, "hottest": {"city": "São José do Rio Preto", "temperature": "-123.45"},
            "coldest": {"city": "São José do Rio Preto", "temperature": "-123.45"},
            "latest": [{"city": "São José do Rio Preto", "maximum": "-12.5", "minimum": "-13.5",
                        "client": CLIENT, "time": "23:59:59"}] * 12}
    return state


#: Return what is wrong: texts that leave the window, or the box that they stand in, or run into another one.
WRONG = """(() => {
  const wrong = [], texts = [], near = 1.5;
  const round = (box) => [box.left, box.top, box.right, box.bottom].map(Math.round).join();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || element.closest(".unseen, script, noscript, [data-size=small] .slot, [data-size=tiny] .slot")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      if (!rect.width || !element.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
      // A letter is lower than its line: what is above and below it is empty.
      let {left, right} = rect, top = rect.top + .13 * rect.height, bottom = rect.bottom - .13 * rect.height;
      let clipped = false;
      for (let outer = element; outer !== document.body; outer = outer.parentElement) {
        const style = getComputedStyle(outer);
        if (style.overflowX !== "hidden" && style.textOverflow !== "ellipsis") continue;
        const box = outer.getBoundingClientRect();
        if (outer.matches(%(may_be_cut)s)) {
          left = Math.max(left, box.left); right = Math.min(right, box.right);
          top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom);
          clipped = clipped || right <= left || bottom <= top;
        }
      }
      if (clipped) continue;
      const text = {element, words: node.data.slice(0, 40), left, top, right, bottom};
      texts.push(text);
      if (left < -near || right > document.documentElement.clientWidth + near) wrong.push(`${text.words} leaves the window`);
      const box = element.closest("section, .station, .slot, .kind, header, #more-totals, button, #totals div, #connection");
      const at = box.getBoundingClientRect();
      if (left < at.left - near || right > at.right + near || top < at.top - near || bottom > at.bottom + near) {
        wrong.push(`${text.words} (${round(text)}) leaves ${box.id || box.className} (${round(at)})`);
      }
    }
  }
  texts.forEach((one, index) => texts.slice(index + 1).forEach((other) => {
    if (one.element === other.element) return;
    const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
    const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    if (across > 2 && down > 2) wrong.push(`${one.words} (${round(one)}) runs into ${other.words} (${round(other)})`);
  }));
  for (const element of document.querySelectorAll("section, .station, header, #more-totals")) {
    const box = element.getBoundingClientRect();
    if (box.height && box.bottom > Math.max(innerHeight, document.documentElement.scrollHeight - scrollY) + near) {
      wrong.push((element.id || element.className) + " is below the window");
    }
  }
  return wrong.slice(0, 12);
})()"""

#: What may be cut where there is no room: its end is not needed, or the whole is a tooltip.
MAY_BE_CUT = ".cut, .client, #readings, .extreme h2, .extreme .city, #found, .station .dots"

#: Letters are so close in the widths of DejaVu Sans, which is here, of Arial, and of Segoe UI.
WIDTHS = {"DejaVu": "0", "Arial": "-.06em", "Segoe": "-.04em"}


def show(browser, state, width="0"):
    """Have the page show this *state*, and no other one that comes."""
    browser.run("hangUp(); connect = () => {}; clearTimeout(timer); document.documentElement.style.letterSpacing = '%s';"
                "anew = true; takeState(%s); draw(); takeCities({reset: true, readings: [['Recife', '31', '24']]});"
                "stale.size = true; draw(); draw()" % (width, json.dumps(state)))


def wrong(browser):
    return browser.run(WRONG % {"may_be_cut": json.dumps(MAY_BE_CUT)})


@pytest.fixture(params=["en", "pt"])
def page(request, start_page, browser):
    """The page in each language, open in the browser."""
    browser.call("Network.enable")
    browser.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": request.param})
    look_at(browser, start_page().page)
    yield browser
    browser.call("Network.setExtraHTTPHeaders", headers={})


@pytest.mark.parametrize("temp", [True, False], ids=["temp", "upper"])
def test_nothing_overlaps_or_leaves_its_box(page, temp):
    """With six digits everywhere, the longest address, and widths of letters of three systems."""
    for slots, sizes in (4, [(1024, 768), (1280, 720), (1920, 1080), (390, 844)]), (40, [(1280, 720), (390, 844)]):
        state = full_state(temp, slots)
        for size in sizes:
            page.resize(*size)
            for name, width in WIDTHS.items() if temp else [("DejaVu", WIDTHS["DejaVu"])]:  # the widest
                show(page, state, width)
                assert wrong(page) == [], (slots, size, name)
                assert page.run("document.documentElement.scrollWidth <= innerWidth"), (slots, size, name)


def test_a_remedy_is_whole(page):
    """Each row shows all of its sentence, to its end, at the sizes of projectors."""
    for size in (1280, 720), (1920, 1080):
        page.resize(*size)
        show(page, full_state(True, 4))
        assert page.run("""Array.from(document.querySelectorAll("#mistakes .reply")).every((cell) => {
            const box = cell.getBoundingClientRect(), section = document.querySelector("#clients").getBoundingClientRect();
            return cell.scrollWidth <= cell.clientWidth && box.bottom <= section.bottom && box.height > 0})""")
        assert page.run("document.querySelectorAll('#mistakes tbody tr').length") == 2  # beside the last crowd
        assert page.text("#mistakes bdi") == MISTAKES[0][len("ERR "):]


@pytest.mark.parametrize("zoom", [2, 4])
def test_a_zoom_makes_the_letters_as_much_larger(start_page, browser, zoom):
    """Not more, and nothing has to be scrolled sideways (WCAG 2.1, 1.4.4 and 1.4.10)."""
    server = start_page("--service", "temp")
    look_at(browser, server.page)
    show(browser, full_state(True, 4))
    size = "parseFloat(getComputedStyle(document.querySelector('#clock')).fontSize) * devicePixelRatio"
    before = browser.run(size)
    browser.call("Emulation.setDeviceMetricsOverride", width=1280 // zoom, height=720 // zoom,
                 deviceScaleFactor=zoom, mobile=False)
    wait_until(lambda: browser.run("zoom.factor") == zoom, "the zoom to be noticed")
    wait_until(lambda: .85 * zoom <= browser.run(size) / before <= 1.02 * zoom, "larger letters")
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert wrong(browser) == []
