"""A headless Chromium, led through its debugging pipe.

https://chromedevtools.github.io/devtools-protocol/
"""

import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading

import pytest
from conftest import wait_until

#: Seconds after which the browser has nothing more to say.
PATIENCE = 60

#: Where Chromium may be, by the names that systems give it.
CHROMIUM = next(filter(None, map(shutil.which, (
    "chromium", "chromium-browser", "google-chrome", "chrome"))), None)

needs_chromium = pytest.mark.skipif(not CHROMIUM or os.name == "nt", reason="no Chromium is installed here")


class Browser:
    """One page in a browser; use it in a ``with`` statement.

    ``complaints`` has what the page's console said: errors, violations of its policy, dialogs.
    """

    def __init__(self, width=1280, height=720):
        self.complaints = []
        self.profile = tempfile.mkdtemp()
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()

        def hand_over():
            ends = os.dup(commands), os.dup(answers)
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-dev-shm-usage",
             "--user-data-dir=" + self.profile, "--remote-debugging-pipe", "about:blank"],
            close_fds=False, preexec_fn=hand_over, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self.replies, self.calls, self.session = queue.Queue(), 0, None
        threading.Thread(target=self.listen, daemon=True).start()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Log":
            self.call(domain + ".enable")
        self.resize(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        os.close(self.commands)
        shutil.rmtree(self.profile, ignore_errors=True)

    def listen(self):
        """Take what the browser says until it ends; the life of a thread."""
        with os.fdopen(self.answers, "rb") as answers:
            rest = b""
            for piece in iter(lambda: answers.read1(65536), b""):
                *messages, rest = (rest + piece).split(b"\0")
                for message in map(json.loads, messages):
                    if "id" in message:
                        self.replies.put(message)
                    elif message["method"] in ("Log.entryAdded", "Runtime.exceptionThrown",
                                               "Page.javascriptDialogOpening"):
                        self.complaints.append(message["params"])

    def call(self, method, **parameters):
        """Have the browser do something and return what comes of it."""
        self.calls += 1
        command = {"id": self.calls, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        reply = self.replies.get(timeout=PATIENCE)
        assert reply["id"] == self.calls and "result" in reply, reply
        return reply["result"]

    def open(self, url):
        self.call("Page.navigate", url=url)

    def resize(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=mobile)

    def run(self, script):
        """Return the value of a JavaScript expression in the page; None where it fails."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get(
            "value")

    def text(self, selector):
        """Return the text of the first element that the CSS *selector* finds, or None."""
        return self.run("document.querySelector({})?.textContent".format(json.dumps(selector)))


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
