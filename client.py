"""The client: send messages to a server of the lesson's kind, and show its replies.

    python client.py                                          asks for messages
    python client.py --service temp                           asks for temperatures
    python client.py "Olá"                                    sends one message
    python client.py --service temp < readings.csv            sends each line of a file

It needs nothing but this file and Python 3.8 or later.
"""

import argparse
import contextlib
import csv
import io
import math
import os
import re
import socket
import sys
import time

VERSION = "1.0"

#: Seconds without an answer after which a user wants to know what is going on.
PATIENCE = 2.0

#: Seconds that one wait may last: on Windows a Ctrl+C is not noticed in it, only after it.
LONGEST_WAIT = 0.5

#: Seconds that connecting may take; a slow server accepts at once, only an absent one does not.
CONNECT_LIMIT = 10.0

REFUSED = "Cannot reach {server}: connection refused. Is the server running?"
NO_ANSWER = "Cannot reach {server}: no answer within {seconds:g} s. Is the address right?"
UNKNOWN_HOST = "Cannot reach {server}: there is no host of that name. Check --host and --port."
UNREACHABLE = "Cannot reach {server}: {reason}. Check --host and --port."
WENT_AWAY = "The server at {server} closed the connection without a reply. Try again."
NO_REPLY = "No reply from {server} within {seconds:g} s. Wait longer with --timeout."
WAITING = "Waiting for a free slot on the server..."
CONNECTED = "Connected to {server} from {client}"
PROGRESS = "{sent} sent, {errors} with an error"
INTERRUPTED = "Interrupted: not every message was sent."
NO_OUTPUT = "Cannot go on reading messages or writing replies: {reason}."
ONE_LINE = "a message is one line: expected no line feed in {message!r}"
NO_MESSAGE = "no message: expected MESSAGE, or lines on standard input"

ASK_MESSAGE = "Message (an empty line ends): "
ASK_CITY = "City (? shows the hottest and coldest, an empty line ends): "
ASK_MAXIMUM = "Maximum in degrees Celsius: "
ASK_MINIMUM = "Minimum in degrees Celsius: "
NOT_A_NUMBER = "'{text}' is not a number: expected degrees such as 31 or -3.5."


class ServerProblem(Exception):
    """The server cannot be reached or did not answer; the text tells the user."""


class Conversation:
    """Messages to one server and its replies, over as many connections as it takes.

    With *keep_open* a connection is used for as long as the server keeps it; otherwise for one
    message. *timeout* is in seconds, for connecting and for each reply.
    """

    def __init__(self, host, port, timeout, keep_open=False):
        self.address = host, port
        self.timeout = timeout
        self.keep_open = keep_open
        self.socket = None

    def connect(self):
        """Open a connection. Raises `ServerProblem`."""
        limit = min(self.timeout, CONNECT_LIMIT)
        try:
            self.socket = socket.create_connection(self.address, timeout=limit)
        except ConnectionRefusedError:
            raise self.problem(REFUSED) from None
        except socket.timeout:
            raise self.problem(NO_ANSWER, seconds=limit) from None
        except (socket.gaierror, UnicodeError):
            raise self.problem(UNKNOWN_HOST) from None
        except OSError as error:
            raise self.problem(UNREACHABLE, reason=error.strerror or error) from None

    def close(self):
        """Close the connection, if there is one."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def ask(self, message):
        """Send *message* and return its reply. Raises `ServerProblem`.

        A connection opened earlier may have been let go by the server meanwhile: then the
        message is sent once more over a new one.
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
                self.close()
                self.connect()
                return self.exchange(message)
        except socket.timeout:
            raise self.problem(NO_REPLY, seconds=self.timeout) from None
        except OSError:
            raise self.problem(WENT_AWAY) from None
        finally:
            if not self.keep_open:
                self.close()

    def let_go(self):
        """Tell whether the server has ended the connection: it sends nothing unasked before."""
        self.socket.setblocking(False)
        try:
            self.socket.recv(1)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def exchange(self, message):
        """Send *message* over the open connection and return its reply.

        Raises ConnectionError when the server has gone, ``socket.timeout`` when it is too slow.
        """
        deadline = Deadline(self.socket, self.timeout)
        rest = memoryview(encoded(message))
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
        reply, _, unasked = received.partition(b"\n")
        if unasked:
            self.close()  # as good as let go: it does not answer what will be asked next
        return reply.decode(errors="backslashreplace").rstrip("\r")

    def problem(self, text, **fields):
        """Close the connection; return the `ServerProblem` that *text* and its fields say."""
        self.close()
        return ServerProblem(text.format(server=shown(self.address), **fields))


class Deadline:
    """Waits for a socket until *seconds* have passed, and tells the user when it takes long."""

    def __init__(self, connection, seconds):
        self.connection = connection
        self.ends = time.monotonic() + seconds
        self.notice = time.monotonic() + PATIENCE

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
                print(WAITING, file=sys.stderr, flush=True)
                self.notice = math.inf


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


def is_error(message, reply):
    """Tell whether *reply* reports a problem, and is not just *message* in capitals."""
    return reply.startswith("ERR ") and reply != message.upper()


# A person at the keyboard


def converse(conversation, ask_user):
    """Send what *ask_user* returns, again and again until it is empty, and show the replies."""
    conversation.connect()
    print(CONNECTED.format(server=shown(conversation.socket.getpeername()),
                           client=shown(conversation.socket.getsockname())))
    while True:
        message = ask_user()
        if not message:
            return
        print(printable(conversation.ask(message)))


