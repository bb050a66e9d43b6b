"""The page, put together: markup, style, script, and its texts in each language."""

import base64
import hashlib
import html
import json
import pathlib
import re

from engine.language import LANGUAGES, catalogue

FOLDER = pathlib.Path(__file__).parent

#: The script, a room a job, in the order in which each needs those before it.
SCRIPT = ("words.js", "connection.js", "drawing.js", "way.js", "slots.js", "mistakes.js", "panels.js",
          "canvas.js", "minute.js", "ranges.js", "page.js")


def text_of(*names):
    """Return the text of these files, one after the other."""
    return "\n".join(FOLDER.joinpath(name).read_text(encoding="utf-8") for name in names)


def texts(language):
    """Return all that people read on the page, in this *language*, as JSON."""
    translated = catalogue(language).gettext

    def in_words(part):
        if isinstance(part, str):
            return translated(part)
        return {name: in_words(text) for name, text in part.items()}
    return json.dumps(in_words(json.loads(text_of("texts.json"))))


def put_together(language):
    """Return the page in this *language*: its parts stand in their elements of ``page.html``. Where the
    service and the viewer stand it has fields for `fill_in`."""
    translated = catalogue(language).gettext
    spoken = json.loads(texts(language))
    page = text_of("page.html").replace('lang="en"', 'lang="{}"'.format(translated("en")))
    for field, text in ("title", "title"), ("heading", "service"), ("noscript", "noscript"):
        page = page.replace("@" + field + "@", html.escape(spoken[text].replace("{service}", "@service@")))
    for element, text in (("<style>", text_of("page.css")), ('id="texts">', json.dumps(spoken)),
                          ("<script>", text_of(*SCRIPT))):
        page = page.replace(element, element + "\n" + text)
    return page


def fill_in(page, **fields):
    """Return the *page* with these *fields* in it, as text."""
    for name, text in fields.items():
        page = page.replace("@" + name + "@", html.escape(text))
    return page


def hash_of(element):
    """Return the hash of the page's one script or style, as a Content-Security-Policy has it."""
    text = re.search("<{0}>(.*?)</{0}>".format(element), PAGES["en"], re.DOTALL).group(1)
    digest = hashlib.sha256(text.encode()).digest()
    return "'sha256-{}'".format(base64.b64encode(digest).decode())


#: The page in each language.
PAGES = {language: put_together(language) for language in LANGUAGES}

#: What the browser is told on every reply: this page runs its own script and nothing else, whatever
#: comes in the name of a city (https://www.w3.org/TR/CSP3/).
HEADERS = {
    "Content-Security-Policy": "; ".join([
        "default-src 'none'", "script-src " + hash_of("script"), "style-src " + hash_of("style"),
        "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'",
        "frame-ancestors 'none'"]),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
