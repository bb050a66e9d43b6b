"""Sending: messages from the command line, or from a file."""

import sys

from engine.escapes import printable
from engine.language import _
from engine.streams import is_terminal
from talk.answers import SERVES_CAPITALS, hint_at, is_error
from talk.problems import ServerProblem
from talk.spreadsheets import Spreadsheet

PROGRESS = "{sent} sent, {errors} with an error"


def send_what_is_given(conversation, options, progress):
    """Send the messages of the command line, or else of standard input; return the exit status."""
    table, refused = None, []
    if options.service == "temp" and not options.messages:
        table = Spreadsheet(sys.stdin.buffer, progress.say)
    messages = options.messages or table or lines_of(sys.stdin.buffer)
    try:
        send_all(conversation, messages, progress, options.service, refused)
    finally:
        if table:
            progress.say(table.summary(refused))
    return 1 if refused else 0


def send_all(conversation, messages, progress, service, refused):
    """Send each of *messages* to the *service* and print each reply; add the places of those whose
    reply was an error to the list *refused*."""
    on_screen = is_terminal(sys.stdout)
    hint = None
    try:
        for sent, message in enumerate(messages, start=1):
            reply = conversation.ask(message)
            if is_error(message, reply):
                refused.append(sent - 1)
            progress.clear()
            print(printable(reply) if on_screen else reply, flush=True)
            if not hint:
                hint = hint_at(service, message, reply)
                if hint == SERVES_CAPITALS:
                    raise ServerProblem(_(hint))  # no reading will get anywhere
                if hint:
                    progress.say(_(hint))
            progress.show(_(PROGRESS).format(sent=sent, errors=len(refused)))
    finally:
        progress.clear()


def lines_of(stream):
    """Yield the lines of *stream*, which is of bytes, without their ends (nor a BOM)."""
    for number, line in enumerate(stream):
        if number == 0 and line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        yield line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
