"""Prompts: a person at the keyboard."""

import contextlib
import csv
import re

from engine.addresses import shown
from engine.escapes import printable
from engine.fields import as_number, csv_line
from engine.language import _, decimals
from talk.answers import hint_at, is_error, told
from talk.conversation import PATIENCE, Conversation
from talk.greeting import SOON, line_after, shows
from talk.keyboard import Keyboard
from talk.problems import ServerProblem

CONNECTED = "Connected to {server} from {client}"
SPEAKS_FIRST = ("This server speaks first: '{greeting}' is a greeting, not the reply. A client that "
                "reads one line takes it for that.")
TWO_LINES = ("Two lines came, '{greeting}' and '{reply}': the server speaks first, or answers with two "
             "lines. A reply is one line.")
TRY_AGAIN = "Enter tries again to send '{message}' (Ctrl+C ends): "
NOT_SENT = "Not sent: {message}"
NO_REPLY_YET = "Interrupted: no reply to '{message}' yet. The server may have it."

ASK_MESSAGE = "Message (an empty line ends): "
ASK_CITY = "City (? shows hottest and coldest; help; an empty line ends): "
ASK_MAXIMUM = "Maximum in degrees Celsius (an empty line goes back): "
ASK_MINIMUM = "Minimum in degrees Celsius (an empty line goes back): "
NOT_A_NUMBER = "'{text}' is not a number: expected degrees such as 31 or -3.5."
HAS_UNIT = "'{text}' has a unit: expected the number alone, such as {example}."
NUMBER_FOR_CITY = "{number} is a number: expected the name of a city first."
MAX_BELOW_MIN = "The maximum {maximum} is below the minimum {minimum}: type both again."
HELP = """Recife         a city: then its maximum and minimum are asked
Recife,31,24   or all in one line: city, maximum, minimum
?              which city is hottest, which is coldest, how many there are
?Recife        the latest temperatures of one city
an empty line  ends"""
EXTREMES = "Hottest city: {} with {}. Coldest city: {} with {}. Cities: {}."
ONE_CITY = "{}: maximum {}, minimum {}."
NO_CITIES = "No city has sent a reading."

#: The unit behind a number, in the ways in which people write it (of another one not the number counts).
CELSIUS = re.compile(r"\s*(\u00b0|\u00ba|\u02da|graus?|degrees?)?\s*(C|celsius)?$", re.IGNORECASE)

#: Where the person is.
keyboard = Keyboard()


class SpokenConversation(Conversation):
    """A conversation with a person at the keyboard: it tells when it connects, and what is a greeting."""

    greets = None  # whether the server speaks first; None until it had the time to

    def connect(self):
        super().connect()
        with contextlib.suppress(OSError):  # it has been reset already: the exchange will say so
            print(_(CONNECTED).format(server=shown(self.socket.getpeername()),
                                   client=shown(self.socket.getsockname())))

    def exchange(self, message):
        """As always; but where the server speaks first, that is said, and the second line is the reply.
        If a reply does not show its message, it takes a moment to find that out, the first time."""
        reply = super().exchange(message)
        if shows(message, reply) or self.greets is False and not self.unasked:
            return reply
        after = line_after(self, PATIENCE if self.greets else SOON)
        if after and not self.greets:
            text = SPEAKS_FIRST if shows(message, after) else TWO_LINES
            print(_(text).format(greeting=printable(reply), reply=printable(after)))
        self.greets = bool(after)
        return after or reply


def converse(conversation, service):
    """Send what the user types, again and again until it is empty, and show the replies.

    It connects when there is something to send: who thinks keeps nobody waiting.
    """
    ask_user, hint = ask_reading if service == "temp" else ask_message, None
    while True:
        message = ask_user()
        if not message:
            return
        reply = ask_until_answered(conversation, message)
        print(in_words(message, reply) if service == "temp" else printable(reply))
        if not hint:
            hint = hint_at(service, message, reply)
            if hint:
                print(told(hint, conversation.address))


