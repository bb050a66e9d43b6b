"""Networks: the addresses at which others reach this machine, the likeliest first.

No system tells this in one way by Python's standard library, so each is asked in several, and what
cannot be asked of it is left out. Nothing is ever sent: to connect a socket for datagrams only asks
the system which of its addresses it would use.
"""

import collections
import contextlib
import os
import re
import socket
import struct
import sys

from engine.addresses import is_this_machine
from engine.language import _

#: An address of this machine; the name of its network interface, "" where that is not known; and the
#: kind of network, one of `KINDS`.
Address = collections.namedtuple("Address", "host interface kind")

#: The kinds of networks, the likeliest first: that of the room comes before those that reach only
#: somebody else, or only this machine.
WIFI, CABLE, ANY, VPN = "Wi-Fi", "a cable", "", "a VPN"
NO_ROUTER = "a network without a router"
VIRTUAL = "virtual machines or containers"
KINDS = [(WIFI, CABLE, ANY), (NO_ROUTER,), (VPN,), (VIRTUAL,)]

#: How systems name the interfaces of each kind (systemd.net-naming-scheme(7) for those of Linux).
#: Those of macOS do not tell a cable from Wi-Fi.
FOR_FEW = [(r"docker|br-|virbr|veth|vmnet|vnet|vbox|lxc|lxd|podman|cni|bridge\d", VIRTUAL),
           (r"tun|tap|utun|wg|ppp|ipsec|tailscale|zt|nordlynx", VPN)]
FOR_THE_ROOM = [(r"wl|wifi|wireless|ath\d", WIFI), (r"eth\d|en[opsx]|usb\d", CABLE)]

#: Addresses that a machine gives itself where nobody else does (RFC 3927; RFC 4291, 2.5.6).
SELF_GIVEN = "169.254.", "fe80:"

#: Interfaces that lead nowhere but to this machine itself.
LOOPBACK = re.compile(r"lo\d*$|loopback")

#: Where a datagram would go out by the usual route, and by those of private networks (RFC 5737,
#: RFC 3849, RFC 1918).
FAR_AWAY = [(socket.AF_INET, (host, 9)) for host in ("192.0.2.1", "192.168.0.1", "10.0.0.1",
                                                     "172.16.0.1")]
FAR_AWAY_IPV6 = [(socket.AF_INET6, ("2001:db8::1", 9))]

#: Groups that every machine may send to, by whichever interface is chosen (RFC 5771; RFC 4291, 2.7).
GROUP, GROUP_IPV6, GROUP_OF_THE_LINK = "224.0.0.1", "ff0e::1", "ff02::1"

#: The request that tells the address of an interface (netdevice(7)).
SIOCGIFADDR = 0x8915


def own_addresses(ipv6=False):
    """Return the addresses at which others reach this machine, each an `Address`, the likeliest first:
    with *ipv6* those too; of those of the link alone only where there are no others."""
    found = {}  # host -> name of the interface
    for family, address in FAR_AWAY + (FAR_AWAY_IPV6 if ipv6 else []):
        note(found, source_of(family, address))
    for index, name in interfaces():
        note(found, ipv4_of(index, name), name)
        host = ipv6 and ipv6_of(index, (GROUP_IPV6, 9))
        if host and not host.startswith(SELF_GIVEN):
            note(found, host, name)
    if os.name == "nt":
        for host in of_the_own_name(ipv6):
            note(found, host)
    if ipv6 and not found:
        for index, name in interfaces():
            host = ipv6_of(index, (GROUP_OF_THE_LINK, 9, 0, index))
            note(found, host and "{}%{}".format(host, name), name)
    addresses = [Address(host, name or "", kind_of(host, name or "")) for host, name in found.items()]
    return sorted(addresses, key=lambda address: place_among_kinds(address.kind))


def note(found, host, name=None):
    """Note in *found* that the interface *name*, if it is known, has this *host*, if there is one.
    Where two seem to have it, the system does not tell: it has no name then."""
    if host and not is_this_machine(host):
        known = found.setdefault(host, name)
        if name is not None:
            found[host] = name if known in (None, name) else ""


def interfaces():
    """Return the network interfaces: pairs of an index and a name."""
    try:
        return [each for each in socket.if_nameindex() if not LOOPBACK.match(each[1])]
    except (AttributeError, OSError):
        return []  # this system does not tell


def source_of(family, address, *option):
    """Return the host from which a datagram to *address* would come, with this socket *option*; None
    where there is no way."""
    with contextlib.suppress(OSError):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            if option:
                probe.setsockopt(*option)
            probe.connect(address)
            return probe.getsockname()[0].partition("%")[0]
    return None


def ipv4_of(index, name):
    """Return the IPv4 host of an interface, None if it has none or is down."""
    # Windows takes an index in place of an address: 0.0.0.index.
    chosen = struct.pack("!I" if os.name == "nt" else "@8xi", index)
    host = source_of(socket.AF_INET, (GROUP, 9), socket.IPPROTO_IP, socket.IP_MULTICAST_IF, chosen)
    if host and sys.platform.startswith("linux"):  # it lends one without an address that of another
        return host if host == its_own(name) else None
    return host


def its_own(name):
    """Return the IPv4 host that the interface *name* itself has, None if it has none (Linux)."""
    import fcntl
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("256s", os.fsencode(name)[:15])
        return socket.inet_ntoa(fcntl.ioctl(probe, SIOCGIFADDR, request)[20:24])
    return None


def ipv6_of(index, address):
    """Return the IPv6 host from which an interface would send to *address*, None if there is none."""
    if not socket.has_ipv6:
        return None
    return source_of(socket.AF_INET6, address, socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)


def of_the_own_name(ipv6):
    """Return the hosts that the machine's own name stands for: on Windows those are all that it has.
    (Elsewhere it may stand for one of the loopback, or a server for names may have to be asked.)"""
    with contextlib.suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_DGRAM)
        return [entry[4][0] for entry in found if entry[0] == socket.AF_INET
                or ipv6 and entry[0] == socket.AF_INET6 and not entry[4][0].startswith(SELF_GIVEN)]
    return []


def kind_of(host, interface):
    """Return the kind of network that an *interface* with this *host* is in, one of `KINDS`."""
    self_given = [(".*", NO_ROUTER)] if host.startswith(SELF_GIVEN) else []
    return next((kind for pattern, kind in FOR_FEW + self_given + FOR_THE_ROOM
                 if re.match(pattern, interface)), ANY)


def place_among_kinds(kind):
    """Return the place of a *kind* among `KINDS`."""
    return next(place for place, kinds in enumerate(KINDS) if kind in kinds)


def described(address):
    """Return what is known of an *address*, for people; "" where that is nothing."""
    return ", ".join(filter(None, [address.interface, address.kind and _(address.kind)]))
