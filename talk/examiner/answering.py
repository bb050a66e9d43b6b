"""Answering: is a line answered, how, and what becomes of the connection."""

from engine.escapes import came, excerpt
from engine.language import _, decimals
from talk.answers import hint_at
from talk.examiner.meeting import AFTER_ITS_CLIENT, AFTER_ITS_REPLY, NEVER, WITH_THE_NEXT, meet
from talk.examiner.relation import CAPITALS, CONTAINED, NUMBERED, SAME, UNCHANGED
from talk.examiner.rules import by_what_rule
from talk.examiner.verdicts import mend, note, ok

#: How long a quoted reply may be.
QUOTED = 60

IN_CAPITALS = "a line is answered: in capitals ({ms} ms)"
AS_IT_IS = "a line is answered: unchanged ({ms} ms)"
WITHIN = "a line is answered: '{message}' with '{reply}' ({ms} ms)"
ALWAYS = "a line is answered: always with '{reply}' ({ms} ms)"
OTHERWISE = "a line is answered: '{message}' with '{reply}', the next one otherwise ({ms} ms)"
NO_READINGS = ("a line is answered, but in capitals ({ms} ms): it is no server of temperatures. "
                      "Examine it without --service temp.")
REFUSES = ("Each line is refused: '{reply}'. So hardly anything can be found out. Does it expect "
           "something else? For a server of temperatures there is --service temp.")
REFUSES_READINGS = ("A right reading, '{message}', is refused: '{reply}'. So hardly anything can "
                           "be found out.")
MANY_LINES = ("a line is answered with {lines} lines ({ms} ms). Who reads one line sees the first only: "
              "'{reply}'")
NEVER_READS = ("It sends '{greeting}' to whoever connects, and closes before anything was asked. Call "
               "recv() first, then answer, then close().")
EMPTY_REPLY = "A line is answered with an empty one. Send the reply itself, then \"\\n\"."
ONCE = ("One client was answered, and after it nobody. Perhaps accept() stands before the loop instead "
        "of in it; or recv() gave b\"\", since that client had gone, and the loop around recv() went "
        "on.")

SILENT_FIRST = "it waits for the client to speak first"
SPEAKS_FIRST = ("It speaks first: '{greeting}'. A client of the lesson's kind takes that for the reply "
                "to its message, and is one reply behind. Leave it out, or send it together with the "
                "reply.")

ENDS_LINES = "its reply ends with one"
NO_END = ("'{reply}' came, but no line feed at its end. TCP has no ends of messages: a client cannot "
          "know that the reply is complete, and waits. Send reply + \"\\n\".")
AFTER_THE_END = ("Behind the line feed of its reply came {rest}. A client takes that for the beginning "
                 "of the next reply. Send nothing behind \"\\n\".")

CLOSES = "after its reply it closes the connection, as the lesson's servers do"
STAYS = "after its reply it keeps the connection open, until the client leaves"
CLOSES_LATE = ("It closes a client's connection only when the next client comes: perhaps a variable "
               "holds it until then. A client that reads to the end waits for that. Call conn.close() "
               "when a client is through.")
NEVER_CLOSES = ("After its reply it keeps the connection open, but answers nothing more over it, and "
                "does not close it when the client has left. So open connections add up, until there is "
                "no room for more. Call conn.close() when a client is through.")
GOES_ON = ("A client said that it was through, but {seconds} s later its connection was still open. "
           "recv() gives b\"\" when the client has gone. A loop that does not look at that perhaps goes "
           "on for ever: write if not data: break. Mend this first; the rest was not examined, since "
           "each client would make it worse.")

ANSWERS_AGAIN = "a second message over the same connection is answered"
ANSWERS_ONCE = ("After its reply it keeps the connection open, but answers nothing more: a client that "
                "goes on waits for ever. Call close() after the reply, or read the next message in a "
                "loop.")


def quoted(text):
    """Return a reply as it may stand in a sentence."""
    return excerpt(text, QUOTED)


def answers(server):
    """Is a line answered, how, and a second client too; else by what rule?"""
    server.meeting, unanswered = meet(server)
    if server.meeting.message is None:
        return mend(_(NEVER_READS).format(greeting=came(server.greeting)), final=True)
    if unanswered:
        return by_what_rule(server, unanswered, server.meeting)
    if not server.relation.constant and not server.relation.tells_apart():
        return mend(_(EMPTY_REPLY), final=True)
    if not server.meeting.another:
        return mend(_(ONCE), final=True)
    return how_it_answers(server)


def how_it_answers(server):
    """Return the verdict on a server that answers: in which way."""
    relation, message = server.relation, server.meeting.message
    reply = server.meeting.reply.decode(errors="replace").strip("\r\n\0 ")
    fields = {"message": message, "reply": quoted(reply), "lines": server.lines,
              "ms": decimals("%.1f" % (server.meeting.seconds * 1000))}
    if reply.startswith("ERR") and relation.kind >= SAME:
        hint = hint_at(server.service, message, reply)
        return note(_(REFUSES if server.service == "upper" or hint else REFUSES_READINGS).format(**fields))
    if server.service == "temp" and relation.kind == CAPITALS:
        return note(_(NO_READINGS).format(**fields))
    if server.lines > 1:
        fields["reply"] = quoted(reply.split("\n")[0])
        return note(_(MANY_LINES).format(**fields))
    texts = {CAPITALS: IN_CAPITALS, UNCHANGED: AS_IT_IS, CONTAINED: WITHIN, NUMBERED: WITHIN, SAME: ALWAYS}
    return ok(_(texts.get(relation.kind, OTHERWISE)).format(**fields))


def greeting(server):
    """Does it speak first?"""
    if server.greeting:
        return mend(_(SPEAKS_FIRST).format(greeting=came(server.greeting)))
    return ok(_(SILENT_FIRST))


def line_feed(server):
    """Does its reply end with a line feed?"""
    reply = server.meeting.reply
    if not server.lines:
        return mend(_(NO_END).format(reply=came(reply)))
    rest = reply.rpartition(b"\n")[2]
    return mend(_(AFTER_THE_END).format(rest=repr(bytes(rest[:QUOTED]))[1:])) if rest else ok(_(ENDS_LINES))


def closes(server):
    """Does it close after its reply, or stay, and does it notice that its client has left?"""
    meeting = server.meeting
    if meeting.closes == NEVER and meeting.second:
        return mend(_(GOES_ON).format(seconds=decimals("%.1f" % (4 * server.patience))), final=True)
    if meeting.closes in (AFTER_ITS_REPLY, AFTER_ITS_CLIENT):
        return note(_(CLOSES if meeting.closes == AFTER_ITS_REPLY else STAYS))
    return mend(_(CLOSES_LATE if meeting.closes == WITH_THE_NEXT else NEVER_CLOSES))


def second_message(server):
    """Where it stays: is a second message answered?"""
    if server.meeting.closes == AFTER_ITS_CLIENT:
        return ok(_(ANSWERS_AGAIN)) if server.meeting.second else mend(_(ANSWERS_ONCE))
    return None
