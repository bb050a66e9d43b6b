"""Mixing: many clients at once, each with a text of its own; whose reply did each get?"""

import time

from engine.language import _, decimals
from talk.examiner.answering import quoted
from talk.examiner.examinee import SILENCE, WHOLE, Unreached, line
from talk.examiner.relation import number_of
from talk.examiner.verdicts import mend, not_asked, note, ok
from talk.examiner.wire import ABSENT, CLOSED, LOOK, step

#: Seconds that connecting takes nobody but who has to knock again: Linux does so after 1, 3 and 7 s
#: (RFC 6298 doubles the time-out, which begins at 1 s), Windows three times within one.
KNOCKED = 0.9

#: What may be luck is tried again after so many times the usual gap: a server may be slow to see both.
LONGER = 1, 2, 4

ALIKE = "its replies are all alike: whose a reply is cannot be seen from outside"
APART = "{count} clients at once had each its own reply"
NOT_ALL = "{right} of {count} clients at once had their own replies, and nobody had another one's"
MIXED = ("{mixed} of {count} clients at once got another one's reply: '{message}' was answered with "
         "'{reply}'. Perhaps the threads share a variable. Keep the message and the socket in local "
         "variables, or in an object of each client's own (self.data), never in a global one.")
TO_ANOTHER = ("'{message}' was answered, but to another client: the reply '{reply}' went to one that "
              "had asked nothing. Perhaps the threads share the variable with the socket. Keep it in a "
              "local variable, or in an object of each client's own (self.conn).")
TO_ALL = ("'{message}' was answered, but the reply also went to a client that had asked nothing. It "
          "will take that for the reply to its own message. Send a reply to the socket that the message "
          "came from, and to no other. The rest was not examined.")

ALL_RIGHT = "{count} at once were answered, the last after {seconds} s"
KNOCKED_AGAIN = ("{count} at once were answered, but {late} found the queue full and had to knock "
                 "again, after 1, 3 or 7 s. listen({count}) lets more wait")
LEFT_OUT = ("of {count} at once {right} were answered within {seconds} s. Perhaps the queue was full: "
            "who finds no room in it knocks again after 1, 3 and 7 s. listen({count}) lets more wait")
TURNED_AWAY = "of {count} at once {right} were answered, {away} were turned away with '{reply}'"
LET_DOWN = ("Of {count} at once {away} had no reply: the server closed their connections. Its screen "
            "may show exceptions: perhaps threads change a variable that they share. Guard it with a "
            "lock.")


class Member:
    """One of many clients: its ``message``, what it got, and how that ended, None until then."""

    def __init__(self, server, message, connection=None):
        self.message, self.connection = message, connection or server.begin()
        self.text, self.how, self.knocked = "", None, False

    def look(self, server):
        """See whether it is through; if so, leave. Returns whether anything is new."""
        connection = self.connection
        whole = server.is_whole(connection, self.message)
        if not (whole or connection.ended):
            return False
        self.text, self.how = server.text_of(connection), WHOLE if whole else connection.ended
        self.knocked = (connection.connected or 0.0) > KNOCKED
        connection.leave()
        return True


def run_together(server, members, least=0.0):
    """Let the *members* be answered, until none has been for long, and for *least* seconds at least.
    Returns the seconds it took."""
    began, passed, moved, waiting = time.monotonic(), 0.0, 0.0, list(members)
    while waiting:
        passed += step([member.connection for member in waiting], LOOK)
        server.tick()
        left = [member for member in waiting if not member.look(server)]
        if len(left) < len(waiting):
            waiting, moved = left, passed
        elif passed - moved > 2 * server.patience and passed > least:
            break
    for member in waiting:
        connected = member.connection.connected is not None
        member.text, member.how = server.text_of(member.connection), SILENCE if connected else ABSENT
        member.connection.leave()
    return time.monotonic() - began


def leave_by_asking(server, connections):
    """Have clients that said nothing end that: each sends a message, has its reply, and leaves. To hang
    up would be a blow."""
    members = []
    for connection in connections:
        connection.taken = len(connection.came)
        members.append(Member(server, server.message(), connection))
        connection.send(line(members[-1].message))
    run_together(server, members)


