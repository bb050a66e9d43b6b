"""The invitation: what others type to reach this server."""

import contextlib
import socket

from engine.addresses import is_this_machine
from engine.language import _

#: The port that client.py uses if it is not told another.
USUAL_PORT = 50000

#: Where a datagram would go out by the usual route, and by those of private networks (RFC 5737,
#: RFC 3849, RFC 1918): never sent, see `own_addresses`.
FAR_AWAY = [(socket.AF_INET, host) for host in ("192.0.2.1", "192.168.0.1", "10.0.0.1",
                                                "172.16.0.1")]
FAR_AWAY_IPV6 = [(socket.AF_INET6, "2001:db8::1")]

OTHERS_TYPE = "On another machine: {command}"
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


def commands(address, service):
    """Return the commands that reach a server that listens on *address* and runs *service*."""
    host, port = address[:2]
    hosts = own_addresses(ipv6=host == "::") if host in ("0.0.0.0", "::") else [host]
    usual = " --service temp" if service == "temp" else ""  # it knows no other by name
    return ["python client.py{}{}{}".format(
        usual, "" if host == "127.0.0.1" else " --host " + host,
        "" if port == USUAL_PORT else " --port {}".format(port)) for host in hosts]


def invite(address, service, log):
    """Print how others reach the server on *address*, and in the *log* that they can."""
    if is_this_machine(address[0]):
        return
    everywhere = address[0] in ("0.0.0.0", "::")
    log.warning(ANYONE, _("this one") if everywhere else address[0])
    lines = [_(OTHERS_TYPE).format(command=command) for command in commands(address, service)]
    print("\n".join(lines) or _(NO_NETWORK))
