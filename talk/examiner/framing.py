"""Framing: where a message begins and ends, however it comes over the wire."""

from engine.language import _
from talk.examiner.answering import quoted
from talk.examiner.examinee import SILENCE, WHOLE, Answer, line
from talk.examiner.meeting import AFTER_ITS_REPLY
from talk.examiner.relation import CAPITALS, number_of
from talk.examiner.verdicts import MEND, mend, not_asked, note, ok
from talk.examiner.wire import RESET

#: Bytes of the long messages; how many times as long as for a short one a server may take; the seconds
#: that it may take at most.
LENGTHS = 2000, 60000
LONGER, LONGEST = 5, 30.0

#: Each experiment in pieces is made so many times: a right reply may be luck, a wrong one is proof.
TIMES = 3

#: How an answer came that does not show its message: before the message was complete.
EARLY = "early"

NOTHING_CAME = "nothing came"
WAS_CLOSED = "the connection was closed"

WAITS = "it waits for the line feed"
ANSWERS_PIECES = ("it does not wait for the line feed: each piece is answered as it comes. In capitals "
                  "that does no harm; of a temperature in two pieces it would understand neither")
TAKES_PIECES = ("It does not wait for the line feed: '{head}' alone was answered with '{reply}'. What "
                "one recv() brings is not always a whole message. Collect recv() until b\"\\n\" is in "
                "it, then answer.")

IN_PIECES = "a message that came in two pieces is answered whole"
CUT = ("A message that came in two pieces was answered as '{reply}'. TCP is a stream; over Wi-Fi pieces "
       "are usual. Collect recv() until b\"\\n\" is in it, then decode.")
TOO_EARLY = ("A message that came in two pieces was answered after the first: '{reply}'. TCP is a "
             "stream; over Wi-Fi pieces are usual. Collect recv() until b\"\\n\" is in it, then decode.")
CUT_AND_SILENT = ("A message that came in two pieces had no reply: {how}. TCP is a stream; over Wi-Fi "
                  "pieces are usual. Collect recv() until b\"\\n\" is in it, then decode.")

ACCENTS = "'{message}' came back right"
ACCENTS_TAKEN = "'{message}' is answered"
NO_ACCENTS = ("'{message}' came back as '{reply}', not as '{right}'. Accents are two bytes each in "
              "UTF-8. Decode the whole line, data.decode(\"utf-8\"), work on the text, then "
              "encode(\"utf-8\").")
ACCENTS_LOST = ("A message with accents, '{message}', had no reply: {how}. Accents are two bytes each "
                "in UTF-8, which ascii does not know. Use decode(\"utf-8\") and encode(\"utf-8\").")

TOGETHER = "a letter whose bytes came in two pieces is put together"
HALF = ("A letter whose two bytes came in two pieces was not put together: {how}. Half a letter cannot "
        "be decoded. Collect bytes until b\"\\n\" is in them, and decode once.")

TWO = "two messages in one packet are both answered"
FIRST_OF_TWO = "of two messages in one packet the first is answered, and no more, as after any reply"
SECOND_LOST = ("Of two messages in one packet the second was not answered, though the connection stayed "
               "open. recv() may bring more than one line. Keep what comes after the first b\"\\n\" for "
               "the next message.")
TWO_AS_ONE = ("Two messages in one packet were answered as '{reply}'. recv() may bring more than one "
              "line. A message ends at the first b\"\\n\"; keep the rest for the next one.")
NEITHER = ("Of two messages in one packet neither was answered: {how}. A message ends at the first "
           "b\"\\n\", whatever comes after it.")
RESET_OVER_IT = ("not seen: it closed by a reset, with the second message unread, and that may have "
                 "taken the reply with it")

RETURNS = "a line that ends with \\r\\n, as telnet sends it, is understood"
NO_RETURNS = ("A line that ends with \\r\\n, as telnet and many Windows programs send it, was answered "
              "with '{reply}'. Take off both: line.rstrip(\"\\r\\n\").")
