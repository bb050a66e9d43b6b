"""The client: send messages to a server of the lesson's kind, and show its replies.

    python client.py                                          asks for messages
    python client.py --service temp                           asks for temperatures
    python client.py "Olá"                                    sends one message
    python client.py --service temp < readings.csv            sends each line of a file
    python client.py --crowd 12                               draws how long 12 at once waited

It needs nothing but this file and Python 3.8 or later.
"""

import argparse
import collections
import contextlib
import csv
import errno
import gettext
import io
import math
import os
import queue
import re
import select
import signal
import socket
import struct
import sys
import threading
import time

VERSION = "1.0"

#: Seconds without an answer after which a user wants to know what is going on.
PATIENCE = 2.0

#: Seconds that one wait may last: on Windows a Ctrl+C is not noticed in it, only after it.
LONGEST_WAIT = 0.5

#: What a system says that has no port left to connect from, and the seconds for which it may last:
#: Linux remembers a closed connection for 60 s, Windows for up to 240 s (TIME-WAIT, RFC 9293, 3.4).
NO_PORT_LEFT = {errno.EADDRNOTAVAIL, errno.EADDRINUSE}
PORTS_LIMIT = 300.0

#: Bytes that a reply may have, or so many times as many as its message, if that is more.
LONGEST_REPLY, TIMES_THE_MESSAGE = 2 ** 20, 8

#: Seconds after its reply in which a server that does not keep connections open has closed.
LETS_GO = 0.2

#: What the files of spreadsheet programs begin with that are no text: .xlsx and .ods, .xls.
WORKBOOKS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

#: Lines of a file that are named, at most, when they were refused.
MOST_NAMED = 20

#: What a system says when whoever read our output had enough; Windows has no word of its own for it.
NOBODY_READS = {errno.EPIPE, errno.EINVAL if os.name == "nt" else errno.EPIPE}

#: Seconds that connecting may take; a slow server accepts at once, only an absent one does not.
CONNECT_LIMIT = 10.0

REFUSED = ("Cannot reach {server}: connection refused. Is the server running there? "
           "Check --host and --port.")
NO_ANSWER = "Cannot reach {server}: no answer within {seconds} s. Is the address right?"
UNKNOWN_HOST = "Cannot reach {server}: there is no host of that name. Check --host and --port."
UNREACHABLE = "Cannot reach {server}: {reason}. Check --host and --port."
WENT_AWAY = "The server at {server} closed the connection without a reply. Try again."
BROKE = ("The connection to {server} broke before the reply to '{message}'. The server may have taken "
         "it: sent again, it may be there twice.")
NO_REPLY = "No reply from {server} within {seconds} s. Wait longer with --timeout."
WAITING = "Waiting for a free slot on the server, or for it to finish its work..."
CONNECTED = "Connected to {server} from {client}"
NO_LINE_END = ("{server} sent {limit} bytes without a line feed: it is no server of the lesson's "
               "kind. Check --port.")
PORTS_RAN_OUT = "This system has no free port left for a moment; going on when it has one..."
PROGRESS = "{sent} sent, {errors} with an error"
INTERRUPTED = "Interrupted: not every message has had its reply."
NO_OUTPUT = "Cannot go on reading messages or writing replies: {reason}."
HEADER_SKIPPED = "This line is a header and is not sent: {line}"
ALL_TAKEN = "{taken} line(s) taken."
STOPPED_AT = " It stopped at line {line}: begin again there."
IS_A_WORKBOOK = "This is a workbook, not text: save it as CSV first, and send that."
REFUSED_LINES = "{taken} line(s) taken, {refused} refused: line {lines}"
ONE_LINE = "a message is one line: expected no line feed in {message!r}"
SEE_HELP = "{program}: {message}. See {program} --help.\n"
EXPECTED = "expected {expected}, not '{text}'"
NO_MESSAGE = "no message: expected MESSAGE, or lines on standard input"
ONLY_WITH_CROWD = "{option} is about a crowd: expected --crowd N with it"
NOT_WITH_CROWD = "--keep-open is not for a crowd: expected --crowd N without it"
ONE_MESSAGE = "{count} messages for a crowd: expected one, which each of its clients sends"

TRY_AGAIN = "Enter tries again to send '{message}' (Ctrl+C ends): "
NOT_SENT = "Not sent: {message}"
NO_REPLY_YET = "Interrupted: no reply to '{message}' yet. The server may have it."
HOST_WITH_PORT = "argument --host: expected --host {host} --port {port}, not '{text}'"
HOST_ALONE = "argument --host: expected --host {host}, not '{text}'"
MINUS_FIRST = "; before a message that begins with a minus write --, as in: client.py -- {message}"
SERVES_CAPITALS = ("This server answers in capitals: it runs the service upper. Start the other one "
                   "with: python server.py --service temp")
SERVES_TEMPERATURES = ("This server takes temperatures: it runs the service temp. For that there "
                       "is: python client.py --service temp")

ASK_MESSAGE = "Message (an empty line ends): "
ASK_CITY = "City (? shows hottest and coldest; help; an empty line ends): "
ASK_MAXIMUM = "Maximum in degrees Celsius (an empty line goes back): "
ASK_MINIMUM = "Minimum in degrees Celsius (an empty line goes back): "
NOT_A_NUMBER = "'{text}' is not a number: expected degrees such as 31 or -3.5."
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

#: As users name the languages -> as the catalogues are named.
LANGUAGES = {"en": "en", "pt": "pt_BR"}

