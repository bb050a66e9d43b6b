"""Shows what happens, thread by thread, to a first client, to a fifth one and to those who stay.

    python docs/trace.py

Runs the server in this program and prints each step with the thread that takes it. The steps that
design.md shows come from here.
"""

import pathlib
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from engine.lane import Lane  # noqa: E402 - they lie beside this folder
from handlers.uppercase import UppercaseHandler  # noqa: E402
from server import ClassroomServer  # noqa: E402

STEPS = {
    "get_request": "accepts client {0}",
    "process_request": "process_request: takes a slot for client {0}, starts a thread",
    "serve_client": "serves client {0}",
    "make_way": "makes way: another thread may lead",
}

lock = threading.Lock()
clients, threads = {}, {}


def name(table, key):
    return table.setdefault(key, len(table) + 1)


def say(text):
    with lock:
        thread = threading.current_thread()
        who = thread.name
        if "process_request_thread" in str(getattr(thread, "_target", "")) or who in threads:
            who = "thread {}".format(name(threads, who))
        print("    {:<10} {}".format(who, text), flush=True)


class Traced(ClassroomServer):
    """Says each step: before it, but what was accepted after it."""

    def get_request(self):
        request, client_address = super().get_request()
        say(STEPS["get_request"].format(name(clients, client_address)))
        return request, client_address

    def process_request(self, request, client_address):
        say(STEPS["process_request"].format(name(clients, client_address)))
        super().process_request(request, client_address)

    def serve_client(self, request, client_address):
        say(STEPS["serve_client"].format(name(clients, client_address)))
        super().serve_client(request, client_address)
        say("client {} is through".format(name(clients, client_address)))

    def make_way(self):
        if self.leads():
            say(STEPS["make_way"])
        super().make_way()


class Lines:
    """Mix-in for a handler: says which thread answers which message."""

    def reply(self, message):
        say("answers '{}'{}".format(message, " in the lane" if self._client.in_lane else ""))
        return super().reply(message)


def connect(server):
    connection = socket.create_connection(server.server_address)
    with lock:
        name(clients, connection.getsockname())
    return connection


def ask(connection, message):
    connection.sendall(message.encode() + b"\n")
    return connection.recv(1000)


def serve(title, **attributes):
    print(title)
    clients.clear()
    threads.clear()
    handler = type("Handler", (Lines, UppercaseHandler), dict(
        attributes, lane=Lane()))
    server = Traced(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, name="acceptor", daemon=True).start()
    return server


def pause():
    time.sleep(0.2)  # so that a person can tell the steps apart


def main():
    server = serve("A first client, and a second one after it")
    for message in "one", "two":
        with connect(server) as client:
            ask(client, message)
            pause()
    server.stop(1)
    server = serve("A fifth client while four slots are busy")
    silent = []
    for _ in range(4):
        silent.append(connect(server))
        pause()
    fifth = connect(server)
    fifth.sendall(b"the fifth\n")
    pause()
    ask(silent[0], "at last")
    fifth.recv(1000)
    server.stop(1)
    server = serve("Two clients who stay", keep_open=True)
    pair = [connect(server), connect(server)]
    for number in range(1, 8):
        for client, who in zip(pair, "ab"):
            ask(client, who + str(number))
    server.stop(1)


if __name__ == "__main__":
    main()
