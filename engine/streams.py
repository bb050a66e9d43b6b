"""The standard streams: whatever is written to them, no character set breaks it."""

import errno
import io
import os
import re
import sys
import types

#: What a system says when whoever read our output had enough; Windows has no word of its own for it.
NOBODY_READS = {errno.EPIPE, errno.EINVAL if os.name == "nt" else errno.EPIPE}

#: What GetFileInformationByHandleEx is asked for, characters that the answer may have, and the names of
#: pipes that are terminals.
FILE_NAME_INFO, MOST_OF_A_NAME = 2, 300
MSYS = re.compile(r"\\(msys|cygwin)-[0-9a-f]+-pty\d+-(from|to)-master", re.IGNORECASE)


def prepare_streams():
    """See to it that nothing which is printed breaks the console's character set, and that a file
    on Windows gets UTF-8; what is typed and is not UTF-8 goes on as it is. To be called first, for
    also ``--help`` has accents."""
    for stream in sys.stdout, sys.stderr:
        if hasattr(stream, "reconfigure"):  # IDLE's have not
            stream.reconfigure(errors="backslashreplace", encoding=better_encoding(stream))
            if os.name == "nt" and is_plain(stream) and is_msys(stream):
                stream.reconfigure(line_buffering=True)
    if hasattr(sys.stdin, "reconfigure"):
        typed = os.name == "nt" and is_plain(sys.stdin) and is_msys(sys.stdin)
        sys.stdin.reconfigure(errors="surrogateescape",
                              encoding=better_encoding(sys.stdin) if typed else None)


def better_encoding(stream):
    """Return the encoding that *stream* had better have, None for that which it has: on Windows a file,
    and a terminal of Git Bash, are better in UTF-8, unless the user says another."""
    told = os.environ.get("PYTHONIOENCODING") and not sys.flags.ignore_environment
    elsewhere = os.name == "nt" and is_plain(stream) and not is_console(stream)
    return "utf-8" if elsewhere and not told else None


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
    """Let what is left for standard output lead nowhere, so that nothing is tried again at exit. What
    stands in for it (IDLE, Thonny, Jupyter) has no number, or one that is for something else."""
    if is_plain(sys.stdout):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def somebody_types():
    """Tell whether a person answers ``input()``: standard input is a terminal, or something has put its
    own ``input`` in the place of Python's, as Jupyter and Spyder do."""
    return not isinstance(input, types.BuiltinFunctionType) or is_terminal(sys.stdin)


def is_terminal(stream):
    """Tell whether a person is at *stream*: it is a terminal, or what stands for one in IDLE or Thonny,
    which says so itself. Such a stream may have no number, or that of a pipe."""
    if stream is None:
        return False
    if is_plain(stream) and os.name == "nt":
        return is_console(stream) or is_msys(stream)
    return stream.isatty()


def is_plain(stream):
    """Tell whether *stream* is one that Python has made, of a number: nothing stands in for it."""
    return isinstance(stream, io.TextIOWrapper)


def is_console(stream):
    """Tell whether *stream* is a console of Windows, where isatty() takes NUL for one, too."""
    import ctypes
    mode = ctypes.byref(ctypes.c_ulong())
    return stream.isatty() and bool(ctypes.windll.kernel32.GetConsoleMode(handle_of(stream), mode))


def is_msys(stream):
    """Tell whether *stream* is a terminal of Git Bash, MSYS2 or Cygwin: on Windows that is a pipe, which
    its name tells (https://github.com/git-for-windows/msys2-runtime, winsup/cygwin/fhandler/pty.cc)."""
    import ctypes
    name = ctypes.create_unicode_buffer(MOST_OF_A_NAME)  # first its length, in four bytes
    found = ctypes.windll.kernel32.GetFileInformationByHandleEx(
        handle_of(stream), FILE_NAME_INFO, name, ctypes.sizeof(name))
    return bool(found and MSYS.match(name[2:].partition("\0")[0]))


def handle_of(stream):
    """Return the handle of *stream*, as functions of Windows take it; one of nothing if it has none."""
    import ctypes
    import msvcrt
    try:
        return ctypes.c_void_p(msvcrt.get_osfhandle(stream.fileno()))
    except OSError:  # it is no file
        return ctypes.c_void_p(-1)