_catalogue = gettext.NullTranslations()  # set by `choose_language`, before other threads need it


def _(text):
    """Return *text*, which is not empty, in the language that was chosen."""
    return _catalogue.gettext(text)


def decimals(number):
    """Return *number*, as text with a point, as people write it: with a comma in Portuguese."""
    return number.replace(".", _("."))


class ServerProblem(Exception):
    """The server cannot be reached or did not answer; the text tells the user."""


class InputProblem(Exception):
    """What is to be sent is no text; the text tells the user."""


class Conversation:
    """Messages to one server and its replies, over as many connections as it takes.

    With *keep_open* a connection is used for as long as the server keeps it; otherwise for one
    message. *timeout* is in seconds, for connecting and for each reply. *say* shows a line of text
    to a user who waits for long. ``repeats_all`` tells whether any message may reach the server
    twice; else only a query may.
    """

    connect_limit = CONNECT_LIMIT
    patience = PATIENCE
    repeats_all = True

    def __init__(self, host, port, timeout, keep_open=False, say=None):
        self.address = host, port
        self.timeout = timeout
        self.keep_open = keep_open
        self.say = say
        self.socket = None
        self.has_connected = False
        self.stays = False  # whether a server kept a connection open after a reply

    def connect(self):
        """Open a connection. Raises `ServerProblem`."""
        limit = min(self.timeout, self.connect_limit)
        try:
            self.socket = self.connection(limit)
            self.has_connected = True
        except ConnectionRefusedError as error:
            raise self.problem(REFUSED) from error
        except socket.timeout as error:
            raise self.problem(NO_ANSWER, seconds=decimals("%g" % limit)) from error
        except (socket.gaierror, UnicodeError) as error:
            raise self.problem(UNKNOWN_HOST) from error
        except OSError as error:
            raise self.problem(UNREACHABLE, reason=_(error.strerror or str(error))) from error

    def connection(self, limit):
        """Return a connection, opened within *limit* seconds.

        In a long file the system's ports may run out, until old connections are forgotten: then
        it waits and tries again.
        """
        began, said = time.monotonic(), False
        while True:
            try:
                connection = connected(self.address, limit)
            except OSError as error:
                if (not self.has_connected or error.errno not in NO_PORT_LEFT
                        or time.monotonic() - began > PORTS_LIMIT):
                    raise
                if not said:
                    self.say(_(PORTS_RAN_OUT))
                    said = True
                time.sleep(LONGEST_WAIT)
                continue
            if not reaches_itself(connection):
                return connection
            connection.close()  # nobody listens: the system gave it the very port that it asked for
            raise ConnectionRefusedError

    def close(self):
        """Close the connection, if there is one."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def ask(self, message):
        """Send *message* and return its reply. Raises `ServerProblem`.

        A connection opened earlier may break before the reply comes, with the message maybe taken.
        Then it is sent once more over a new one, if it may reach the server twice.
        """
        if self.socket is not None and self.let_go():
            self.close()
        opened_earlier = self.socket is not None
        if not opened_earlier:
            self.connect()
        try:
            try:
                return self.exchange(message)
            except socket.timeout:
                raise
            except OSError:
                if not opened_earlier:
                    raise
                if not (self.repeats_all or message.startswith("?")):
                    raise self.problem(BROKE, message=printable(message)) from None
                self.close()
                self.connect()
                return self.exchange(message)
        except socket.timeout as error:
            raise self.problem(NO_REPLY, seconds=decimals("%g" % self.timeout)) from error
        except OSError as error:
            raise self.problem(WENT_AWAY) from error
        finally:
            if not self.keep_open:
                self.close()

    def let_go(self):
        """Tell whether the server has ended the connection: it sends nothing unasked before.

        One without ``--keep-open`` does so after its first reply: the first time, wait for that.
        """
        self.socket.settimeout(0.0 if self.stays else LETS_GO)
        try:
            self.socket.recv(1)
        except (BlockingIOError, socket.timeout):
            self.stays = True
            return False
        except OSError:
            return True
        return True

    def exchange(self, message):
        """Send *message* over the open connection and return its reply.

        Raises ConnectionError when the server has gone, ``socket.timeout`` when it is too slow.
        """
        deadline = Deadline(self.socket, self.timeout, self.patience, self.say)
        rest = memoryview(encoded(message))
        limit = max(LONGEST_REPLY, TIMES_THE_MESSAGE * len(rest))
        try:
            while rest:
                rest = rest[deadline.wait(self.socket.send, rest):]
        except ConnectionError:
            pass  # The server may have said why before it stopped reading: see what came.
        received = bytearray()
        while b"\n" not in received[-65536:]:
            piece = deadline.wait(self.socket.recv, 65536)
            if not piece:
                raise ConnectionAbortedError
            received += piece
            if len(received) > limit and b"\n" not in piece:
                raise self.problem(NO_LINE_END, limit=limit)
        reply, _, unasked = received.partition(b"\n")
        if unasked:
            self.close()  # as good as let go: it does not answer what will be asked next
        return reply.decode(errors="backslashreplace").rstrip("\r")

    def problem(self, text, **fields):
        """Close the connection; return the `ServerProblem` that *text* and its fields say."""
        self.close()
        return ServerProblem(_(text).format(server=shown(self.address), **fields))


class Deadline:
    """Waits for a socket until *seconds* have passed; after *patience* seconds says so."""

    def __init__(self, connection, seconds, patience, say):
        self.connection = connection
        self.say = say
        self.ends = time.monotonic() + seconds
        self.notice = time.monotonic() + patience

    def wait(self, call, argument):
        """Return what the socket's *call* returns. Raises ``socket.timeout``."""
        while True:
            remaining = self.ends - time.monotonic()
            if remaining <= 0:
                raise socket.timeout
            self.connection.settimeout(min(remaining, LONGEST_WAIT))
            try:
                return call(argument)
            except socket.timeout as error:
                if error.errno is not None:  # the network's word, not our own limit
                    raise ConnectionAbortedError from None
            if time.monotonic() >= self.notice and remaining > LONGEST_WAIT:
                self.say(_(WAITING))
                self.notice = math.inf


