"""The lead: at most one thread has it, and those who wait for it are woken one at a time."""

import threading


class Lead:
    """Who leads, and who waits for the lead. It can be taken only while it is ``open``.

    What is shared: all of it, changed under ``_lock``; nobody waits for anything else while holding
    it. ``_leader`` is the Thread that leads, None when nobody does. A thread may ask without the
    lock whether it leads itself: only its own steps change the answer.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._for_followers = threading.Condition(self._lock)
        self._for_acceptor = threading.Condition(self._lock)
        self._leader = None
        self._followers = 0
        self.open = False

    def is_mine(self):
        """Tell whether the thread that asks leads."""
        return self._leader is threading.current_thread()

    def start(self, seconds):
        """Open the lead. From an earlier time a thread may still have it: wait at most *seconds*."""
        with self._lock:
            self._for_acceptor.wait_for(lambda: self._leader is None, seconds)
            self.open = True

    def end(self):
        """Nobody takes the lead from now on; whoever waits for it goes on without."""
        with self._lock:
            self.open = False
            self._for_followers.notify_all()
            self._for_acceptor.notify_all()

    def give_to(self, thread):
        """Let *thread*, which is about to start, lead if nobody does."""
        with self._lock:
            if self._leader is None and self.open:
                self._leader = thread

    def take(self, seconds):
        """Return True as the leader, after following for at most *seconds*; else False."""
        me = threading.current_thread()
        if self._leader is not me:
            with self._lock:
                self._followers += 1
                try:
                    self._for_followers.wait_for(
                        lambda: self._leader is None or not self.open, seconds)
                finally:
                    self._followers -= 1
                if self._leader is not None or not self.open:
                    return False
                self._leader = me
        return self.open

    def give_up(self, thread=None):
        """Give up the lead, if this thread, or *thread*, has it.

        A follower comes first: it is there already.
        """
        leader = thread or threading.current_thread()
        if self._leader is not leader:
            return
        with self._lock:
            if self._leader is leader:
                self._pass_on()

    def wait_until_nobody_leads(self, seconds):
        """Wait until no thread leads, looking up after *seconds* at a time: the leader may have
        died before it could give up, as for lack of memory."""
        with self._lock:
            while self._leader is not None and self.open:
                self._for_acceptor.wait(seconds)
                if self._leader is not None and not self._leader.is_alive():
                    self._pass_on()

    def _pass_on(self):
        self._leader = None
        (self._for_followers if self._followers else self._for_acceptor).notify()
