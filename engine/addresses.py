"""Addresses as users write them, and which of them are one host."""

from engine.language import _


def shown(address):
    """Return a socket's *address* as users write it: ``127.0.0.1:50000``, ``[::1]:50000``.

    A socket of the family ``AF_UNIX`` has a path for an address, and its clients have none.
    """
    if isinstance(address, (str, bytes)):
        return str(address) if address else _("a local program")
    host, port = address[:2]
    return ("[{}]:{}" if ":" in host else "{}:{}").format(host, port)


def host_of(address):
    """Return the host in a client's *address*, or None when it has none (``AF_UNIX``).

    An IPv4 host is the same when it is seen over IPv6 (RFC 4291, 2.5.5.2).
    """
    if isinstance(address, (str, bytes)):
        return None
    host = address[0]
    return host[7:] if host.startswith("::ffff:") and "." in host else host


def is_this_machine(host):
    """Tell whether only this machine can reach *host*."""
    return host == "::1" or (host_of((host,)) or "").startswith("127.")


def local(address):
    """Return *address*, or this machine's own where it stands for all of a machine's addresses."""
    return ({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0]), address[1])
