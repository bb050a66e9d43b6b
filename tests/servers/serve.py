"""Runs one of the small servers in this folder, with its mistake or mended:

    python tests/servers/serve.py pieces mistake 50000
    python tests/servers/serve.py pieces mended 50000

What takes a `conn` serves one client, in a thread of its own. What takes a `listener` is the server's
loop.
"""

import importlib
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # the tests may run it as another file


class Listener(socket.socket):
    """A listening socket. On Windows accept() tells so when a client has broken off meanwhile: that one
    is left out."""

    def accept(self):
        while True:
            try:
                return super().accept()
            except OSError:
                if os.name != "nt":
                    raise


def answer(conn):
    """Serve one client as it should be."""
    with conn, conn.makefile("rb") as lines:
        try:
            line = lines.readline().decode()
            if line.endswith("\n"):
                conn.sendall(line.upper().encode())
        except (OSError, UnicodeDecodeError) as error:
            print(error)


def a_thread_each(listener, serve):
    """Serve each client in a thread of its own."""
    while True:
        conn, address = listener.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


def tell(error):
    """Tell of an exception in a thread: a line is enough, and quickly written."""
    print(repr(error.exc_value), file=sys.stderr)


def main(name, kind, port):
    threading.excepthook = tell
    work = getattr(importlib.import_module(name), kind)
    taken = work.__code__.co_varnames[:work.__code__.co_argcount]
    with Listener() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(port)))
        listener.listen(100)
        print("Listening on", listener.getsockname(), flush=True)
        if taken == ("listener",):
            work(listener)
            return
        a_thread_each(listener, work)


if __name__ == "__main__":
    main(*sys.argv[1:])
