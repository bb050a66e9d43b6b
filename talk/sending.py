"""Sending: messages from the command line, or from a file."""

import sys
import threading

from engine.escapes import printable
from engine.language import _
from engine.streams import is_terminal
from talk.answers import SERVES_CAPITALS, hint_at, is_error, told
from talk.conversation import PATIENCE
from talk.problems import ServerProblem

SILENT = ("Standard input is no terminal here, and silent: each line that comes is sent as a message. To be asked "
          "for them use a terminal (in PyCharm: Emulate terminal in output console).")
PROGRESS = "{sent} sent, {errors} with an error"


class Tally:
    """What has come of the messages so far: how many have their reply, and the places, from 0, of
    those whose reply was an error."""

    def __init__(self):
        self.replies = 0
        self.refused = []

    def count(self, message, reply):
        """Count the *reply* to the next *message*."""
        if is_error(message, reply):
            self.refused.append(self.replies)
        self.replies += 1


class GivenInput:
    """Standard input, a *stream* of bytes; *say* tells the user when it is silent for PATIENCE seconds
    at its beginning: it may be a pipe from a window in which somebody types.

    That is told by a thread of its own. Its ``lock`` guards ``came``, whether anything has come: after
    that only the reader says anything.
    """

    def __init__(self, stream, say):
        self.stream, self.say = stream, say
        self.lock, self.came = threading.Lock(), False

    def __iter__(self):
        timer = threading.Timer(PATIENCE, self.tell)
        timer.daemon = True
        timer.start()
        for line in self.stream:
            self.note()
            yield line
        self.note()
        timer.cancel()

    def read(self):
        """Return what is left."""
        return self.stream.read()

    def note(self):
        """Take note that something, or the end, has come."""
        with self.lock:
            self.came = True

    def tell(self):
        """Tell that nothing has come."""
        with self.lock:
            if not self.came:
                self.say(_(SILENT))


def send_what_is_given(conversation, options, progress):
    """Send the messages of the command line, or else of standard input; return the exit status."""
    tally, table = Tally(), None
    if options.messages:
        messages = options.messages
    elif options.service == "temp":
        from talk.spreadsheets import Spreadsheet  # not above: one message does not wait for it
        messages = table = Spreadsheet(GivenInput(sys.stdin.buffer, progress.say), progress.say)
    else:
        messages = lines_of(GivenInput(sys.stdin.buffer, progress.say))
    try:
        send_all(conversation, messages, options.service, progress, tally)
    finally:
        if table is not None:
            progress.say(table.summary(tally.replies, tally.refused))
    return 1 if tally.refused else 0


def send_all(conversation, messages, service, progress, tally):
    """Send each of *messages* to the *service* and print each reply, which the *tally* counts."""
    on_screen = is_terminal(sys.stdout)
    hinted = False
    try:
        for message in messages:
            reply = conversation.ask(message)
            hint = hint_at(service, message, reply)
            if hint != SERVES_CAPITALS:  # that server takes no reading
                tally.count(message, reply)
            progress.clear()
            print(printable(reply) if on_screen else reply, flush=True)
            if hint == SERVES_CAPITALS:
                raise ServerProblem(told(hint, conversation.address))
            if hint and not hinted:
                progress.say(told(hint, conversation.address))
                hinted = True
            progress.show(_(PROGRESS).format(sent=tally.replies, errors=len(tally.refused)))
    finally:
        progress.clear()


def lines_of(stream):
    """Yield the lines of *stream*, which is of bytes, without their ends (nor a BOM)."""
    for number, line in enumerate(stream):
        if number == 0 and line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        yield line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