def connected(address, limit):
    """Return a connection, opened within *limit* seconds for each address of the host.

    As `socket.create_connection`; on Windows, where a Ctrl+C waits for the end of a wait, the wait
    is cut up.
    """
    if os.name != "nt":
        return socket.create_connection(address, timeout=limit)
    problem = OSError("no address")
    for family, kind, protocol, _, where in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(0.0)
            code = connection.connect_ex(where)
            ends = time.monotonic() + limit
            while code == errno.EWOULDBLOCK:
                remaining = ends - time.monotonic()
                if remaining <= 0:
                    raise socket.timeout
                _, done, failed = select.select([], [connection], [connection],
                                                min(remaining, LONGEST_WAIT))
                if done or failed:
                    code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
            return connection
        except OSError as error:
            connection.close()
            problem = error
        except BaseException:
            connection.close()
            raise
    raise problem


def encoded(message):
    """Return *message* as the line of bytes that goes to the server.

    What was not UTF-8 when it came from the command line or a file goes out as it came: the
    server says what is wrong with it.
    """
    return message.encode("utf-8", "surrogateescape") + b"\n"


def shown(address):
    """Return a socket's *address* as users write it: ``127.0.0.1:50000``, ``[::1]:50000``."""
    host, port = address[:2]
    return ("[{}]:{}" if ":" in host else "{}:{}").format(host, port)


def reaches_itself(connection):
    """Tell whether both ends of a *connection* are the same socket."""
    try:
        return connection.getsockname() == connection.getpeername()
    except OSError:  # it has been reset already: the exchange will say so
        return False


def is_error(message, reply):
    """Tell whether *reply* reports a problem: it is neither *message* in capitals nor the latest
    reading of a city called so."""
    if not reply.startswith("ERR ") or reply == message.rstrip("\r").upper():
        return False
    return not (message.startswith("?") and reply.startswith(message[1:].strip() + ","))


def hint_at(service, message, reply):
    """Return what to tell a user who asked for this *service* when the server runs another one;
    None as long as nothing speaks for that."""
    if service == "temp" and reply == message.upper() and reply != "BYE":
        return SERVES_CAPITALS
    if service == "upper" and reply.startswith("ERR ") and ",max,min" in reply:
        return SERVES_TEMPERATURES
    return None


# A person at the keyboard


class SpokenConversation(Conversation):
    """A conversation with a person at the keyboard: it tells when it connects."""

    def connect(self):
        super().connect()
        with contextlib.suppress(OSError):  # it has been reset already: the exchange will say so
            print(_(CONNECTED).format(server=shown(self.socket.getpeername()),
                                   client=shown(self.socket.getsockname())))


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
                print(_(hint))


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
            typed = input(_(TRY_AGAIN).format(message=printable(message)))
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
    """Ask the user for a message."""
    return input(_(ASK_MESSAGE))


def ask_reading():
    """Ask the user for a city and its temperatures; return them as a line of CSV.

    Returns at once what is no city: nothing, a query (``?``, ``?Recife``), or a whole line, which
    may have been pasted.
    """
    while True:
        city = input(_(ASK_CITY)).strip()
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
        text = input(prompt).strip()
        number = as_number(text)
        if number or not text:
            return number or ""
        print(_(NOT_A_NUMBER).format(text=printable(text)))