def ask_until_answered(conversation, message):
    """Return the reply to *message*; while there is none, keep what was typed, and try again when
    the user says so. Raises `ServerProblem` when the user ends that."""
    while True:
        try:
            return conversation.ask(message)
        except ServerProblem as problem:
            print(problem)
        except KeyboardInterrupt:
            print()
            raise ServerProblem(_(NO_REPLY_YET).format(message=printable(message))) from None
        try:
            typed = keyboard.ask(_(TRY_AGAIN).format(message=printable(message)))
            if typed.strip():
                print(_(NOT_SENT).format(message=printable(typed)))
        except (KeyboardInterrupt, EOFError):
            print()
            raise ServerProblem(_(NOT_SENT).format(message=printable(message))) from None


def in_words(message, reply):
    """Return the *reply* to a query as a sentence, any other one as it came."""
    fields = next(csv.reader([reply]), []) if message.startswith("?") else []
    if len(fields) == 8 and fields[0::3] == ["hottest", "coldest", "cities"]:
        reply = _(EXTREMES).format(fields[1], decimals(fields[2]), fields[4], decimals(fields[5]),
                                   fields[7])
    elif fields == ["cities", "0"]:
        reply = _(NO_CITIES)
    elif len(fields) == 3 and not is_error(message, reply):
        reply = _(ONE_CITY).format(fields[0], *map(decimals, fields[1:]))
    return printable(reply)


def ask_message():
    """Ask the user for a message; return nothing at an empty line that is the last one."""
    message = keyboard.ask(_(ASK_MESSAGE))
    while not message and keyboard.has_more():
        message = keyboard.ask(_(ASK_MESSAGE))
    return message


def ask_reading():
    """Ask the user for a city and its temperatures; return them as a line of CSV.

    Returns at once what is no city: nothing, a query (``?``, ``?Recife``), or a whole line, which
    may have been pasted.
    """
    while True:
        city = keyboard.ask(_(ASK_CITY)).strip()
        if not city and keyboard.has_more():
            continue
        if city.lower() in ("help", _("help")):
            print(_(HELP))
            continue
        if city.lower() in ("exit", "quit", _("exit")):
            return ""
        if as_number(city):
            print(_(NUMBER_FOR_CITY).format(number=city))
            continue
        if not city or city.startswith("?") or is_more_than_a_city(city):
            return city
        maximum, minimum = ask_temperatures()
        if minimum:
            return csv_line([city, maximum, minimum])


def is_more_than_a_city(text):
    """Tell whether *text* looks like a whole line, right or wrong: two separators, one before a
    number, two numbers at the end, or a quote. ``Maceió, AL`` and ``Setor 5`` are names."""
    return bool(re.search(r"[,;\t|].*[,;\t|]|[,;\t|]\s*[+-]?\d|\d\W+\d+\W*$|\"", text))


def ask_temperatures():
    """Ask the user for a maximum and a minimum until they fit; empty texts: back to the city."""
    while True:
        maximum = ask_number(_(ASK_MAXIMUM))
        minimum = maximum and ask_number(_(ASK_MINIMUM))
        if not minimum or float(maximum) >= float(minimum):
            return maximum, minimum
        print(_(MAX_BELOW_MIN).format(maximum=decimals(maximum), minimum=decimals(minimum)))


def ask_number(prompt):
    """Ask the user until the answer is a number, with a decimal point or a decimal comma, or
    empty: back to the city."""
    while True:
        text = keyboard.ask(prompt).strip()
        number = as_number(text)
        if number or not text:
            return number or ""
        alone = as_number(CELSIUS.sub("", text, 1))
        if alone:
            print(_(HAS_UNIT).format(text=printable(text), example=decimals(alone)))
        else:
            print(_(NOT_A_NUMBER).format(text=printable(text)))
