"""The conversation: messages to one server, and its replies. It is the lesson's client.

    sock.connect(('127.0.0.1', 50000))             Conversation.connect
    sock.sendall(msg.encode())                     Conversation.send
    print(recvall(sock, b"\\n").decode())           Conversation.receive
    sock.close()                                   Conversation.close

`Conversation.ask` does these four, one after the other. What else stands here is for connections that
are kept open, and for servers that are slow, gone, or none of the lesson's.
"""

import socket

from engine.escapes import came, excerpt, printable
from engine.language import _, decimals
from talk.connecting import open_connection
from talk.problems import ServerProblem
from talk.waiting import Deadline

#: Seconds without an answer after which a user wants to know what is going on.
PATIENCE = 2.0

#: Seconds that connecting may take. The system answers for a slow server at once; if nothing answers,
#: the server is absent.
CONNECT_LIMIT = 10.0

#: Seconds after its reply in which a server that does not keep connections open has closed.
LETS_GO = 0.2

#: Bytes that a reply may have, or so many times as many as its message, if that is more.
LONGEST_REPLY, TIMES_THE_MESSAGE = 2 ** 20, 8

#: Characters of a message that are shown of it.
QUOTED = 60

#: Bytes that are read at a time.
PIECE = 65536

WENT_AWAY = ("The server at {server} closed the connection without a reply to '{message}'. It may have "
             "ended on this message: then its screen shows the exception.")
RESET = ("The connection to {server} was broken off before the reply to '{message}'. The server may "
         "have ended on this message: then its screen shows the exception.")
HAS_COME = ("'{reply}' has come, but no line feed at its end: the server's reply is not complete "
            "without one. Waiting for it...")
NO_LINE_FEED = ("'{reply}' came from {server}, but no line feed at its end: the server's reply is not "
                "complete without one.")
NOT_IN_TIME = ("'{reply}' came from {server}, but in {seconds} s no line feed at its end: the server's "
               "reply is not complete without one.")
BROKE = ("The connection to {server} broke before the reply to '{message}'. The server may have taken "
         "it: sent again, it may be there twice.")
NO_REPLY = "No reply from {server} within {seconds} s. Wait longer with --timeout."
NO_LINE_END = ("{server} sent {limit} bytes without a line feed: it is no server of the lesson's kind. "
               "Check --port.")


def say_nothing(text):
    """Show *text* to nobody."""


class Conversation:
    """Messages to one server and its replies, over as many connections as it takes. At the end of a
    ``with`` statement the last one is closed.

    With *keep_open* a connection is used for as long as the server keeps it; otherwise for one
    message. *timeout* is in seconds, for connecting and for each reply. *say* shows a line of text
    to a user who waits for long; None if there is nobody. ``repeats_all`` tells whether any message
    may reach the server twice; else only a query may.
    """

    connect_limit = CONNECT_LIMIT
    patience = PATIENCE
    repeats_all = True

    def __init__(self, host, port, timeout, keep_open=False, say=None):
        self.address = host, port
        self.timeout = timeout
        self.keep_open = keep_open
        self.say = say or say_nothing
        self.socket = None
        self.has_connected = False
        self.stays = False  # whether a server kept a connection open after a reply
        self.unasked = b""  # what came behind the last reply

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def ask(self, message):
        """Send *message* and return its reply. Raises `ServerProblem`."""
        try:
            if self.is_open():
                return self.go_on(message)
            self.connect()
            return self.exchange(message)
        except socket.timeout as error:
            raise self.problem(NO_REPLY, seconds=decimals("%g" % self.timeout)) from error
        except OSError as error:
            text = WENT_AWAY if isinstance(error, ConnectionAbortedError) else RESET
            raise self.problem(text, message=excerpt(message, QUOTED)) from error
        finally:
            if not self.keep_open:
                self.close()

    def connect(self):
        """Open a connection. Raises `ServerProblem`."""
        limit = min(self.timeout, self.connect_limit)
        self.socket = open_connection(self.address, limit, self.say, self.has_connected)
        self.has_connected = True

    def exchange(self, message):
        """Send *message* over the open connection and return its reply.

        Raises ConnectionError when the server has gone, ``socket.timeout`` when it is too slow.
        """
        deadline = Deadline(self.socket, self.timeout, self.patience, self.say)
        line = encoded(message)
        self.send(line, deadline)
        return self.receive(max(LONGEST_REPLY, TIMES_THE_MESSAGE * len(line)), deadline)

    def send(self, line, deadline):
        """Send the bytes of a *line*, of which a socket may take only some at a time."""
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[deadline.wait(self.socket.send, rest):]
        except ConnectionError:
            pass  # The server may have said why before it stopped reading: see what came.

    def receive(self, limit, deadline):
        """Return the reply, a line that may come in pieces, and may have *limit* bytes."""
        received = bytearray()
        try:
            while b"\n" not in received[-PIECE:]:
                piece = deadline.wait(self.socket.recv, PIECE)
                if not piece:
                    raise ConnectionAbortedError
                received += piece
                deadline.explain(lambda: _(HAS_COME).format(reply=came(received)))
                if len(received) > limit and b"\n" not in piece:
                    raise self.problem(NO_LINE_END, limit=limit)
        except OSError as error:
            if not received:
                raise
            text = NOT_IN_TIME if isinstance(error, socket.timeout) else NO_LINE_FEED
            raise self.problem(text, reply=came(received), seconds=decimals("%g" % self.timeout)) from error
        reply, end, self.unasked = received.partition(b"\n")
        if self.unasked:
            self.close()  # as good as let go: it does not answer what will be asked next
        return reply.decode(errors="backslashreplace").rstrip("\r")

    def close(self):
        """Close the connection, if there is one."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def is_open(self):
        """Tell whether there is a connection that the server has not ended meanwhile."""
        if self.socket is not None and self.let_go():
            self.close()
        return self.socket is not None

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

    def go_on(self, message):
        """Exchange *message* over a connection opened earlier. It may break before the reply comes,
        with the message maybe taken: then once more over a new one, if that does no harm."""
        try:
            return self.exchange(message)
        except socket.timeout:
            raise
        except OSError:
            if not (self.repeats_all or message.startswith("?")):
                raise self.problem(BROKE, message=printable(message)) from None
        self.close()
        self.connect()
        return self.exchange(message)

    def problem(self, text, **fields):
        """Close the connection; return the `ServerProblem` that *text* and its fields say."""
        self.close()
        return ServerProblem.about(self.address, text, **fields)


def encoded(message):
    """Return *message* as the line of bytes that goes to the server.

    What was not UTF-8 when it came from the command line or a file goes out as it came: the
    server says what is wrong with it.
    """
    return message.encode("utf-8", "surrogateescape") + b"\n"
