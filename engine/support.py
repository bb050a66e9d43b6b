"""What a handler may ask of its server, and tell it: all that the two know of each other."""

import threading


class HandlerSupport:
    """The server, as its handlers see it. These methods do nothing. Our servers override them; so a
    handler works under any other server, too.

    A handler uses, of the server that it runs under,

    - ``stopping``: an event that is set while the server stops;
    - ``bell``: on Windows a socket that can be read from the stop on; None where none is needed;
    - the methods below.
    """

    stopping = threading.Event()
    bell = None

    def leads(self):
        """Tell whether the thread that asks leads: it has to make way before it waits."""
        return False

    def make_way(self):
        """Let another thread lead, if this one does: it is about to wait for something."""

    def introduce(self, request, client):
        """Let *client*, a `ClientState`, be known as what is known of the client of *request*."""

    def mistake(self, client_address, reply):
        """Take note of a *reply*, an ``ERR``, that a client is sent."""

    def no_line_feed(self, client_address, partial, seconds):
        """Take note that a client has been silent for so many *seconds*, with its message *partial*
        (bytes, maybe none) not ended."""

    def note_once(self, text, client_address, *arguments):
        """Take note, once for each host, of something that is said about a client: *text* has fields
        for its address and the *arguments*."""

    def linger(self, connection, client_address):
        """Close a *connection* that is shut down for sending, at once or a moment later."""
        connection.close()

    def sent_more(self, client_address):
        """Take note that a client sent more than the one message that counts."""


class Word:
    """What a client makes its handler do: words that the page knows, too."""

    SILENT = "silent"
    HALF_A_MESSAGE = "half a message"
    IN_WORK = "in work"
    NOT_READING = "not reading"
    LEAVING = "leaving"


class ClientState:
    """What a server may ask about a client in service, from any thread. So much is known of one
    whose handler tells nothing.

    - ``answered``: how many of its messages have been answered;
    - ``failed``: whether the service failed on one of them;
    - ``lingers``: whether its connection is left to `HandlerSupport.linger`;
    - ``thread``: the ident of the thread that answers it just now; None: the one in its `Entry`.
    """

    answered = 0
    failed = False
    lingers = False
    thread = None

    def doing(self):
        """Return what the client makes its handler do: a `Word`, since when (``time.monotonic()``,
        None if it is not known) and the bytes of its unfinished message."""
        return Word.IN_WORK, None, 0

    def is_leaving(self):
        """Tell whether it is sure that the client is on its way out."""
        return False

    def make_way(self):
        """Be told that the thread which answers the client just now is about to wait."""


_NO_SUPPORT = HandlerSupport()


def support_of(server):
    """Return what a handler under this *server* may ask of it: nothing, if it is none of ours."""
    return server if isinstance(server, HandlerSupport) else _NO_SUPPORT
