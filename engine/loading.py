"""Loading: a mistake in a file that somebody writes is told with its line, and nothing else is said."""

import contextlib
import os
import re
import sys

from engine.blame import ROOT, file_in_handlers, file_name, is_students_file, place
from engine.commandline import asked_for
from engine.errors import CannotStart
from engine.escapes import excerpt, printable
from engine.language import _, choose
from engine.slow import told_when_slow

#: Seconds after which it is said where the loading is.
PATIENCE = 5.0

MISTAKE = "{place}: {kind}: {what}"
LINE = ", in '{text}'"
NOT_UTF_8 = ". Save the file in UTF-8"
ENDED = "{place}: the program is ended here, while it loads its services: leave that line out"
NO_FILE = "{place}: there is no file {file}"
BESIDE = ": {file} is beside server.py. Move it into {folder}/"
WRITE = ". Perhaps it is handlers.{name}"
PERHAPS = ". Perhaps {file}"
SLOW = ("server.py: {place}: this has been at work for {seconds:g} s: what stands outside of functions, and what "
        "that calls, runs at the start")
MADE = "{place}: the server makes an object for each client: write the class, without parentheses"


@contextlib.contextmanager
def mistakes_told(arguments):
    """End the program when what is done here cannot go on for a mistake in the files of the services:
    with exit status 1 and one line, in the language that the command line's *arguments* ask for."""
    choose(asked_for(arguments))
    try:
        yield
    except CannotStart as error:
        raise SystemExit("server.py: {}".format(error)) from None
    except (Exception, SystemExit) as error:
        text = what_happened(error)
        if text is None:  # it is none of theirs
            raise
        raise SystemExit("server.py: " + text) from None


def slowness_told():
    """Return a context manager: a file of the services that does not come to its end while they are loaded
    in it is told with its line."""
    return told_when_slow(PATIENCE, tell_where)


def tell_where(place):
    """Tell that the program has not got beyond this *place* for long. (There is no log yet.)"""
    print(_(SLOW).format(place=place, seconds=PATIENCE), file=sys.stderr, flush=True)


def what_happened(error):
    """Return a sentence about an *error* in a file of the services, None if there was none in one."""
    frames = []
    traceback = error.__traceback__
    while traceback:
        path = traceback.tb_frame.f_code.co_filename
        if is_students_file(path):
            frames.append((os.path.abspath(path), traceback.tb_lineno))
        traceback = traceback.tb_next
    if isinstance(error, SyntaxError) and error.filename and os.path.isfile(error.filename):
        frames.append((error.filename, error.lineno or 1))
    if not frames:
        return None
    where, what = place(*frames[-1]), printable(str(error))
    if isinstance(error, SystemExit):
        return _(ENDED).format(place=where)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("handlers."):
        return _(NO_FILE).format(place=where, file=error.name.replace(".", "/") + ".py") + alike(error.name)
    if isinstance(error, TypeError) and "'request', 'client_address'" in what:
        return _(MADE).format(place=where)
    if isinstance(error, SyntaxError):
        what = error.msg + (_(LINE).format(text=excerpt(error.text.strip())) if error.text else "")
    elif isinstance(error, ImportError):
        what = re.sub(r" \([^()]*\)$", "", what)  # where it was looked for
        if error.name and file_in_handlers(error.name):
            what += _(WRITE).format(name=error.name)
    if "utf-8" in what.lower() or "null bytes" in what:
        what += _(NOT_UTF_8)
    return _(MISTAKE).format(place=where, kind=type(error).__name__, what=what)


def alike(module):
    """Return the end of a sentence that names the file whose name is most like that of *module*."""
    import difflib  # not above: only mistakes need it
    folder, point, name = module.rpartition(".")
    folder = os.path.join(ROOT, *folder.split("."))
    names = [each for each in os.listdir(folder) if each.endswith(".py")] if os.path.isdir(folder) else []
    if name + ".py" in os.listdir(ROOT):
        return _(BESIDE).format(file=name + ".py", folder=file_name(folder))
    found = [each + ".py" for each in difflib.get_close_matches(name, [each[:-3] for each in names], 1)]
    return _(PERHAPS).format(file=file_name(os.path.join(folder, found[0]))) if found else ""
