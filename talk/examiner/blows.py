"""Blows: what clients do to a server by mistake; each once, and then once more than there are slots."""

from engine.language import _, decimals
from talk.examiner.death import PERHAPS_EXCEPTION, PERHAPS_LOOP, PERHAPS_LOST, death, is_alive
from talk.examiner.examinee import line
from talk.examiner.meeting import NEVER, WITH_THE_NEXT
from talk.examiner.pace import pace, slowed
from talk.examiner.verdicts import mend, not_asked, note, ok

#: What each check does to the server, once and often.
DEEDS = [
    ("empty", "an empty message", "{count} empty messages"),
    ("not UTF-8", "bytes that are not UTF-8", "{count} messages that are not UTF-8"),
    ("no word", "a client that left without a word", "{count} clients that left without a word"),
    ("hang-up", "a client that left in mid-message", "{count} clients that left in mid-message"),
    ("reset", "a client whose connection broke (a reset)", "{count} clients whose connections broke (a reset)"),
    ("unread", "a client that did not wait for its reply", "{count} clients that did not wait for their replies")]

SURVIVES = "after {deed} it still answers"
UNNOTICED = ("After {deed} its connection was still open {seconds} s later. recv() gives b\"\" when a "
             "client has gone. A loop that does not look at that perhaps goes on for ever, and the slot "
             "is lost: write if not data: break, then conn.close().")
SLOWER_TOO = " A reply now takes {times} times as long."
SLOWER = ("After {deed} a reply takes {times} times as long: {now} ms. Perhaps a loop goes on for ever: "
          "recv() gives b\"\" when a client has gone. Write if not data: break.")

#: Taken for the number of slots where that is not known to end.
FEW = 4

#: What a client sends of a message before it leaves in the middle of it.
BEGINNING = b"Reci"


def endure(server, check, strike, perhaps=PERHAPS_EXCEPTION):
    """*strike* (count) once, then once more than there are slots; return what comes of it. *perhaps* says
    why a server may not survive it once."""
    server.pace = server.pace or pace(server)
    once, often = next(deeds for name, *deeds in DEEDS if name == check)
    for count, deed, cause in (1, once, perhaps), ((server.slots or FEW) + 1, often, PERHAPS_LOST):
        deed = _(deed).format(count=count)
        unnoticed = strike(count)
        fallen = death(server, check, deed, cause)
        if fallen:
            return fallen
        times = 0 if is_unsteady(server) else slowed(server)
        if unnoticed:
            text = _(UNNOTICED) + (_(SLOWER_TOO) if times else "")
            return mend(text.format(deed=deed, seconds=decimals("%.1f" % unnoticed), times=times))
        if times:
            now = decimals("%.1f" % (1000 * server.pace.server))
            return note(_(SLOWER).format(deed=deed, times=times, now=now))  # no proof: others may compute
    return ok(_(SURVIVES).format(deed=deed))


def is_unsteady(server):
    """Tell whether a loop may go on in the *server* already: its pace then changes from one moment to the
    next, by chance."""
    return server.has_to_mend("no word") or server.has_to_mend("hang-up")


def empty(server):
    """Does it survive empty messages?"""
    return endure(server, "empty", lambda count: send_many(server, b"\n", count))


def not_utf_8(server):
    """Does it survive bytes that are not UTF-8?"""
    data = (server.message("S\xe3o") + "\n").encode("latin-1")
    return endure(server, "not UTF-8", lambda count: send_many(server, data, count))


def no_word(server):
    """Does it survive clients that leave without a word, and notice them?"""
    return endure(server, "no word", lambda count: leave(server, b"", count), PERHAPS_LOOP)


def hang_up(server):
    """Does it survive clients that leave in mid-message, and notice them?"""
    if server.has_to_mend("no word"):
        return not_asked("no word")
    return endure(server, "hang-up", lambda count: leave(server, BEGINNING, count), PERHAPS_LOOP)


def reset(server):
    """Does it survive connections that break?"""
    return endure(server, "reset", lambda count: break_off(server, BEGINNING, count))


def unread(server):
    """Does it survive clients that do not wait for their replies?"""
    data = line(server.message())
    return endure(server, "unread", lambda count: break_off(server, data, count))


def begun(server, data, count):
    """Return *count* connections that have begun, and send *data*."""
    connections = [server.begin() for number in range(count)]
    for connection in connections:
        connection.send(data)
    return connections


def send_many(server, data, count):
    """Send *data* as *count* clients at once, and wait for a while for what comes of it."""
    connections = begun(server, data, count)
    server.pause(server.measures.gap, *connections)
    for connection in connections:
        connection.leave()


def leave(server, data, count):
    """Send *data* as *count* clients, then leave. One alone looks whether that is noticed: returns the
    seconds after which it was not, else None."""
    connections = begun(server, data, count)
    server.pause(server.measures.gap, *connections)
    unnoticed = count == 1 and not notices_end(server, connections[0])
    for connection in connections:
        connection.close()
    return 6 * server.patience if unnoticed else None


def notices_end(server, connection):
    """End the input of a *connection*; return whether the *server* then closes it, as far as that can be
    seen. Others are served in between, so that it has had its turn; where the meeting has shown that a
    variable holds a connection, it closes with the next one at best."""
    connection.end_input()
    for _again in range(2):
        if server.meeting.closes == WITH_THE_NEXT:
            is_alive(server)
        if server.wait(connection, lambda: connection.ended, 3 * server.patience):
            break
        is_alive(server)
    return bool(connection.ended) or server.meeting.closes == NEVER


def break_off(server, data, count):
    """Send *data* as *count* clients, then have the connections break: where they are many, of every second
    one when something has come from the server, if *data* is a message."""
    connections = begun(server, data, count)
    if count == 1:  # it is read, and perhaps answered; many break before that
        server.pause(server.measures.gap, *connections)
    for number, connection in enumerate(connections):
        answered = number % 2 and data.endswith(b"\n")
        server.wait(connection, lambda: connection.came if answered else connection.connected is not None,
                    server.patience)
        connection.break_off()
