"""Ours: what keeps the examiner itself from going on; the server under examination is not to blame."""

import errno

from engine.language import _, reason
from talk.openfiles import allow_connections
from talk.problems import Problem

TOO_FEW_FILES = ("This system lets the examiner open {limit} files, but it needs {needed}: raise the "
                 "limit (ulimit -n). The server is not to blame.")
NO_FILE_LEFT = ("This system lets the examiner open no more files: close other programs, or raise the "
                "limit (ulimit -n). The server is not to blame.")
NO_PORT_LEFT = ("This system has no free port left for the examiner: wait some minutes, then start it "
                "again. The server is not to blame.")
NO_NETWORK = ("The examiner cannot go on: {reason}. That is between this machine and the server, which "
              "is perhaps not to blame.")


class OwnProblem(Problem):
    """The examiner cannot go on, for a reason of its own system or of the network."""


def codes(*names):
    """Return the error numbers of these *names*; Windows has some twice."""
    return {getattr(errno, prefix + name) for name in names for prefix in ("", "WSA")
            if hasattr(errno, prefix + name)}


#: What a system says -> what that means for us. Linux remembers a closed connection, and its port,
#: for 60 s, Windows for up to 240 s (TIME-WAIT, RFC 9293, 3.4).
SHORTAGES = [(codes("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"), NO_FILE_LEFT),
             (codes("EADDRNOTAVAIL", "EADDRINUSE"), NO_PORT_LEFT),
             (codes("ENETUNREACH", "ENETDOWN", "EHOSTUNREACH", "EACCES", "EPERM"), NO_NETWORK)]


def blame_us(error):
    """Raise `OwnProblem` if the *error*, an OSError, has nothing to do with the server's program."""
    for numbers, text in SHORTAGES:
        if error.errno in numbers:
            raise OwnProblem(_(text).format(reason=reason(error))) from error


def allow_files(count):
    """See to it that *count* connections may be open at once. Raises `OwnProblem`."""
    short = allow_connections(count)
    if short:
        limit, needed = short
        raise OwnProblem(_(TOO_FEW_FILES).format(limit=limit, needed=needed))
