"""Commands, as hints name them: they lead to the server that the user had named."""

from engine.addresses import is_this_machine
from engine.commandline import program

#: Where a server is if the user says nothing.
HOST, PORT = "127.0.0.1", 50000


def client_command(address, *arguments, file=None):
    """Return the command that has the client talk to the server at *address*, a host and a port, with
    more *arguments*; the client is in this *file*, or in that which runs."""
    host, port = address
    where = (["--host", host] if host != HOST else []) + ports(port)
    return " ".join(["python", file or program("client.py"), *arguments, *where])


def server_command(address, *arguments):
    """Return the command that starts a server with these *arguments* where there was one at *address*:
    for others too, if the user is one of them."""
    host, port = address
    return " ".join(["python server.py", *arguments, *([] if is_here(host) else ["--host", "0.0.0.0"]),
                     *ports(port)])


def is_here(host):
    """Tell whether *host* is this machine by one of the names that only itself can reach."""
    return is_this_machine(host) or host == "localhost"


def ports(port):
    """Return the option for this *port*, in a list; none for the usual one."""
    return ["--port", str(port)] if port != PORT else []
