"""The crew: the threads that serve clients, and what became of the clients of those that died."""

import threading


class Crew:
    """The threads that serve clients, each with the client that it was started for.

    What is shared: all of it, guarded by ``_lock``. A thread that has ended is no member any more,
    whatever ended it.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._clients = {}  # thread -> (request, client_address)

    def enlist(self, thread, request, client_address):
        """Take in a *thread* that is about to start. Only who starts threads may call `bury`, which
        takes a thread that has not started for a dead one."""
        with self._lock:
            self._clients[thread] = request, client_address

    def dismiss(self, thread):
        """Strike off a *thread* that could not start."""
        with self._lock:
            self._clients.pop(thread, None)

    def members(self):
        """Return the threads that live."""
        with self._lock:
            return [thread for thread in self._clients if thread.is_alive()]

    def bury(self):
        """Strike off the threads that have ended. Return the clients, pairs of request and address,
        that some of them left behind: as for lack of memory before it had begun."""
        with self._lock:
            dead = [thread for thread in self._clients if not thread.is_alive()]
            clients = [self._clients.pop(thread) for thread in dead]
        return [client for client in clients if client[0].fileno() >= 0]
