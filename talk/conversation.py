"""The conversation: messages to one server, and its replies."""

import socket
import time

from engine.addresses import shown
from engine.escapes import printable
from engine.language import _, decimals
from talk.connecting import NO_PORT_LEFT, PORTS_LIMIT, connected, reaches_itself
from talk.problems import ServerProblem
from talk.waiting import LONGEST_WAIT, Deadline

#: Seconds without an answer after which a user wants to know what is going on.
PATIENCE = 2.0

#: Bytes that a reply may have, or so many times as many as its message, if that is more.
LONGEST_REPLY, TIMES_THE_MESSAGE = 2 ** 20, 8

#: Seconds after its reply in which a server that does not keep connections open has closed.
LETS_GO = 0.2

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
NO_LINE_END = ("{server} sent {limit} bytes without a line feed: it is no server of the lesson's "
               "kind. Check --port.")
PORTS_RAN_OUT = "This system has no free port left for a moment; going on when it has one..."


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


def encoded(message):
    """Return *message* as the line of bytes that goes to the server.

    What was not UTF-8 when it came from the command line or a file goes out as it came: the
    server says what is wrong with it.
    """
    return message.encode("utf-8", "surrogateescape") + b"\n"
