"""Rules: where a server that does not answer a line sees the end of a message, if anywhere."""

import re
import struct

from engine.escapes import came
from engine.language import _, decimals
from talk.examiner.examinee import SILENCE, Unreached, line
from talk.examiner.relation import number_of
from talk.examiner.verdicts import mend

#: What is sent after a line that had no reply, as a name and as bytes.
ENDS = [("\\n", b"\n"), ("\\0", b"\0"), ("?", b"?"), (".", b"."), (";", b";"), ("\\r", b"\r")]

#: Bytes that are sent after these, one after the other: for who waits for so many, however few came.
FILLINGS = 80, 1024, 8192

OTHER_END = ("A line was not answered; only when '{end}' had been sent after it, '{reply}' came. A "
             "message ends with a line feed: collect recv() until b\"\\n\" is in it, then answer.")
BY_LENGTH = ("A line was not answered; only when it had grown to {count} bytes, '{reply}' came. It "
             "seems to wait for a certain number of bytes. A message ends with a line feed, however "
             "long it is.")
LENGTH_FIRST = ("A line was not answered, but a message with its length in {width} bytes before it was: "
                "'{reply}'. A message is a line of text: readline() instead of reading a length.")
TO_OTHERS = ("What one client sent came to another one, '{reply}', and itself it got nothing: that is a "
             "chat. Send the reply to the client that asked.")
AT_THE_END = ("A line was answered only when the client had closed its side: '{reply}'. A client that "
              "waits for its reply waits for ever. Perhaps it reads until b\"\" comes: answer as soon "
              "as b\"\\n\" has come. Perhaps the reply stays in the buffer of a file: flush().")
WITHOUT_REPLY = ("A line was not answered: the connection was closed. Perhaps there was an exception: "
                 "its screen says so. Else send the reply before close().")
NEVER = ("A line was not answered, in {seconds} s. Perhaps it still serves another client: is one "
         "connected? Perhaps it waits for something else than a line feed. Perhaps it does not send its "
         "reply: sendall(), and flush() for a file.")


def by_what_rule(server, connection, meeting):
    """Return the verdict on a *server* that did not answer a line over this *connection*."""
    if meeting.how != SILENCE:
        return mend(_(WITHOUT_REPLY), final=True)
    try:
        text = (to_others(server, connection) or after_more(server, connection)
                or at_the_end(server, connection) or length_first(server))
    except Unreached:
        text = None
    seconds = decimals("%g" % server.measures.first)
    return mend(text or _(NEVER).format(seconds=seconds), final=True)


def reply_after(server, connection, data):
    """Send *data*; return what then comes, at most so many seconds as many words need."""
    connection.send(data)
    server.wait(connection, lambda: server.beyond_greeting(connection), server.measures.quiet)
    return came(server.beyond_greeting(connection))


def after_more(server, connection):
    """Send other ends of a message, then more and more bytes; return what is said where a reply comes."""
    reply = came(server.beyond_greeting(connection))
    if reply:  # to the lines that were sent by now
        return _(BY_LENGTH).format(count=connection.sent, reply=reply)
    for name, end in ENDS:
        reply = reply_after(server, connection, end)
        if reply:
            return _(OTHER_END).format(end=name, reply=reply)
    for filling in FILLINGS:
        reply = reply_after(server, connection, b"." * filling)
        if reply:
            return _(BY_LENGTH).format(count=connection.sent, reply=reply)
    return None


def to_others(server, connection):
    other = server.open()
    for _again in range(2):  # the first time, perhaps, before the server knew of the other one
        server.pause(server.measures.gap)
        message = server.message().encode()
        connection.send(message + b"\n")
        server.wait(other, lambda: message in other.came, server.patience)
        if message in other.came:
            break
    reply = other.came
    other.leave()
    return _(TO_OTHERS).format(reply=came(reply)) if message in reply else None


def at_the_end(server, connection):
    connection.end_input()
    server.wait(connection, lambda: server.beyond_greeting(connection), server.patience)
    reply = came(server.beyond_greeting(connection))
    connection.leave()
    return _(AT_THE_END).format(reply=reply) if reply else None


def length_first(server):
    for width, code in (4, ">I"), (2, ">H"), (4, "<I"):
        message, connection = server.message(), server.open()
        reply = reply_after(server, connection, struct.pack(code, len(message)) + message.encode())
        connection.leave()
        numbers = re.findall(r"\d{4,}", reply)
        if re.search("[A-Za-z]{2}", reply) and numbers in ([], [number_of(message)]):  # it is not another one's
            return _(LENGTH_FIRST).format(width=width, reply=reply)
    return None