RETURNS_LOST = ("A line that ends with \\r\\n, as telnet and many Windows programs send it, had no "
                "reply: {how}. Take off both: line.rstrip(\"\\r\\n\").")

LONG = "messages of {lengths} bytes are answered"
TOO_LONG = "a message of {length} bytes is refused, with a reason: '{reply}'"
LONG_CUT = ("A message of {length} bytes was answered as if it had {count}. recv(1024) brings at most "
            "1024 bytes, and often fewer. Collect recv() until b\"\\n\" is in it.")
LONG_LOST = ("A message of {length} bytes had no reply: {how}. Collect recv() until b\"\\n\" is in it; "
             "where a message is too long, say so before close().")


def way(answer):
    """Return what became of a message that had no right reply, as words."""
    if answer.text:
        return "'{}'".format(quoted(answer.text))
    return _(NOTHING_CAME) if answer.how in (SILENCE, WHOLE) else _(WAS_CLOSED)


def in_pieces(server, message, place, exactly=False):
    """Send *message* cut at this *place*, a few times; return the first `Answer` that is not `WHOLE`, or
    the last one."""
    data = line(message)
    fits = server.relation.is_exact if exactly else server.relation.fits

    def attempt(seconds):
        connection = server.open()
        connection.send(data[:place])
        server.wait(connection, lambda: False, server.measures.gap * number)
        early = server.beyond_greeting(connection) and not server.relation.tells_apart()
        connection.send(data[place:])
        server.wait(connection, lambda: fits(message, server.text_of(connection)), seconds)
        text = server.text_of(connection)
        connection.leave()
        return Answer(text, EARLY if early else WHOLE if fits(message, text) else
                      connection.ended or SILENCE, 0.0)
    for number in range(1, TIMES + 1):
        answer = server.twice(attempt)
        if answer.how != WHOLE:
            break
    return answer


def whole_from_pieces(server):
    """Ask in two pieces, once for both checks that want to know; return the answer."""
    if server.from_pieces is None:
        server.from_pieces = in_pieces(server, server.message(), 5)
    return server.from_pieces


def waits(server):
    """Does it wait for the line feed?"""
    message, connection = server.message(), server.open()
    connection.send(message.encode())
    pause = max(server.measures.quiet, server.patience / 2)
    early = server.wait(connection, lambda: server.beyond_greeting(connection), pause)
    reply = server.text_of(connection)
    connection.send(b"\n")
    server.answer(connection, message)
    connection.leave()
    if not early:
        return ok(_(WAITS))
    if whole_from_pieces(server).how == WHOLE:
        return note(_(ANSWERS_PIECES))
    return mend(_(TAKES_PIECES).format(head=message, reply=quoted(reply)))


def pieces(server):
    """Is a message in two pieces answered whole?"""
    answer = whole_from_pieces(server)
    if answer.how == WHOLE:
        return ok(_(IN_PIECES))
    text = TOO_EARLY if answer.how == EARLY else CUT if answer.text else CUT_AND_SILENT
    return mend(_(text).format(reply=quoted(answer.text), how=way(answer)))


def accents(server):
    """Do accents come back right?"""
    message = server.message("São João")
    answer = server.twice(lambda seconds: server.ask(message, seconds=seconds))
    if server.relation.is_exact(message, answer.text):
        return ok(_(ACCENTS if server.relation.tells_apart() else ACCENTS_TAKEN).format(message=message))
    right = message.upper() if server.relation.kind == CAPITALS else message
    return mend(_(NO_ACCENTS if answer.text else ACCENTS_LOST).format(
        message=message, reply=quoted(answer.text), right=right, how=way(answer)))


