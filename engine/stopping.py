"""The graceful stop: what has been asked is answered, and it takes no longer than it may."""

import contextlib
import os
import socket
import threading
import time

#: Seconds that one wait may last: on Windows a Ctrl+C is not noticed in it, only after it.
POLL_INTERVAL = 0.5


class GracefulStop:
    """Mix-in for a server with `Books` and `LeadingThreads`: the method ``stop``.

    The threads that serve clients stand in ``_serving_threads``, guarded by the lock of the books.
    On Windows nothing wakes a thread that waits for a client; there it waits for ``bell`` as well,
    a socket that can be read from the stop on, whoever else reads it or not.
    """

    bell = _rope = None

    def __init__(self, *args, **kwargs):
        self._serving_threads = set()
        super().__init__(*args, **kwargs)

    def serve_forever(self, *args, **kwargs):
        """Serve clients until `shutdown` or `stop`."""
        if os.name == "nt":
            self._take_bell_down()  # of an earlier time
            self.bell, self._rope = socket.socketpair()
        super().serve_forever(*args, **kwargs)

    def server_close(self):
        super().server_close()
        self._take_bell_down()

    def _take_bell_down(self):
        for end in filter(None, (self._rope, self.bell)):
            end.close()

    def process_request_thread(self, request, client_address):
        """Serve this client and those after it; meanwhile the thread is known."""
        me = threading.current_thread()
        with self._books:
            self._serving_threads.add(me)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._books:
                self._serving_threads.discard(me)

    def stop(self, seconds):
        """Accept no more, let idle clients go, answer what clients in service have asked.

        Returns how many clients had to be cut off because *seconds* were not enough; they count as
        timed out. `serve_forever` must be running, in another thread. A handler may call this: its
        own client is neither waited for nor cut off.
        """
        with contextlib.suppress(OSError):  # wakes who waits in accept, on Linux
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.stopping.set()  # again: serve_forever clears it when it has only just begun
        deadline = time.monotonic() + seconds
        with self._books:
            if self._rope:
                self._rope.close()
            else:  # on Windows this would reset the connection if more input came
                for request in self._others():
                    shut(request, socket.SHUT_RD)
            while self._others() and time.monotonic() < deadline:
                self._someone_left.wait(min(POLL_INTERVAL, seconds))
            cut_off = self._others()
            threads = self._serving_threads - {threading.current_thread()}
        for request in cut_off:
            self.leave(request, "timed out")
            shut(request, socket.SHUT_RDWR)
        for thread in threads:  # so that what they log comes before what the caller says
            thread.join(max(0.0, deadline - time.monotonic()))
        return len(cut_off)

    def _others(self):
        """Return the connections of all clients but the caller's own. The caller holds the lock."""
        me = threading.get_ident()
        return [request for request, client in self._clients.items() if client.thread != me]


def shut(request, how):
    """Shut down one side, or both, of a connection that may be closed already."""
    with contextlib.suppress(OSError):
        request.shutdown(how)
