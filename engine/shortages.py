"""What happens when the system runs out of descriptors or threads: it is said, once, and passes."""

import errno

from engine.language import reason
from engine.seldom import Seldom

#: Seconds to wait when descriptors or threads have run out, before trying again.
RETRY_INTERVAL = 0.5

#: Seconds for which a warning that this has happened is not repeated.
QUIET_INTERVAL = 60.0

#: What ``accept`` says when the system has run out of something that comes back.
SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

THREADS_RAN_OUT = "the server cannot start a thread for you: try again in a moment"


class Shortages:
    """Mix-in for a server with `Accounts`: no shortage stops it or keeps the processor busy."""

    def __init__(self, *args, **kwargs):
        self._may_be_said = Seldom(QUIET_INTERVAL)
        super().__init__(*args, **kwargs)

    def service_actions(self):
        """Do what is to be done before the next client; what fails for lack of memory again."""
        while True:
            try:
                return super().service_actions()
            except MemoryError as error:
                self._say(reason(error))
                if self.stopping.wait(RETRY_INTERVAL):
                    return None

    def still_full(self):
        """Give back the slots of threads that died before they could.

        First the living threads are counted. If there is no free slot after that, there was none
        before, for only this thread takes slots: each thread that is missing died with its slot.
        """
        super().still_full()
        living = len(self.crew.members())
        if self.slots.acquire(blocking=False):
            self.slots.release()
        elif self.max_threads:
            for lost in range(self.max_threads - living):
                self.slots.release()

    def get_request(self):
        """Accept a client; where descriptors have run out, let go whoever has had its last reply, or wait,
        before that is tried again."""
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in SHORTAGES and not self.stopping.is_set() and not self.lingering.let_go():
                self._say(reason(error))
                self.stopping.wait(RETRY_INTERVAL)
            raise

    def process_request(self, request, client_address):
        """Have the client served; refuse it where there is no thread to be had."""
        try:
            super().process_request(request, client_address)
        except (RuntimeError, MemoryError) as error:
            self._say(reason(error))
            self.refuse(request, client_address, THREADS_RAN_OUT)
            self.shutdown_request(request)
            self.stopping.wait(RETRY_INTERVAL)

    def _say(self, why):
        if self._may_be_said.is_due():
            self.log.warning("Cannot take more clients for now (%s); trying again.", why)
