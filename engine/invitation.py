"""The invitation: what others type to reach this server, and where they get the client."""

import contextlib
import socket

from engine.addresses import is_this_machine, shown
from engine.language import _

#: The name under which the page hands out the client.
ONE_FILE = "client.pyz"

#: The port that client.py uses if it is not told another.
USUAL_PORT = 50000

#: Where a datagram would go out by the usual route, and by those of private networks (RFC 5737,
#: RFC 3849, RFC 1918): never sent, see `own_addresses`.
FAR_AWAY = [(socket.AF_INET, host) for host in ("192.0.2.1", "192.168.0.1", "10.0.0.1",
                                                "172.16.0.1")]
FAR_AWAY_IPV6 = [(socket.AF_INET6, "2001:db8::1")]

#: What gets a file without a browser: in a shell, in the Windows Command Prompt and in PowerShell.
FETCH = "python -c \"import urllib.request as u; u.urlretrieve('{url}', '{name}')\""

OTHERS_TYPE = "On another machine: {command}"
FILE_IS_AT = "All that it needs is {name}: {url}"
WITHOUT_BROWSER = "To get that without a browser: {command}"
NO_NETWORK = "This machine has no network now: nobody else can reach it."
ANYONE = "Any machine that can reach %s can now connect. --host 127.0.0.1 keeps it to this one."


def own_addresses(ipv6=False):
    """Return the addresses at which others reach this machine, the usual one first.

    Nothing is sent: to connect a socket for datagrams only asks the system for the way there.
    """
    found = []
    for family, host in FAR_AWAY + (FAR_AWAY_IPV6 if ipv6 else []):
        with contextlib.suppress(OSError):  # no way there
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((host, 9))
                address = probe.getsockname()[0]
            if address not in found and not is_this_machine(address):
                found.append(address)
    return found


def hosts_of(address):
    """Return the hosts by which others reach a server that listens on *address*."""
    host = address[0]
    return own_addresses(ipv6=host == "::") if host in ("0.0.0.0", "::") else [host]


def files(page):
    """Return where others get the client's one file, from the page on the address *page*: a URL for
    each host; none where there is no page, or only this machine, which has the client, can see it."""
    return [] if page is None or is_this_machine(page[0]) else [
        "http://{}/{}".format(shown((host, page[1])), ONE_FILE) for host in hosts_of(page)]


def commands(address, service, program="client.py"):
    """Return the commands that reach a server that listens on *address* and runs *service*, by the
    client in the file *program*."""
    port = address[1]
    usual = " --service temp" if service == "temp" else ""  # it knows no other by name
    return ["python {}{}{}{}".format(
        program, usual, "" if host == "127.0.0.1" else " --host " + host,
        "" if port == USUAL_PORT else " --port {}".format(port)) for host in hosts_of(address)]


def invite(address, service, log, page=None):
    """Print how others reach the server on *address*, and where on its *page*, if there is one, they
    get the client; and in the *log* that they can."""
    if is_this_machine(address[0]):
        return
    everywhere = address[0] in ("0.0.0.0", "::")
    log.warning(ANYONE, _("this one") if everywhere else address[0])
    urls = files(page)
    lines = [_(OTHERS_TYPE).format(command=command)
             for command in commands(address, service, ONE_FILE if urls else "client.py")]
    for url in urls[:1]:
        lines.append(_(FILE_IS_AT).format(name=ONE_FILE, url=url))
        lines.append(_(WITHOUT_BROWSER).format(command=FETCH.format(name=ONE_FILE, url=url)))
    print("\n".join(lines) or _(NO_NETWORK))
