"""The standard streams: whatever is written to them, no character set breaks it."""

import errno
import os
import sys

#: What a system says when whoever read our output had enough; Windows has no word of its own for it.
NOBODY_READS = {errno.EPIPE, errno.EINVAL if os.name == "nt" else errno.EPIPE}


def prepare_streams():
    """See to it that nothing which is printed breaks the console's character set, and that a file
    on Windows gets UTF-8; what is typed and is not UTF-8 goes on as it is. To be called first, for
    also ``--help`` has accents."""
    for stream in sys.stdout, sys.stderr:
        if hasattr(stream, "reconfigure"):  # IDLE's have not
            in_a_file = os.name == "nt" and not is_terminal(stream)  # which is better in UTF-8
            told = os.environ.get("PYTHONIOENCODING") and not sys.flags.ignore_environment
            chosen = "utf-8" if in_a_file and not told else None
            stream.reconfigure(errors="backslashreplace", encoding=chosen)
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="surrogateescape")


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


def drop_output():
    """Let what is left for standard output lead nowhere, so that nothing is tried again at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:
        pass  # it has no number, as in IDLE


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
