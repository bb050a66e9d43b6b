"""Slots: how many clients are served while others say nothing, and for how long those may."""

from engine.language import _, decimals
from talk.examiner.answering import quoted
from talk.examiner.examinee import WHOLE, line
from talk.examiner.mixing import Member, leave_by_asking
from talk.examiner.verdicts import MEND, mend, not_asked, note, ok
from talk.examiner.wire import step

#: A silent client that is still there after so many seconds is taken to stay for ever.
FOR_EVER = 60.0

#: Seconds within which a client is turned away that finds no place; who is let go later was silent.
TURNED_AWAY = 0.25

ONE = ("One client at a time: one that says nothing keeps all others waiting. A client may be slow, or "
       "its user may think. Give each client a thread: threading.Thread(target=serve, "
       "args=(conn,)).start()")
SOME = "{count} at a time; the next one waits until one has left"
SOME_OR_AWAY = "{count} at a time; the next one is turned away: {how}"
MANY = ("more than {count} at a time: {count} that said nothing kept nobody waiting, and nothing was "
        "seen to limit them")
UNCLEAR = ("while {count} said nothing another one waited for {seconds} s, and still did when one of "
           "them had left: why cannot be seen")
CLOSED_ON = "its connection is closed"

LET_GO = "a client that says nothing is let go after {seconds} s"
HELD = ("{count} that said nothing kept all others out for the {seconds} s that were watched. If "
        "nothing ends that, they do so for ever: call conn.settimeout(60) before recv(). (--timeout 70 "
        "watches for longer than a minute.)")
HELD_FOR_EVER = ("{count} that said nothing kept all others out for {seconds} s, and nothing ended "
                 "that. So a few open windows shut a class out. Call conn.settimeout(60) before recv(), "
                 "and let go who is late.")
HARMLESS = ("{count} that said nothing were kept for the {seconds} s that were watched; they kept "
            "nobody waiting")


class Talker(Member):
    """A client that talks while others, the *silent* ones, do not."""

    def __init__(self, server, silent):
        super().__init__(server, server.message())
        self.silent, self.gone = silent, None  # the silent client that was let go while it waited
        self.connection.send(line(self.message))

    def wait(self, server, seconds):
        """Wait for the reply, at most *seconds*, or until a silent client was let go; return whether
        it is through."""
        while not self.look(server) and not self.gone and seconds > 0:
            seconds -= step([self.connection, *self.silent], seconds)
            server.tick()
            self.gone = next((other for other in self.silent if other.ended), None)
        return self.how is not None

    def is_answered(self, server):
        return self.how == WHOLE and server.relation.fits(self.message, self.text)


def fill(server, seconds):
    """Add one silent client after the other until one that talks is not answered in so many *seconds*;
    return that one, or None."""
    for _attempt in range(2 * server.measures.most):
        if len(server.silent) == server.measures.most:
            break
        server.silent.append(server.open())
        talker = Talker(server, server.silent)
        while not talker.wait(server, seconds) and talker.gone:
            if talker.gone.age() > TURNED_AWAY:
                server.let_go = server.let_go or talker.gone.age()
                if talker.connection.age() > TURNED_AWAY:
                    return talker  # it had been waiting for that
            server.silent.remove(talker.gone)
            talker.gone = None
        if not talker.is_answered(server):
            return talker
    return None


def at_once(server):
    """How many clients are served while others say nothing?"""
    if server.has_to_mend("mixed up"):
        return not_asked("mixed up")
    for times in 1, 2:  # who is accused is asked once more, with more patience: it may have been the machine
        verdict = count_at_once(server, times * max(4 * server.patience, server.measures.silent))
        if verdict.mark != MEND:
            break
    return verdict


def count_at_once(server, seconds):
    """Return the verdict on a server that has so many *seconds* for a reply."""
    server.let_go = None
    talker = fill(server, seconds)
    server.waited = talker is not None
    count = len(server.silent)
    if not talker:
        return ok(_(MANY).format(count=count))
    if talker.how:  # it has heard something
        server.slots = count
        how = "'{}'".format(quoted(talker.text)) if talker.text else _(CLOSED_ON)
        leave_by_asking(server, [server.silent.pop()])  # others need a place
        return note(_(SOME_OR_AWAY).format(count=count, how=how))
    server.slots = count_places(server, talker)
    if not server.slots:
        return note(_(UNCLEAR).format(count=count, seconds=decimals("%.1f" % talker.connection.age())))
    return mend(_(ONE)) if server.slots == 1 else note(_(SOME).format(count=server.slots))


def count_places(server, talker):
    """Let one silent client after the other leave, until the *talker* that waits is answered, and another
    one after it; return how many were served at once, None where that cannot be seen. (The last silent one
    may have come to its place after the talker before: then there is one more of them than places.)"""
    for _again in range(2):
        if not talker.gone:
            talker.gone = server.silent[0]
            leave_by_asking(server, [talker.gone])
        server.silent.remove(talker.gone)
        talker.gone = None
        if talker.wait(server, 4 * server.patience):
            talker = Talker(server, server.silent)
            if talker.wait(server, 4 * server.patience):
                return len(server.silent) + 1
        if not server.silent:
            break
    return None


def silent_clients(server):
    """Are silent clients let go, and after how long?"""
    if server.has_to_mend("mixed up"):
        return None
    if "at once" not in server.marks:
        at_once(server)
    watch(server)
    count = server.slots or len(server.silent)
    leave_by_asking(server, server.silent)
    server.silent = []
    seconds = server.measures.silent if server.let_go is None else server.let_go
    fields = {"count": count, "seconds": decimals("%.1f" % seconds)}
    if server.let_go is not None:
        return ok(_(LET_GO).format(**fields))
    if server.slots is None:
        return not_asked("at once") if server.waited else note(_(HARMLESS).format(**fields))
    if count == 1 and server.measures.silent <= FOR_EVER:
        return not_asked("at once")
    if server.measures.silent > FOR_EVER:
        return mend(_(HELD_FOR_EVER).format(**fields))
    return note(_(HELD).format(**fields))


def watch(server):
    """Watch the silent clients, until one is let go, or it gets late."""
    while server.silent and server.let_go is None and server.silent[0].age() < server.measures.silent:
        step(server.silent, server.measures.silent - server.silent[0].age())
        server.tick()
        server.let_go = next((other.age() for other in server.silent if other.ended), None)