def waves(server):
    """Be many clients, as many at once as there is room for in the server and its queue: they wait for
    each other before they speak. Returns them."""
    members, size = [], server.measures.crowd
    while len(members) < server.measures.crowd:
        wave = []
        while len(wave) < min(size, server.measures.crowd - len(members)):
            member = Member(server, server.message("Crowd"))
            connection = member.connection
            limit = server.patience / 4 if wave else 4 * server.patience
            server.wait(connection, lambda: connection.connected is not None, limit)
            if connection.connected is None:  # there was no room: it is not there for the server either
                connection.close()
                break
            wave.append(member)
        if not wave:
            raise Unreached(ABSENT)
        size = len(wave)
        for member in wave:
            member.connection.send(line(member.message))
        run_together(server, wave)
        members += wave
    return members


def rush(server):
    """Be many clients, all at once; return them, and the seconds it took."""
    members = [Member(server, server.message("Crowd")) for number in range(server.measures.crowd)]
    for member in members:
        member.connection.send(line(member.message))
    return members, run_together(server, members, server.measures.rush)


def mixed_up_among(server, members):
    """Return those *members* who got the reply to another one's message: proof is its text."""
    fits = server.relation.fits
    return [member for member in members if member.text and not fits(member.message, member.text)
            and any(fits(other.message, member.text) for other in members)]


def told(text, mixed, members):
    """Return the verdict on members who are *mixed* up, as *text* says."""
    return mend(_(text).format(mixed=len(mixed), count=len(members), message=mixed[0].message,
                               reply=quoted(mixed[0].text)))


def mixed_up(server):
    """Two clients, then many, each with a text of its own: whose reply did each get?"""
    if not server.relation.tells_apart():
        return note(_(ALIKE))
    for times in LONGER:
        verdict = one_speaks(server, times * server.measures.gap)
        if verdict:
            return verdict
        pair = in_halves(server, times * server.measures.gap)
        mixed = mixed_up_among(server, pair)
        if mixed:
            return told(MIXED, mixed, pair)
    members = waves(server)
    mixed = mixed_up_among(server, members)
    right = sum(server.relation.fits(member.message, member.text) for member in members)
    text = _(APART if right == len(members) else NOT_ALL)
    return told(MIXED, mixed, members) if mixed else ok(text.format(right=right, count=len(members)))


def one_speaks(server, gap):
    """Have one of two clients speak, *gap* seconds after the other one has come; return a verdict when that
    one hears of it."""
    speaker, listener = server.open(), server.open()
    server.pause(gap, listener)
    message = server.message()
    speaker.send(line(message))
    answer = server.answer(speaker, message)
    server.wait(listener, lambda: server.beyond_greeting(listener), server.measures.gap)
    heard = server.text_of(listener)
    speaker.leave()
    leave_by_asking(server, [listener])
    if not server.relation.fits(message, heard):
        return None
    got_it = server.relation.fits(message, answer.text)
    text = _(TO_ALL if got_it else TO_ANOTHER)
    return mend(text.format(message=message, reply=quoted(heard)), final=got_it)


def in_halves(server, gap):
    """Have two clients send their messages in halves, in turn, with *gap* seconds between; return both."""
    rest = "" if server.service == "temp" else " fim"  # a temperature has one: ,31,24
    pair = [Member(server, server.message() + rest) for number in range(2)]
    for half in 0, 1:
        for member in pair:
            end = member.message.index(number_of(member.message)) + len(number_of(member.message))
            data = line(member.message)
            member.connection.send(data[end:] if half else data[:end])
        server.pause(gap, *[member.connection for member in pair])
    run_together(server, pair)
    return pair


def crowd(server):
    """Many clients, all at once: who was answered, and who had to knock again?"""
    if server.has_to_mend("mixed up"):
        return not_asked("mixed up")
    members, seconds = rush(server)
    mixed = mixed_up_among(server, members) if server.relation.tells_apart() else []
    if mixed:
        return told(MIXED, mixed, members)
    right = [member for member in members if server.relation.fits(member.message, member.text)]
    wrong = [member for member in members if member not in right]
    said = next((member.text for member in wrong if member.text), None)
    away = sum(member.how == CLOSED for member in wrong)
    late = sum(member.knocked for member in members)
    text = (TURNED_AWAY if said else LET_DOWN if away else LEFT_OUT if wrong else
            KNOCKED_AGAIN if late else ALL_RIGHT)
    text = _(text).format(count=len(members), right=len(right), late=late, away=away or len(wrong),
                          seconds=decimals("%.2f" % seconds), reply=quoted(said or ""))
    return mend(text) if away and not said else note(text) if wrong or late else ok(text)