def csv_line(fields):
    """Return *fields* as a line of CSV, quoted where needed (RFC 4180)."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def printable(text):
    """Return *text* with what could drive the terminal written as escapes.

    The joiners of which Persian, Sinhala, Marathi and emoji are made stay as they are.
    """
    return "".join(c if c.isprintable() or c in "\u200c\u200d"
                   else c.encode("unicode_escape").decode("ascii") for c in text)


# Messages from the command line or a file


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


def lines_of(stream):
    """Yield the lines of *stream*, which is of bytes, without their ends (nor a BOM)."""
    for number, line in enumerate(stream):
        if number == 0 and line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        yield line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")


class Spreadsheet:
    """What a spreadsheet saved as text, as messages for the temperatures: ``city,max,min``.

    Between fields there may be commas, semicolons or tabs; with the latter two, and in quotes, also
    decimal commas. The text may be UTF-8, UTF-16 with its mark, or cp1252. Empty lines are skipped,
    and so are, before the first reading, ``sep=;`` and a line of three words. A line that makes no
    sense is sent all the same: the server says what is wrong with it.

    ``numbers`` has the number of the line of each message, of which so many are ``answered``.
    """

    def __init__(self, stream, say):
        self.stream = stream
        self.say = say
        self.numbers = []
        self.answered = 0

    def __iter__(self):
        begun = False
        for number, line in enumerate(self.lines(), start=1):
            fields = fields_of(line)
            if not fields:
                continue
            if not begun and is_header(fields):
                self.say(_(HEADER_SKIPPED).format(line=printable(line)))
                continue
            begun = begun or any(map(as_number, fields[1:]))
            self.numbers.append(number)
            yield as_message(line, fields)
            self.answered += 1  # whoever asks for the next one has the reply

    def lines(self):
        """Yield the lines as they come, decoded. Raises `InputProblem` for a workbook."""
        for number, line in enumerate(self.stream):
            if number == 0 and line.startswith(WORKBOOKS):
                raise InputProblem(_(IS_A_WORKBOOK))
            if number == 0 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                yield from (line + self.stream.read()).decode("utf-16", "replace").splitlines()
                return
            try:
                text = line.decode("utf-8-sig" if number == 0 else "utf-8")
            except UnicodeDecodeError:
                text = line.decode("cp1252", "replace")
            yield text.rstrip("\r\n")

    def summary(self, refused):
        """Return how many lines were taken; *refused* has the places of the other messages."""
        lines = ", ".join(str(self.numbers[place]) for place in refused[:MOST_NAMED])
        text = _(REFUSED_LINES if refused else ALL_TAKEN).format(
            taken=self.answered - len(refused), refused=len(refused), lines=lines)
        text += ", ..." if len(refused) > MOST_NAMED else ""
        unanswered = self.numbers[self.answered:]
        return text + (_(STOPPED_AT).format(line=unanswered[0]) if unanswered else "")


def fields_of(line):
    """Return the fields of a *line* that a spreadsheet saved, without empty ones at its end."""
    separator = next((mark for mark in ";\t" if mark in line), ",")
    try:
        fields = [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return [line]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def as_number(text):
    """Return *text* as a number with a decimal point; None when it is none."""
    number = text.strip().replace(",", ".")
    return number if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", number, re.ASCII) else None


def is_header(fields):
    """Tell whether these *fields*, before the first reading, are the names of the columns."""
    if fields[0].lower().startswith("sep=") and len("".join(fields)) <= len("sep=;"):
        return True  # Excel's own word for the separator
    return len(fields) == 3 and not any(map(as_number, fields[1:]))


def as_message(line, fields):
    """Return what is sent of a *line* with these *fields*: with commas between them and points in
    numbers, unless it is a query or has other fields than its commas say."""
    numbers = [as_number(field) for field in fields[1:]]
    if line.startswith("?") or not (all(numbers) and len(numbers) == 2 or re.search("[;\t]", line)):
        return line
    return csv_line([fields[0], *(number or field for number, field in zip(numbers, fields[1:]))])


class Progress:
    """One line on a terminal that is written over and over; nothing elsewhere."""

    def __init__(self, stream):
        self.stream = stream
        self.on_screen = is_terminal(stream)
        self.width = 0
        self.next = 0.0

    def show(self, text):
        """Show *text*, at most ten times a second."""
        if self.on_screen and time.monotonic() >= self.next:
            self.stream.write(text)
            self.stream.flush()
            self.width = len(text)
            self.next = time.monotonic() + 0.1

    def clear(self):
        """Take the line away, without terminal codes that an old console would print."""
        if self.width:
            self.stream.write("\r" + " " * self.width + "\r")
            self.stream.flush()
            self.width = 0

    def say(self, text):
        """Show *text* for good, in place of the line."""
        self.clear()
        print(text, file=self.stream, flush=True)


# The program


class OneLineParser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong in one line."""

    def error(self, message):
        unknown = message.partition(_("unrecognized arguments: %s") % "")[2]
        if re.match(r"-[\d.,;]", unknown):
            message += _(MINUS_FIRST).format(message=unknown)
        self.exit(2, _(SEE_HELP).format(program=self.prog, message=message))


def number(kind, least, most, expected):
    """Return a converter for argparse: text to a *kind* of number from *least* to *most*."""
    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(_(EXPECTED).format(expected=_(expected), text=text))
        return value
    return convert


def parse_options(arguments=None):
    """Return the options in the command line's *arguments*; wrong ones exit with status 2."""
    choose_language(asked_for(arguments))
    parser = OneLineParser(
        prog="client.py", description=_(
            "Send messages to the server; without MESSAGE, ask for them at a terminal, or take each "
            "line of standard input. With --crowd, be many clients at once and draw how long each "
            "of them waited."),
        formatter_class=help_formatter)
    add_options(parser.add_argument)
    options = parser.parse_args(arguments)
    check_options(options, parser.error)
    return options


def add_options(option):
    """Add the options, each by a call of argparse's *option*."""
    option("messages", metavar="MESSAGE", nargs="*", help=_("a message to send, one line"))
    option("--service", metavar="NAME", choices=["temp", "upper"], default="upper",
           help=_("what to ask for, or what a crowd sends: %(choices)s (default: %(default)s)"))
    option("--host", metavar="H", default="127.0.0.1",
           help=_("the server's address or name (default: %(default)s)"))
    option("--port", metavar="P", default=50000,
           type=number(int, 1, 65535, "a port from 1 to 65535"),
           help=_("the server's port (default: %(default)s)"))
    option("--timeout", metavar="S", default=300.0,
           type=number(float, 0.001, 86400, "seconds from 0.001 to 86400"),
           help=_("seconds to wait for each reply (default: %(default)g)"))
    option("--keep-open", action="store_true",
           help=_("send all messages over one connection (default: one each)"))
    option("--crowd", metavar="N",
           type=number(int, 1, 1000, "a number of clients from 1 to 1000"),
           help=_("be N clients at once, each sending MESSAGE, and draw how long they waited"))
    option("--think", metavar="S", type=number(float, 0, 86400, "seconds from 0 to 86400"),
           help=_("seconds for which each client of a crowd is silent first (default: 0)"))
    option("--csv", metavar="FILE", help=_("write the times of a crowd's clients to FILE"))
    option("--lang", choices=list(LANGUAGES), help=_("language to speak (default: the system's)"))
    option("--version", action="version", version="%(prog)s " + VERSION,
           help=_("show program's version number and exit"))


