"""The invitation: what others type to reach this server, and where they get the client."""

import threading

from engine.addresses import is_this_machine, local, shown
from engine.effort import log_machine
from engine.language import _
from engine.networks import described, own_addresses

#: The name under which the page hands out the client.
ONE_FILE = "client.pyz"

#: The port that client.py uses if it is not told another.
USUAL_PORT = 50000

#: Seconds between two looks at the machine's addresses, which come and go (Wi-Fi, sleep).
BETWEEN_LOOKS = 3.0

#: What gets a file without a browser: in a shell, in the Windows Command Prompt and in PowerShell.
FETCH = "python -c \"import urllib.request as u; u.urlretrieve('{url}', '{name}')\""

PAGE = "Dashboard at http://{address}/"
OTHERS_TYPE = "On another machine: {command}"
OTHERS_TYPE_THERE = "On another machine ({address} is {network}): {command}"
OTHERS_SEE = "The page, for others: {url}"
FILE_IS_AT = "All that it needs is {name}: {url}"
WITHOUT_BROWSER = "To get that without a browser: {command}"
NO_ADDRESS = "This machine has no address for others now. When it gets one, that is said here."
ADDRESSES_CHANGED = "The addresses of this machine have changed."
ANYONE = "Any machine that can reach %s can now connect. --host 127.0.0.1 keeps it to this one."

#: Hosts that stand for all of the machine's addresses.
ALL = "0.0.0.0", "::"


def addresses_of(address):
    """Return where others reach a server that listens on *address*: pairs of a host and what is known
    of its network, "" for nothing; the likeliest first."""
    if address[0] not in ALL:
        return [(address[0], "")]
    return [(own.host, described(own)) for own in own_addresses(ipv6=address[0] == "::")]


def pages(page):
    """Return the URLs at which others see the page on the address *page*: one for each host; none
    where there is no page, or only this machine can see it."""
    if page is None or is_this_machine(page[0]):
        return []
    return ["http://{}/".format(shown((host, page[1]))) for host, network in addresses_of(page)
            if "%" not in host]  # a browser takes no interface


def files(page):
    """Return where others get the client's one file, from the page on the address *page*: a URL for
    each host; none where this machine, which has the client, is alone."""
    return [url + ONE_FILE for url in pages(page)]


def commands(address, service, program="client.py"):
    """Return the commands that reach a server that listens on *address* and runs *service*, by the
    client in the file *program*."""
    return [command_for(host, address[1], service, program) for host, network in addresses_of(address)]


def command_for(host, port, service, program):
    """Return the command that reaches the *service* on *host* and *port*, by the client in *program*."""
    usual = " --service temp" if service == "temp" else ""  # it knows no other by name
    return "python {}{}{}{}".format(
        program, usual, "" if host == "127.0.0.1" else " --host " + host,
        "" if port == USUAL_PORT else " --port {}".format(port))


class Invitation:
    """Tells on the screen where the *page* is, if there is one, and how others reach the server on
    *address*, which runs *service*, and get the client; and in the *log* that they can.

    Use it in a ``with`` statement: in between a thread looks now and then whether the machine's
    addresses have changed, and tells that once."""

    def __init__(self, address, service, log, page=None):
        self.address, self.service, self.log, self.page = address, service, log, page
        self._ended = threading.Event()
        self._thread = None
        self._told = []  # the lines; belongs to the thread, once that has started

    def __enter__(self):
        log_machine()
        if self.page:
            print(_(PAGE).format(address=shown(local(self.page))))
        everywhere = self.address[0] in ALL
        if not is_this_machine(self.address[0]):
            self.log.warning(ANYONE, _("this one") if everywhere else self.address[0])
            self._told = self.lines()
            print("\n".join(self._told))
            if everywhere:
                self._thread = threading.Thread(target=self._watch, name="addresses", daemon=True)
                self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        if self._thread:
            self._thread.join()

    def lines(self):
        """Return what others are told."""
        urls = pages(self.page)
        program = ONE_FILE if urls else "client.py"
        lines = []
        for host, network in addresses_of(self.address):
            text = OTHERS_TYPE_THERE if network else OTHERS_TYPE
            lines.append(_(text).format(address=host, network=network, command=command_for(
                host, self.address[1], self.service, program)))
        for url in urls[:1]:
            lines.append(_(OTHERS_SEE).format(url=url))
            url += ONE_FILE
            lines.append(_(FILE_IS_AT).format(name=ONE_FILE, url=url))
            lines.append(_(WITHOUT_BROWSER).format(command=FETCH.format(name=ONE_FILE, url=url)))
        return lines or [_(NO_ADDRESS)]

    def _watch(self):
        """Tell what changes, until it is over; the life of a thread."""
        while not self._ended.wait(BETWEEN_LOOKS):
            lines = self.lines()
            if lines != self._told:
                self._told = lines
                print("\n".join([_(ADDRESSES_CHANGED)] + lines))
