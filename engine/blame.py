"""Whose line it is: a mistake is told with the file that its writer knows, and the line in it."""

import os

from engine.language import _

#: The project's folder.
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

PLACE = "{file}, line {line}"

#: Where ``with`` or ``finally`` does something after a ``return``, it ends the function in another line.
ENDS_ELSEWHERE = {"SETUP_FINALLY", "SETUP_WITH", "PUSH_EXC_INFO"}


def file_name(path):
    """Return the *path* of a file of the project as users write it: ``handlers/reverse.py``."""
    if path.startswith(ROOT + os.sep):
        path = os.path.relpath(path, ROOT)
    return path.replace(os.sep, "/")


def place(path, line):
    """Return where this *line* is, as users read it."""
    return _(PLACE).format(file=file_name(path), line=line)


def code_of(function):
    """Return the code of a *function*, also where decorators stand above it; None if it has none."""
    for name in "__func__", "__wrapped__", "__func__":
        function = getattr(function, name, function)
    return getattr(function, "__code__", None)


def place_of(function):
    """Return the place where a *function* is defined; its name where that is not known."""
    code = code_of(function)
    return place(code.co_filename, code.co_firstlineno) if code else repr(function)


def returns(code):
    """Return what the ``return`` statements in *code* are: the lines of those with something after
    them, a set, empty where that is not known; and whether it may also end without, or with None.

    This reads the code that runs: the file may have changed meanwhile.
    """
    import dis  # not above: only mistakes need it
    starts = dict(dis.findlinestarts(code))
    lines, line, last, may_end_without = set(), code.co_firstlineno, None, False
    steps = list(dis.get_instructions(code))
    for step in steps:
        line = starts.get(step.offset) or line
        if step.opname.startswith("RETURN_"):
            constant = step if step.opname == "RETURN_CONST" else last
            if constant.opname.endswith(("_CONST", "_CONSTANT")) and constant.argrepr == "None":
                may_end_without = True
            elif step.opname != "RETURN_GENERATOR":
                lines.add(line)
        last = step
    return (set() if ENDS_ELSEWHERE & {step.opname for step in steps} else lines), may_end_without


def since(error, is_ours):
    """Return *error* as the log takes it (``exc_info``), its traceback without the frames at its
    beginning whose file *is_ours*."""
    traceback = error.__traceback__
    while traceback and is_ours(traceback.tb_frame.f_code.co_filename):
        traceback = traceback.tb_next
    return type(error), error.with_traceback(traceback), traceback