def check_options(options, error):
    """Call *error* with the reason when the *options* do not go together."""
    written = re.fullmatch(r"(?:\w+://)?(?:\[([^\]]*)\]|([^:/]+))(?::(\d+))?/*", options.host)
    host, port = (written[1] or written[2], written[3]) if written else (options.host, None)
    if host != options.host:
        text = HOST_WITH_PORT if port else HOST_ALONE
        error(_(text).format(host=host, port=port, text=options.host))
    for message in options.messages:
        if "\n" in message:
            error(_(ONE_LINE).format(message=message))
    if options.crowd is None:
        for name in "think", "csv":
            if getattr(options, name) is not None:
                error(_(ONLY_WITH_CROWD).format(option="--" + name))
        if not options.messages and sys.stdin is None:
            error(_(NO_MESSAGE))
    elif options.keep_open:
        error(_(NOT_WITH_CROWD))
    elif len(options.messages) > 1:
        error(_(ONE_MESSAGE).format(count=len(options.messages)))


def help_formatter(prog):
    """Return argparse's formatter, which else asks for the terminal's width, and for that imports
    the modules for compression (7 % of the time to start)."""
    return argparse.HelpFormatter(prog, max_help_position=22, width=100)


def asked_for(arguments):
    """Return the language that the command line's *arguments* ask for, or None: the rest of them
    is read, and explained, in that language."""
    parser = argparse.ArgumentParser(add_help=False, formatter_class=help_formatter)
    parser.add_argument("--lang", nargs="?")
    return parser.parse_known_args(arguments)[0].lang


def choose_language(language):
    """Speak this *language*, "en" or "pt", from now on; else that of the system.

    The texts are those in the folder ``translations`` beside this file; without it there is English.
    """
    global _catalogue
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "translations")
    name = LANGUAGES.get(language) or LANGUAGES[system_language()]
    try:
        _catalogue = gettext.translation("classroom", folder, [name])
    except (OSError, ValueError, LookupError, struct.error):  # it is missing, or damaged
        _catalogue, name = gettext.NullTranslations(), "en"
    os.environ["LANGUAGE"] = name  # argparse asks gettext itself
    gettext.bindtextdomain("classroom", folder)
    gettext.textdomain("classroom")


def system_language():
    """Return the language that the user of this system speaks, "en" if it is none of ours."""
    names = "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"  # the first that says anything counts
    said = next(filter(None, map(os.environ.get, names)), "")
    if not said and os.name == "nt":
        import ctypes
        number = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return "pt" if number & 0x3FF == 0x16 else "en"  # LANG_PORTUGUESE, of whatever country
    spoken = [name[:2].lower() for name in said.split(":")]
    return next((language for language in spoken if language in LANGUAGES), "en")


def open_closed_streams():
    """Let what the shell has closed (``2>&-``) lead nowhere: else the next socket would get its
    number, and what is for standard error would be printed among the replies."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    for number, name in (1, "stdout"), (2, "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))


def prepare_streams():
    """See to it that no reply breaks the console's character set, and that a file gets UTF-8, also
    on Windows; what is typed and is not UTF-8 goes out as it is."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # IDLE's have not
            in_a_file = os.name == "nt" and not is_terminal(stream)
            chosen = None if os.environ.get("PYTHONIOENCODING") or not in_a_file else "utf-8"
            stream.reconfigure(errors="backslashreplace", encoding=chosen)
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="surrogateescape")


