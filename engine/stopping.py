"""The graceful stop: what has been asked is answered, and it takes no longer than it may."""

import contextlib
import logging
import os
import socket
import threading
import time

log = logging.getLogger("server")

STOPPING = "Stopping, with %d client(s) in service. Ctrl+C again stops at once."
CUT_OFF = "%d client(s) were cut off: they took too long."


class GracefulStop:
    """Mix-in for a `BoundedThreadingTCPServer` with `Accounts` and `LeadingThreads`: the method
    ``stop``.

    On Windows to shut down a client's socket does not wake the thread that waits for it. So that
    thread waits for two sockets, the client's and the ``bell``. The stop closes the other end of the
    bell: then all see that it can be read.
    """

    _bell_pull = None

    def serve_forever(self, *args, **kwargs):
        """Serve clients until `shutdown` or `stop`."""
        if os.name == "nt":
            self._take_bell_down()  # of an earlier time
            self.bell, self._bell_pull = socket.socketpair()
        self.books.reopen()
        super().serve_forever(*args, **kwargs)

    def server_close(self):
        super().server_close()
        self._take_bell_down()

    def _take_bell_down(self):
        for end in filter(None, (self._bell_pull, self.bell)):
            end.close()

    def stop(self, seconds):
        """Accept no more, let idle clients go, answer what clients in service have asked.

        Returns how many clients had to be cut off because *seconds* were not enough; they count as
        timed out. `serve_forever` must be running, in another thread. A handler may call this: its
        own client is neither waited for nor cut off.
        """
        ends = time.monotonic() + seconds
        self._accept_nobody()
        with self.books.closed():
            self._let_idle_clients_go()
            cut_off = self.books.others(max(0.0, ends - time.monotonic()))
            for entry in cut_off:
                self.books.leave(entry.request, "timed out")
                shut(entry.request, socket.SHUT_RDWR)
            busy = {entry.thread for entry in self.books.entries()}
        for thread in self.crew.members():  # so that they log before the caller goes on
            if thread.ident not in busy and thread is not threading.current_thread():
                thread.join(max(0.0, ends - time.monotonic()))
        return len(cut_off)

    def _accept_nobody(self):
        for entry in self.books.entries():
            if entry.client.thread == threading.get_ident():
                entry.client.make_way()  # its handler is what called `stop`
        shut(self.socket, socket.SHUT_RDWR)  # wakes a leader that waits for the next client, on Linux
        self.shutdown()
        self.stopping.set()  # again: serve_forever clears it when it has only just begun

    def _let_idle_clients_go(self):
        """Wake all threads that wait for a message."""
        if self._bell_pull:
            self._bell_pull.close()
            return
        for entry in self.books.entries():  # on Windows, if more came, it would reset the connection
            shut(entry.request, socket.SHUT_RD)


def stop_and_tell(server, seconds, lookout):
    """Stop a *server* that has `GracefulStop`, within *seconds*; log whom that concerns, and who is to
    blame where clients had to be cut off: a service that is at work, as the *lookout* sees, or they."""
    in_service = len(server.in_service())
    if in_service:
        log.info(STOPPING, in_service)
    cut_off = server.stop(seconds)
    if cut_off:
        too_slow = cut_off - lookout.cut_off()
        if too_slow > 0:
            log.warning(CUT_OFF, too_slow)


def shut(request, how):
    """Shut down one side, or both, of a connection that may be closed already."""
    with contextlib.suppress(OSError):
        request.shutdown(how)