def ask_message():
    """Ask the user for a message."""
    return input(ASK_MESSAGE)


def ask_reading():
    """Ask the user for a city and its temperatures; return them as a line of CSV.

    Returns at once what is no city: nothing, or a query (``?``, ``?Recife``).
    """
    city = input(ASK_CITY).strip()
    if not city or city.startswith("?"):
        return city
    return csv_line([city, ask_number(ASK_MAXIMUM), ask_number(ASK_MINIMUM)])


def ask_number(prompt):
    """Ask the user until the answer is a number, with a decimal point or a decimal comma."""
    while True:
        text = input(prompt).strip()
        number = text.replace(",", ".")
        if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", number, re.ASCII):
            return number
        print(NOT_A_NUMBER.format(text=printable(text)))


def csv_line(fields):
    """Return *fields* as a line of CSV, quoted where needed (RFC 4180)."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def printable(text):
    """Return *text* with what could drive the terminal written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
                   for c in text)


# Messages from the command line or a file


def send_all(conversation, messages):
    """Send each of *messages* and print each reply; return how many were errors."""
    on_screen = sys.stdout is not None and sys.stdout.isatty()
    progress = Progress(sys.stderr)
    errors = 0
    for sent, message in enumerate(messages, start=1):
        reply = conversation.ask(message)
        errors += is_error(message, reply)
        progress.clear()
        print(printable(reply) if on_screen else reply, flush=True)
        progress.show(PROGRESS.format(sent=sent, errors=errors))
    progress.clear()
    return errors


def lines_of(stream):
    """Yield the lines of *stream*, which is of bytes, without their ends (nor a BOM)."""
    for number, line in enumerate(stream):
        if number == 0 and line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        yield line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")


class Progress:
    """One line on a terminal that is written over and over; nothing elsewhere."""

    def __init__(self, stream):
        self.stream = stream if stream is not None and stream.isatty() else None
        self.width = 0
        self.next = 0.0

    def show(self, text):
        """Show *text*, at most ten times a second."""
        if self.stream and time.monotonic() >= self.next:
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


# The program


class OneLineParser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong in one line."""

    def error(self, message):
        self.exit(2, "{}: {}. See {} --help.\n".format(self.prog, message, self.prog))


def port_number(text):
    """Return the port in *text*, for argparse."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError("expected a port from 1 to 65535, not '%s'" % text)
    return int(text)


def seconds(text):
    """Return the seconds in *text*, for argparse."""
    try:
        if 0.001 <= float(text) <= 86400:
            return float(text)
    except ValueError:
        pass  # the same answer as for a number out of range
    raise argparse.ArgumentTypeError("expected seconds from 0.001 to 86400, not '%s'" % text)


def parse_options(arguments=None):
    """Return the options in the command line's *arguments*; wrong ones exit with status 2."""
    parser = OneLineParser(
        prog="client.py", description="Send messages to the server; without MESSAGE, ask for "
        "them at a terminal, or take each line of standard input.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=22, width=100))
    option = parser.add_argument
    option("messages", metavar="MESSAGE", nargs="*", help="a message to send, one line")
    option("--service", metavar="NAME", choices=["temp", "upper"], default="upper",
           help="what to ask for at a terminal: %(choices)s (default: %(default)s)")
    option("--host", metavar="H", default="127.0.0.1",
           help="the server's address or name (default: %(default)s)")
    option("--port", metavar="P", type=port_number, default=50000,
           help="the server's port (default: %(default)s)")
    option("--timeout", metavar="S", type=seconds, default=300.0,
           help="seconds to wait for each reply (default: %(default)g)")
    option("--keep-open", action="store_true",
           help="send all messages over one connection (default: one each)")
    option("--version", action="version", version="%(prog)s " + VERSION)
    options = parser.parse_args(arguments)
    for message in options.messages:
        if "\n" in message:
            parser.error(ONE_LINE.format(message=message))
    if not options.messages and sys.stdin is None:
        parser.error(NO_MESSAGE)
    return options


def main(arguments=None):
    """Run the client; return the program's exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # IDLE's have not
            stream.reconfigure(errors="backslashreplace")
    options = parse_options(arguments)
    conversation = Conversation(options.host, options.port, options.timeout, options.keep_open)
    interactive = not options.messages and sys.stdin.isatty()
    try:
        if interactive:
            with_line_editing()
            converse(conversation, ask_reading if options.service == "temp" else ask_message)
            return 0
        errors = send_all(conversation, options.messages or lines_of(sys.stdin.buffer))
        return 1 if errors else 0
    except ServerProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        if interactive:
            print()
            return 0
        print(INTERRUPTED, file=sys.stderr)
        return 1
    except OSError as error:  # of our own input or output: those of the network are told above
        if not isinstance(error, BrokenPipeError):  # whoever read our output had enough
            print(NO_OUTPUT.format(reason=error.strerror), file=sys.stderr)
        with contextlib.suppress(OSError):  # so that nothing is tried again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        conversation.close()


def with_line_editing():
    """Let input() edit lines and remember them, where the platform can."""
    try:
        import readline  # noqa: F401 - to import it is enough
    except ImportError:
        pass  # Windows consoles do this by themselves


if __name__ == "__main__":
    sys.exit(main())
