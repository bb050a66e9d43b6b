"""The lead: at most one thread has it, and those who wait for it are woken one at a time."""

import threading


class Lead:
    """Who leads, and who waits for the lead. It can be taken only while it is ``open``.

    What is shared: all of it, changed under ``_lock``; nobody waits for anything else while holding
    it. ``_leader`` is the ident of the thread that leads; for a moment it is the request of a client
    whose thread is just starting. A thread may ask without the lock whether it leads itself: only
    its own steps change the answer.
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
        return self._leader == threading.get_ident()

    def start(self, seconds):
        """Open the lead. From an earlier time a thread may still have it: wait so many *seconds*."""
        with self._lock:
            self._for_acceptor.wait_for(lambda: self._leader is None, seconds)
            self.open = True

    def end(self):
        """Nobody takes the lead from now on; whoever waits for it goes on without."""
        with self._lock:
            self.open = False
            self._for_followers.notify_all()
            self._for_acceptor.notify_all()

    def reserve(self, request):
        """Keep the lead, if nobody has it, for the thread that will serve this *request*."""
        with self._lock:
            if self._leader is None and self.open:
                self._leader = request

    def claim(self, request):
        """Take the lead if it was reserved for this *request*."""
        with self._lock:
            if self._leader is request:
                self._leader = threading.get_ident()

    def take(self, seconds):
        """Return True as the leader, after following for so many *seconds* at most; else False."""
        if self._leader != threading.get_ident():
            with self._lock:
                self._followers += 1
                self._for_followers.wait_for(
                    lambda: self._leader is None or not self.open, seconds)
                self._followers -= 1
                if self._leader is not None:
                    return False
                self._leader = threading.get_ident()
        return self.open

    def give_up(self, leader=None):
        """Let another thread lead, if this one does, or if it is reserved for the request *leader*.

        A follower comes first: it is there already.
        """
        leader = leader or threading.get_ident()
        if self._leader != leader:
            return
        with self._lock:
            if self._leader == leader:
                self._leader = None
                (self._for_followers if self._followers else self._for_acceptor).notify()

    def wait_until_nobody_leads(self, seconds):
        """Wait until no thread leads, looking up after so many *seconds* at a time."""
        with self._lock:
            while self._leader is not None and self.open:
                self._for_acceptor.wait(seconds)
