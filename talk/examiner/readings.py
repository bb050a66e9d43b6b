"""Readings: what only a server of temperatures has, and what is wrong with some of them."""

import time

from engine.language import _
from talk.examiner.answering import quoted
from talk.examiner.framing import way
from talk.examiner.relation import number_of
from talk.examiner.verdicts import mend, note, ok

ANSWERS_QUERIES = "'{query}' is answered with that reading"
NO_QUERIES = ("'{query}' was answered with '{reply}': it knows no queries. Whether a reading has "
              "arrived, and whether the thread that handles readings still runs, cannot be seen from "
              "outside. Look at its screen after each of the next lines: is there an exception? Is the "
              "next reading still shown?")

REFUSED = "{what}, '{message}', is refused: '{reply}'"
NO_REPLY = ("{what}, '{message}', had no reply: {how}. Perhaps there was an exception: its screen says "
            "so. Answer ERR and what is wrong with the message.")
UNSEEN = ("{what}, '{message}', is answered with '{reply}', as a right reading is. What became of it "
          "cannot be seen from outside. Look at its screen: is there an exception? Is the next reading "
          "still shown?")
LOST = ("After {what}, '{message}', it still says '{reply}', but readings do not arrive any more: "
        "'{query}' does not find the next one. Perhaps the thread that handles them has ended by an "
        "exception. Look at each field before the reply, and put try: and except: inside that thread's "
        "loop. Start it again; the rest was not examined.")
KEPT = ("{what}, '{message}', was answered with '{reply}', and '{query}' finds it. Look at each field "
        "before the reading is kept, and answer ERR if it is wrong.")
DROPPED = ("{what}, '{message}', was answered with '{reply}' as a right reading is, but '{query}' does "
           "not find it. So its client believes that it arrived. Look at each field before the reply, "
           "and answer ERR if it is wrong.")

NAMELESS = ("{what}, '{message}', was answered with '{reply}', as a right reading is. Nobody knows "
            "whose reading that is. Look at each field before the reply, and answer ERR if it is wrong.")

WRONG_NUMBER, MISSING_FIELD, EMPTY_NAME = "a wrong number", "a missing field", "an empty name"


def reply_to(server, message):
    """Return the `Answer` to *message*, whatever it is."""
    return server.twice(lambda seconds: server.ask(message, seconds=seconds))


def query_for(message):
    """Return what asks for the reading in *message*."""
    return "?" + message.partition(",")[0]


def arrives(server):
    """Send a right reading; tell whether a query finds it, and return the query, too."""
    message = server.message()
    reply_to(server, message)
    return finds(server, message), query_for(message)


def finds(server, message):
    """Tell whether a query finds the reading in *message*, which may take a moment to arrive."""
    ends = time.monotonic() + 2 * server.patience
    while True:
        text = reply_to(server, query_for(message)).text
        if number_of(message) in text and text.count(",") >= 2 and not text.startswith("ERR"):
            return True
        if time.monotonic() >= ends or text == server.relation.constant:
            return False
        server.pause(server.measures.gap)


def query(server):
    """Does it answer a query with the latest reading?"""
    message = server.message()
    reply_to(server, message)
    server.queries, asked = finds(server, message), query_for(message)
    if server.queries:
        return ok(_(ANSWERS_QUERIES).format(query=asked))
    answer = reply_to(server, asked)
    return note(_(NO_QUERIES).format(query=asked, reply=quoted(answer.text or way(answer))))


def missing_field(server):
    """What becomes of a reading with a missing field?"""
    return after(server, _(MISSING_FIELD), server.message().rpartition(",")[0])


def wrong_number(server):
    """What becomes of a reading with a wrong number?"""
    return after(server, _(WRONG_NUMBER), server.message().replace(",31,", ",quente,"))


def empty_name(server):
    """What becomes of a reading without a city?"""
    return after(server, _(EMPTY_NAME), "," + server.message().partition(",")[2])


def after(server, what, message):
    """Return the verdict on what becomes of a wrong *message*, named by *what*."""
    answer = reply_to(server, message)
    fields = {"what": what, "message": message, "reply": quoted(answer.text), "how": way(answer)}
    if not answer.text:
        return mend(capital(_(NO_REPLY).format(**fields)))
    taken = server.relation.fits(message, answer.text)
    if server.queries:
        arrived, fields["query"] = arrives(server)
        if not arrived:
            return mend(_(LOST).format(**fields), final=True)
    if not taken:
        return ok(_(REFUSED).format(**fields))
    if not server.queries:
        return note(_(UNSEEN).format(**fields))
    if message.startswith(","):
        return mend(capital(_(NAMELESS).format(**fields)))
    kept, fields["query"] = finds(server, message), query_for(message)
    return mend(capital(_(KEPT if kept else DROPPED).format(**fields)))


def capital(text):
    return text[:1].upper() + text[1:]
