"""The networks of this machine, and what the teacher's screen tells of them."""

import contextlib
import io
import logging
import socket
import sys

import pytest
from conftest import needs_linux, wait_until

from engine import invitation, networks
from engine.invitation import Invitation
from engine.networks import Address, kind_of, own_addresses

log = logging.getLogger("server")


@pytest.mark.parametrize("host, interface, kind", [
    ("192.168.0.10", "eth0", "a cable"), ("192.168.0.10", "enp3s0", "a cable"),
    ("192.168.0.10", "wlp2s0", "Wi-Fi"), ("192.168.0.10", "wireless_32768", "Wi-Fi"),
    ("192.168.0.10", "en0", ""), ("192.168.0.10", "", ""),  # macOS, Windows
    ("169.254.3.4", "enp3s0", "a network without a router"),
    ("fe80::1%eth0", "eth0", "a network without a router"),
    ("10.8.0.2", "tun0", "a VPN"), ("10.8.0.2", "utun4", "a VPN"), ("10.8.0.2", "wg0", "a VPN"),
    ("172.17.0.1", "docker0", "virtual machines or containers"),
    ("169.254.3.4", "veth12ab", "virtual machines or containers")])
def test_kinds_of_networks(host, interface, kind):
    assert kind_of(host, interface) == kind


def system_with(monkeypatch, *interfaces, usual=None):
    """Have the system tell of these *interfaces*, pairs of a name and its host, and of no others; the
    host *usual* is that of the usual route."""
    hosts = dict(enumerate((host for name, host in interfaces), start=1))
    monkeypatch.setattr(networks, "interfaces", lambda: list(enumerate(
        (name for name, host in interfaces), start=1)))
    monkeypatch.setattr(networks, "source_of", lambda family, address: usual)
    monkeypatch.setattr(networks, "of_the_own_name", lambda ipv6: [])
    monkeypatch.setattr(networks, "ipv4_of",
                        lambda index, name: None if ":" in (hosts[index] or ":") else hosts[index])
    monkeypatch.setattr(networks, "ipv6_of",
                        lambda index, address: hosts[index] if ":" in (hosts[index] or "") else None)


def test_the_likeliest_address_is_the_first(monkeypatch):
    """A VPN may have the usual route: nobody in the room reaches that address."""
    system_with(monkeypatch, ("docker0", "172.17.0.1"), ("tun0", "10.8.0.2"), ("eth0", "169.254.3.4"),
                ("wlan0", "192.168.0.10"), usual="10.8.0.2")
    assert own_addresses() == [
        Address("192.168.0.10", "wlan0", "Wi-Fi"),
        Address("169.254.3.4", "eth0", "a network without a router"), Address("10.8.0.2", "tun0", "a VPN"),
        Address("172.17.0.1", "docker0", "virtual machines or containers")]


def test_of_two_of_a_kind_the_usual_one_is_the_first(monkeypatch):
    system_with(monkeypatch, ("eth0", "10.0.0.1"), ("eth1", "10.0.1.1"), usual="10.0.1.1")
    assert [own.host for own in own_addresses()] == ["10.0.1.1", "10.0.0.1"]


def test_an_address_that_two_interfaces_claim_has_no_name(monkeypatch):
    system_with(monkeypatch, ("en0", "192.168.0.10"), ("en1", "192.168.0.10"))
    assert own_addresses() == [Address("192.168.0.10", "", "")]


def test_ipv6_of_the_link_alone_counts_only_where_there_is_nothing_else(monkeypatch):
    system_with(monkeypatch, ("eth0", "fe80::7"))
    assert own_addresses() == []
    assert own_addresses(ipv6=True) == [Address("fe80::7%eth0", "eth0", "a network without a router")]
    system_with(monkeypatch, ("eth0", "fe80::7"), ("eth1", "fd00::7"), ("wlan0", "192.168.0.10"))
    assert [own.host for own in own_addresses(ipv6=True)] == ["fd00::7", "192.168.0.10"]


def test_this_machine_has_the_addresses_that_are_told():
    for own in own_addresses(ipv6=True):
        host = own.host
        assert not host.startswith("127.") and host not in ("::1", "0.0.0.0", "::")
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.bind(socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][4])


@needs_linux
def test_an_interface_that_lends_the_address_of_another_has_none():
    assert networks.its_own("lo") == "127.0.0.1"
    assert networks.its_own("none such") is None
    assert networks.ipv4_of(dict(map(reversed, socket.if_nameindex()))["lo"], "lo") in (None, "127.0.0.1")


def test_what_each_address_is_and_that_they_change_is_told_once(monkeypatch):
    own = [Address("192.168.0.10", "", ""), Address("10.8.0.2", "tun0", "a VPN")]
    looks = []

    def look(ipv6):
        looks.append(ipv6)
        return list(own)
    monkeypatch.setattr(invitation, "own_addresses", look)
    monkeypatch.setattr(invitation, "BETWEEN_LOOKS", 0.01)
    out = io.StringIO()  # not capsys: to read that takes away what comes meanwhile

    def told():
        return out.getvalue().splitlines()
    with contextlib.redirect_stdout(out), Invitation(("0.0.0.0", 50000), "upper", log):
        assert told() == ["On another machine: python client.py --host 192.168.0.10",
                          "On another machine (10.8.0.2 is tun0, a VPN): python client.py --host 10.8.0.2"]
        del own[:]
        wait_until(lambda: len(told()) == 4, "the news")
        assert told()[2:] == ["The addresses of this machine have changed.",
                            "This machine has no address for others now. When it gets one, that is said here."]
        own.append(Address("192.0.2.7", "wlan0", "Wi-Fi"))
        wait_until(lambda: len(told()) == 6, "the new address")
        assert told()[4:] == ["The addresses of this machine have changed.", "On another machine "
                            "(192.0.2.7 is wlan0, Wi-Fi): python client.py --host 192.0.2.7"]
        before = len(looks)
        wait_until(lambda: len(looks) > before + 3)
    assert len(told()) == 6  # once


@pytest.mark.skipif(sys.platform != "win32", reason="it is Windows that tells so")
def test_windows_tells_them_by_its_own_name():
    assert {own.host for own in own_addresses()} >= {
        host for host in networks.of_the_own_name(False) if not host.startswith("127.")}
