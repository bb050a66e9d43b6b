"""The meeting: the first messages, from which most is learned that the checks need to know."""

import time

from talk.examiner.examinee import SILENCE, Unreached, line
from talk.examiner.relation import CONTAINED, Relation

#: When the server closes its side of a connection: after its reply; when the client has closed its own;
#: when the next client comes, since until then a variable holds it; never.
AFTER_ITS_REPLY, AFTER_ITS_CLIENT, WITH_THE_NEXT, NEVER = "reply", "client", "next", "never"


class Meeting:
    """What came of the first messages.

    ``reply`` is the first one's, as bytes, and ``message`` that message; ``seconds`` the pace. ``second``
    and ``another`` tell whether the server answers a second message, and another client; ``closes``
    when it closes.
    """

    def __init__(self):
        self.message = self.how = None
        self.reply, self.seconds = b"", 0.0
        self.second = self.another = False
        self.closes = NEVER


def meet(server):
    """Talk to the *server* for the first time; return the `Meeting`, and the connection when there is
    no reply. Its ``message`` is None where the server closed before it could be asked."""
    meeting, first = Meeting(), server.open()
    server.wait(first, lambda: False, server.measures.quiet)
    server.greeting = bytes(first.came)
    if first.ended:
        meeting.how = first.ended
        return meeting, first
    meeting.message, began = server.message(), time.monotonic()
    first.send(line(meeting.message))
    server.wait(first, lambda: server.beyond_greeting(first), server.measures.first)
    meeting.seconds = time.monotonic() - began
    server.wait(first, lambda: False, server.measures.quiet)  # the rest of it, or the end
    meeting.reply = server.beyond_greeting(first)
    if not meeting.reply:
        meeting.how = first.ended or SILENCE
        return meeting, first
    server.seconds.append(meeting.seconds)
    server.lines = meeting.reply.count(b"\n")
    examples = [(meeting.message, server.text_of(first))]
    server.relation = Relation(examples)
    meet_again(server, meeting, first, examples)
    meet_another(server, meeting, first, examples)
    server.relation = Relation(examples)
    return meeting, None


def meet_again(server, meeting, first, examples):
    """Send a second message over the *first* connection, if it is still there."""
    message, first.taken = server.message(), len(first.came)
    if not first.ended:
        first.send(line(message))
        answer = server.answer(first, message)
        if answer.how == SILENCE and not answer.text:
            answer = server.answer(first, message, 3 * server.patience)
        meeting.second = bool(answer.text)
        if not answer.text and answer.how != SILENCE:
            meeting.closes = AFTER_ITS_REPLY
        if meeting.second:
            examples.append((message, answer.text))
    else:
        meeting.closes = AFTER_ITS_REPLY


def meet_another(server, meeting, first, examples):
    """Be another client, and see how the server takes it that it is through."""
    try:
        other = server.open()
    except Unreached:
        return
    if not server.greeting and (server.lines > 1 or server.relation.kind >= CONTAINED):
        server.wait(other, lambda: False, 2 * server.measures.quiet)
        server.greeting = bytes(other.came)  # which came late, the first time
        if other.ended:
            meeting.message = None
            return
        server.lines = max(0, server.lines - server.greeting.count(b"\n"))
    message = server.message()
    other.send(line(message))
    answer = server.answer(other, message, 2 * server.patience)
    if not answer.text:  # perhaps it serves one client at a time
        first.leave()
        answer = server.answer(other, message, 4 * server.patience)
    if not answer.text:
        return
    meeting.another = True
    examples.append((message, answer.text))
    if meeting.closes == NEVER:
        meeting.closes = closes_when(server, other)
    other.leave()
    first.leave()


def closes_when(server, connection):
    """Return when the *server* closes this *connection*, whose client is through."""
    connection.end_input()
    if ends(server, connection):
        return AFTER_ITS_CLIENT
    message = server.message()
    server.ask(message)
    return WITH_THE_NEXT if ends(server, connection) else NEVER


def ends(server, connection):
    """Wait for the end of a *connection*; return whether it came."""
    server.wait(connection, lambda: False, 2 * server.patience)
    return bool(connection.ended)