def main(arguments=None):
    """Run the client; return the program's exit status."""
    open_closed_streams()
    prepare_streams()
    options = parse_options(arguments)
    progress = Progress(sys.stderr)
    interactive = not (options.messages or options.crowd) and is_terminal(sys.stdin)
    kind = SpokenConversation if interactive else Conversation
    conversation = kind(options.host, options.port, options.timeout, options.keep_open,
                        progress.say)
    conversation.repeats_all = options.service == "upper"
    try:
        if options.crowd:
            return run_crowd(options)
        if interactive:
            prepare_terminal()
            converse(conversation, options.service)
            return 0
        return send_what_is_given(conversation, options, progress)
    except (ServerProblem, InputProblem, CrowdProblem) as problem:
        print(problem, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        if interactive:
            print()
            return 0
        print(_(INTERRUPTED), file=sys.stderr)
        return 1
    except OSError as error:  # of our own input or output: those of the network are told above
        if error.errno not in NOBODY_READS:
            print(_(NO_OUTPUT).format(reason=_(error.strerror)), file=sys.stderr)
        with contextlib.suppress(OSError):  # so that nothing is tried again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        conversation.close()


def is_terminal(stream):
    """Tell whether *stream* is a terminal. On Windows isatty() takes NUL for one."""
    if stream is None or not stream.isatty():
        return False
    if os.name != "nt":
        return True
    import ctypes
    import msvcrt
    handle = ctypes.c_void_p(msvcrt.get_osfhandle(stream.fileno()))
    return bool(ctypes.windll.kernel32.GetConsoleMode(handle, ctypes.byref(ctypes.c_ulong())))


def prepare_terminal():
    """Let input() edit lines and remember them, where the platform can; have it leave the terminal
    as it was when the program is told to end: for that there must be an exception."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    try:
        import readline  # noqa: F401 - to import it is enough
    except ImportError:
        pass  # Windows consoles do this by themselves


# A crowd: many clients at once, and a picture of who waited. How a client works stands above.

#: Seconds that connecting may take in a crowd, which may fill the server's backlog: Linux then
#: knocks again after 1, 3, 7, 15 and 31 s (RFC 6298 doubles the time-out, which begins at 1 s).
CROWD_CONNECT_LIMIT = 35.0

#: Bytes of stack for a client's thread: the usual 8 MB, a thousand times, may be too much.
CROWD_STACK = 512 * 1024

#: Files that the program may have open besides the clients' connections.
OWN_FILES = 32

#: Seconds between two looks at the crowd; short, so that Windows notices a Ctrl+C.
BETWEEN_LOOKS = 0.125

#: What bars are made of (connecting, thinking, waiting), and for consoles that cannot show that.
BLOCKS, ASCII = "·░█", "-.#"

#: Terminal codes (ECMA-48): cursor up, erase to the end of the line and of the screen, colours.
UP, END_OF_LINE, END_OF_SCREEN, CLEAR = "\r\x1b[{}A", "\x1b[K", "\x1b[J", "\x1b[H\x1b[2J"
RED, GREEN, YELLOW, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[m"

CROWD_MESSAGE = "Hello from client {number}"
CONNECTING, THINKING, WAITS, REPLIED, ERROR = "connecting", "thinking", "waiting", "", "ERR"
FAILURES = [((socket.timeout, TimeoutError), "timed out"), (ConnectionRefusedError, "refused"),
            (ConnectionAbortedError, "closed"), (ConnectionError, "reset"),
            (Exception, "unreachable")]  # the first kind that fits tells the word
LEGEND = "{} connecting  {} thinking  {} waiting"
CROWD_PROGRESS = "{ended} of {count} answered, {errors} with an error, {seconds} s"
SUMMARY = "Replies {replies}, errors {errors}, total time {seconds} s."
SUMMARY_OF_WAITS = "Slowest {slowest} s, median {median} s, {rate} messages per second."
REASON = "{count} {outcome}: {reason}"
CROWD_INTERRUPTED = "Interrupted: {waiting} of {count} clients had no reply yet."
TOO_FEW_FILES = ("This system lets a program open {limit} files, but {count} clients need "
                 "{needed}: start fewer clients, or raise the limit (ulimit -n).")
TOO_FEW_THREADS = "This system gave {limit} threads for {count} clients: start fewer clients."
CANNOT_WRITE = "Cannot write {file}: {reason}. Choose another file with --csv."

#: City, maximum and minimum in degrees Celsius, roughly those of a usual day there: whole, since
#: the lesson's own server takes no decimals, and named with letters that every console has.
CITIES = [
    ("Recife", 30, 23), ("Teresina", 38, 24), ("Garanhuns", 25, 15), ("Campina Grande", 28, 19),
    ("Olinda", 30, 24), ("Patos", 36, 23), ("Natal", 29, 23), ("Fortaleza", 31, 24),
    ("Petrolina", 34, 22), ("Caruaru", 29, 18), ("Triunfo", 26, 16), ("Salvador", 28, 22),
    ("Aracaju", 29, 24), ("Picos", 37, 23), ("Sobral", 35, 22), ("Manaus", 33, 24),
    ("Porto Velho", 33, 21), ("Rio Branco", 32, 20), ("Boa Vista", 34, 25), ("Palmas", 35, 22),
    ("Campo Grande", 31, 19), ("Belo Horizonte", 27, 17), ("Diamantina", 24, 14),
    ("Rio de Janeiro", 29, 21), ("Santos", 27, 20), ("Campinas", 28, 16), ("Curitiba", 23, 13),
    ("Londrina", 27, 16), ("Joinville", 26, 17), ("Lages", 21, 11), ("Urubici", 19, 8),
    ("Porto Alegre", 25, 15), ("Gramado", 21, 11), ("Uruguaiana", 26, 14)]


class CrowdProblem(Exception):
    """The crowd cannot start, or its times cannot be written; the text tells the user."""


class Gate(threading.Event):
    """What a crowd waits at; the clock starts when it opens."""

    def set(self):
        self.opened = time.perf_counter()
        super().set()

    def clock(self):
        """Return the seconds since the gate opened."""
        return time.perf_counter() - self.opened


class Member(Conversation):
    """One client of a crowd, living in a thread of its own; *label* names it in the picture.

    ``connected``, ``sent``, ``replied`` and ``ended`` are seconds from the start, None until then.
    Its own thread sets the first two, each once, and the main thread may look at them any time.
    How it ended goes through a queue to the main thread, which alone sets, and reads, the rest.
    """

    connect_limit = CROWD_CONNECT_LIMIT
    patience = math.inf  # only the main thread writes to the terminal

    def __init__(self, label, message, options):
        super().__init__(options.host, options.port, options.timeout)
        self.label, self.message, self.service = label, message, options.service
        self.think = options.think or 0.0
        self.connected = self.sent = self.replied = self.ended = None
        self.outcome, self.reason = WAITS, ""

    def run(self, gate, done):
        """Wait at the *gate*, then connect, think and ask; put how it ended into *done*."""
        gate.wait()
        self.clock = gate.clock
        replied, outcome, reason = None, WAITS, ""
        try:
            reason = self.ask(self.message)
            replied = self.clock()
            hint = hint_at(self.service, self.message, reason)
            reason = "ERR " + _(hint) if hint == SERVES_CAPITALS else reason
            outcome = ERROR if is_error(self.message, reason) else REPLIED
        except ServerProblem as problem:
            outcome = next(word for kind, word in FAILURES if isinstance(problem.__cause__, kind))
            reason = str(problem)
        finally:
            done.put((self, replied, outcome, reason, self.clock()))

    def connect(self):
        """Connect, then think."""
        super().connect()
        self.connected = self.clock()
        if self.think:
            time.sleep(self.think)
        self.sent = self.clock() if self.think else self.connected

    def state(self):
        """Return the word for how it ended, or for what it is doing."""
        doing = CONNECTING if self.connected is None else THINKING if self.sent is None else WAITS
        word = doing if self.outcome == WAITS else self.outcome
        return word and _(word)

    def waited(self, now):
        """Return the seconds until its end, or until *now*, less those it was thinking itself."""
        end = self.ended or now
        return end - (self.sent or end) + (self.connected or end)


def run_crowd(options):
    """Be the crowd that the *options* ask for; return the exit status. Raises `CrowdProblem`."""
    members = make_members(options)
    allow_open_files(len(members))
    times = open_times(options.csv) if options.csv is not None else None
    gate, done, ended = Gate(), queue.SimpleQueue(), []
    start_threads(members, gate, done)
    picture = Picture(members)
    gate.set()
    try:
        while len(ended) < len(members):
            next_look = gate.clock() + BETWEEN_LOOKS
            with contextlib.suppress(queue.Empty):
                while len(ended) < len(members):
                    ended.append(next_through(done, max(0.0, next_look - gate.clock())))
            picture.show(ended, gate.clock())
    except KeyboardInterrupt:
        # What has come is shown all the same, even if it was not yet in the list.
        ended = [member for member in members if member.ended]
    ended.sort(key=lambda member: member.ended)
    now = ended[-1].ended if len(ended) == len(members) else gate.clock()
    picture.finish(ended, now)
    report(members, ended, now, picture.width)
    if times:
        write_times(times, members)
    done_well = [member for member in ended if member.outcome == REPLIED]
    return 0 if len(done_well) == len(members) else 1


def next_through(done, timeout):
    """Return the next member from *done*, how it ended set. Raises ``queue.Empty``."""
    member, *result = done.get(timeout=timeout)
    member.replied, member.outcome, member.reason, member.ended = result
    return member


def make_members(options):
    """Return the crowd: each its label in the picture and its message."""
    width = len(str(options.crowd))
    members = []
    for number in range(1, options.crowd + 1):
        label, message = str(number).rjust(width), _(CROWD_MESSAGE).format(number=number)
        if options.messages:
            message = options.messages[0]
        elif options.service == "temp":
            city, maximum, minimum = reading_of(number)
            label, message = label + " " + city, csv_line([city, maximum, minimum])
        members.append(Member(label, message, options))
    return members


def reading_of(number):
    """Return a city, different for each *number*, and its maximum and minimum in degrees."""
    again, place = divmod(number - 1, len(CITIES))
    city, maximum, minimum = CITIES[place]
    if not again:
        return city, maximum, minimum
    shift = (place + again) % 5 - 2
    return "{} {}".format(city, again + 1), maximum + shift, minimum + shift


def allow_open_files(count):
    """See to it that *count* connections may be open at once. Raises `CrowdProblem`."""
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    needed = count + OWN_FILES
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY or limit >= needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))
    except (ValueError, OSError):
        raise CrowdProblem(_(TOO_FEW_FILES).format(
            limit=limit if most == resource.RLIM_INFINITY else most,
            count=count, needed=needed)) from None


def start_threads(members, gate, done):
    """Start a thread for each of *members*, which waits at the *gate*. Raises `CrowdProblem`."""
    threading.stack_size(CROWD_STACK)
    for started, member in enumerate(members):
        try:
            threading.Thread(target=member.run, args=(gate, done), daemon=True).start()
        except (RuntimeError, MemoryError):
            raise CrowdProblem(_(TOO_FEW_THREADS).format(
                limit=started, count=len(members))) from None


class Picture:
    """The crowd on standard output, a line each: in the order of the replies, then who waits.

    On a terminal where the cursor can go up again, the picture is drawn while the crowd waits.
    Elsewhere it is drawn once, at the end, since only then it is known how long the time axis
    has to be; until then there is a `Progress`.
    """

    def __init__(self, members):
        self.members = members
        self.obeys = obeys_codes(sys.stdout)
        self.size = None
        self.height = 0
        self.fit()
        self.coloured = self.obeys and not os.environ.get("NO_COLOR")
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        can_show = BLOCKS.encode(encoding, "ignore").decode(encoding) == BLOCKS
        self.marks = BLOCKS if can_show else ASCII
        self.progress = Progress(sys.stderr)

    def fit(self):
        """Fit the window, which may have been resized: then the picture begins anew."""
        import shutil  # not at the top: every client would start later for it
        size = shutil.get_terminal_size()
        if size == self.size:
            return
        if self.height:
            sys.stdout.write(CLEAR)
            self.height = 0
        self.size = size
        # Consoles may start a new line after the last column.
        self.width = max(1, size.columns - 1)
        self.live = self.obeys and len(self.members) + 4 <= size.lines

    def show(self, ended, now):
        """Show how far the crowd is, *now* seconds after its start."""
        self.fit()
        text = _(CROWD_PROGRESS).format(
            ended=len(ended), count=len(self.members), seconds=decimals("%.1f" % now),
            errors=sum(member.outcome != REPLIED for member in ended))[:self.width]
        if self.live:
            self.draw(self.lines(ended, now) + [text])
        else:
            self.progress.clear()
            self.progress.show(text)

    def finish(self, ended, now):
        """Show the final picture, *now* seconds after the start."""
        self.fit()
        self.progress.clear()
        if self.live:
            self.draw(self.lines(ended, now))
        else:
            print("\n".join(self.lines(ended, now)), flush=True)

    def draw(self, lines):
        """Draw *lines* over those drawn last."""
        text = "".join(line + END_OF_LINE + "\n" for line in lines) + END_OF_SCREEN
        sys.stdout.write((UP.format(self.height) if self.height else "") + text)
        sys.stdout.flush()
        self.height = len(lines)

    def lines(self, ended, now):
        """Return the lines of the picture: a legend, the clients, the time axis."""
        through = set(ended)
        members = ended + [member for member in self.members if member not in through]
        tails = ["{} s {}".format(decimals("%.3f" % member.waited(now)), member.state()).rstrip()
                 for member in members]
        label_width = min(max(len(member.label) for member in members), self.width // 3)
        width = max(1, self.width - label_width - max(map(len, tails)) - 2)
        lines = [_(LEGEND).format(*self.marks)[:self.width]]
        for member, tail in zip(members, tails):
            line = "{} {} {}".format(member.label[:label_width].ljust(label_width),
                                     self.bar(member, now, width), tail)[:self.width]
            colour = {REPLIED: GREEN, WAITS: YELLOW}.get(member.outcome, RED)
            lines.append(colour + line + PLAIN if self.coloured else line)
        end = decimals("%.3f s" % now)
        lines.append((" " * label_width + " 0" + end.rjust(width - 1))[:self.width])
        return lines

    def bar(self, member, now, width):
        """Return the bar of *member* on an axis *width* columns wide, *now* seconds long."""
        end, sent = member.ended or now, member.sent  # first what comes last: it may come just now
        moments = 0.0, min(member.connected or end, end), min(sent or end, end), end
        columns = [round(width * moment / now) for moment in moments]
        bar = "".join(mark * (to - start)
                      for mark, start, to in zip(self.marks, columns, columns[1:]))
        if sent and columns[2] == columns[3]:
            bar = bar[:width - 1] + self.marks[2]  # it did wait, however short
        return bar


def obeys_codes(stream):
    """Tell whether *stream* is a terminal that moves its cursor and changes colours on demand."""
    if stream is not sys.__stdout__ or not is_terminal(stream):
        return False  # a file, a pipe, IDLE
    if os.name != "nt":
        return os.environ.get("TERM", "dumb") != "dumb"
    import ctypes
    kernel, mode = ctypes.windll.kernel32, ctypes.c_ulong()
    console = kernel.GetStdHandle(-11)  # STD_OUTPUT_HANDLE
    # 4: ENABLE_VIRTUAL_TERMINAL_PROCESSING, which consoles before Windows 10 do not know.
    return bool(kernel.GetConsoleMode(console, ctypes.byref(mode))
                and kernel.SetConsoleMode(console, mode.value | 4))


def report(members, ended, now, width):
    """Print what came of the crowd in *now* seconds, in lines of *width* columns."""
    import statistics  # not at the top, as above
    import textwrap
    waits = [member.waited(now) for member in ended if member.outcome == REPLIED]
    texts = [_(SUMMARY).format(replies=len(waits), errors=len(ended) - len(waits),
                                seconds=decimals("%.3f" % now))]
    if waits:
        texts.append(_(SUMMARY_OF_WAITS).format(slowest=decimals("%.3f" % max(waits)),
            median=decimals("%.3f" % statistics.median(waits)),
                                             rate=decimals("%.1f" % (len(waits) / now))))
    failed = [member for member in ended if member.outcome != REPLIED]
    for outcome, count in collections.Counter(member.outcome for member in failed).items():
        reason = next(member.reason for member in failed if member.outcome == outcome)
        reason = reason[len("ERR "):] if outcome == ERROR else reason
        texts.append(_(REASON).format(count=count, outcome=_(outcome),
                                      reason=printable(reason[:200])))
    for text in texts:
        print(textwrap.fill(text, width))
    if len(ended) < len(members):
        print(_(CROWD_INTERRUPTED).format(waiting=len(members) - len(ended), count=len(members)),
              file=sys.stderr)


def open_times(name):
    """Return the file called *name*, open for `write_times`. Raises `CrowdProblem`."""
    try:
        return open(name, "w", newline="", encoding="utf-8")
    except OSError as error:
        raise CrowdProblem(_(CANNOT_WRITE).format(
            file=printable(name), reason=_(error.strerror))) from None


def write_times(file, members):
    """Write the times of *members* as CSV: seconds from the start, empty where it never was."""
    try:
        with file:
            rows = csv.writer(file)
            rows.writerow(["client", "connected", "sent", "replied"])
            for number, member in enumerate(members, start=1):
                times = member.connected, member.sent, member.replied
                rows.writerow([number] + ["" if moment is None else format(moment, ".6f")
                                          for moment in times])
    except OSError as error:
        raise CrowdProblem(_(CANNOT_WRITE).format(
            file=printable(file.name), reason=_(error.strerror))) from None


if __name__ == "__main__":
    sys.exit(main())