def half_a_letter(server):
    """Is a letter of which half comes first put together?"""
    for check in "accents", "pieces":
        if server.has_to_mend(check):
            return not_asked(check)
    answer = in_pieces(server, server.message("São João"), 2, exactly=True)
    return ok(_(TOGETHER)) if answer.how == WHOLE else mend(_(HALF).format(how=way(answer)))


def two_lines(server):
    """Are two messages in one packet both answered; where it closes, the first?"""
    for _again in range(TIMES):
        verdict = two_lines_once(server)
        if verdict.mark == MEND:
            break
    return verdict


def two_lines_once(server):
    """Send two messages in one packet; return the verdict on that."""
    one, two, relation = server.message(), server.message(), server.relation

    def has_both():
        text = server.text_of(connection)
        if relation.tells_apart():
            return relation.fits(one, text) and relation.fits(two, text)
        return (server.is_whole(connection, two, lines=2) if server.lines
                else text.count(relation.constant or "\0") >= 2)
    connection = server.open()
    connection.send(line(one) + line(two))
    wanted = has_both if server.meeting.second else lambda: server.is_whole(connection, one)
    for seconds in server.patience, 3 * server.patience:
        server.wait(connection, wanted, seconds)
    both, reply = has_both(), server.text_of(connection)
    answer = Answer(reply, connection.ended or SILENCE, 0.0)
    connection.leave()
    first = reply if relation.tells_apart() else reply.partition("\n")[0].strip("\r")
    if both:
        return ok(_(TWO))
    if relation.fits(one, first):
        stays = server.meeting.closes != AFTER_ITS_REPLY and server.meeting.second
        return mend(_(SECOND_LOST)) if stays else ok(_(FIRST_OF_TWO))
    if reply:
        return mend(_(TWO_AS_ONE).format(reply=quoted(reply)))
    return note(_(RESET_OVER_IT)) if answer.how == RESET else mend(_(NEITHER).format(how=way(answer)))


def carriage_return(server):
    """Is a line understood that ends with a carriage return, too?"""
    message = server.message()
    answer = server.twice(lambda seconds: server.ask(
        message, message.encode() + b"\r\n", seconds))
    if server.relation.fits(message, answer.text):
        return ok(_(RETURNS))
    text = _(NO_RETURNS if answer.text else RETURNS_LOST)
    return mend(text.format(reply=quoted(answer.text), how=way(answer)))


def long_message(server):
    """Are long messages answered whole, or refused with a reason?"""
    usual = 0.0
    for length in LENGTHS:
        verdict, seconds = one_long_message(server, length, usual)
        if verdict:
            return verdict
        usual = min(LONGEST, LONGER * seconds * max(LENGTHS) / length)
    return ok(_(LONG).format(lengths=", ".join(map(str, LENGTHS))))


def one_long_message(server, length, usual):
    """Return the verdict on a message of *length* bytes and some, None when it was answered, and the seconds
    that took. It may take *usual* seconds, or more than that."""
    number, message = None, server.message("A" * length)
    if server.service == "temp":
        message = server.message()
        number = number_of(message)
        message = message.replace(",31", "," + " " * length + "31")
    answer = server.twice(lambda seconds: server.ask(message, seconds=max(usual, seconds * LONGER)))
    if number:  # so that the registry, which may be shown, has no such reading
        server.ask(server.message(number=number))
    return verdict_on_length(server, message, length, answer), answer.seconds


def verdict_on_length(server, message, length, answer):
    """Return the verdict on the *answer* to a long *message*; None where it is right."""
    text = answer.text
    if server.relation.fits(message, text) or number_of(message) in text and len(text) >= length:
        return None
    if "AAAA" in text.upper():
        if server.has_to_mend("pieces"):
            return not_asked("pieces")
        return mend(_(LONG_CUT).format(length=len(line(message)), count=len(text)))
    if text:
        return ok(_(TOO_LONG).format(length=len(line(message)), reply=quoted(text)))
    return mend(_(LONG_LOST).format(length=len(line(message)), how=way(answer)))
