"""Whose line it is: a mistake is told with the file that its writer knows, and the line in it."""

import os
import sys

from engine.language import _

#: The project's folder.
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

#: Where nobody writes who writes a service.
OURS = tuple(os.path.join(ROOT, *name.split("/")) for name in (
    "engine/", "server.py", "handlers/lines.py", "handlers/calling.py", "handlers/checks/", "handlers/dashboard/"))

PLACE = "{file}, line {line}"


def file_name(path):
    """Return the *path* of a file of the project as users write it: ``handlers/reverse.py``."""
    if path.startswith(ROOT + os.sep):
        path = os.path.relpath(path, ROOT)
    return path.replace(os.sep, "/")


def is_students_file(path):
    """Tell whether the file may be a student's: one that somebody writes who writes a service."""
    full = os.path.abspath(path)
    return full.startswith(ROOT + os.sep) and not (
        full.startswith(OURS) or path.startswith("<frozen ") or "site-packages" in full)


def file_in_handlers(name):
    """Return the path of the module of this *name* in the folder of the services; None if there is none."""
    path = os.path.join(ROOT, "handlers", name + ".py")
    return path if name.isidentifier() and os.path.isfile(path) else None


def is_file_of_services(name):
    """Tell whether somebody has written a file of this *name* in the folder of the services."""
    path = file_in_handlers(name)
    return path is not None and is_students_file(path)


def place(path, line):
    """Return where this *line* is, as users read it."""
    return _(PLACE).format(file=file_name(path), line=line)


def code_of(function):
    """Return the code of a *function*, also where decorators stand above it; None if it has none."""
    for name in "__func__", "__wrapped__", "__func__":
        function = getattr(function, name, function)
    return getattr(function, "__code__", None)


def place_of(function):
    """Return the place where a *function* is defined; how Python shows it where that is not known."""
    code = code_of(function)
    return place(code.co_filename, code.co_firstlineno) if code else repr(function)


def place_in_class(owner, name=None):
    """Return where the class *owner* begins or, with a *name*, where it sets this attribute; only the
    file, or the name of the class, where no more is known."""
    path = getattr(sys.modules.get(owner.__module__), "__file__", None)
    if not path:
        return owner.__name__
    import ast  # not above: only mistakes need it
    found = None
    for node in ast.walk(ast.parse(source_of(path))):
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__:
            found = next((line.lineno for line in node.body if name and name in names_set_by(line)),
                         node.lineno)
    return place(path, found) if found else file_name(path)


def names_set_by(statement):
    """Return the names that a *statement*, a node of `ast`, assigns to."""
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    return [getattr(target, "id", None) for target in targets]


def source_of(path):
    """Return the bytes of a source file, b"" when they cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def place_in_stack(frame):
    """Return where the *frame*, or the nearest of those that called it, is in a student's file; None when
    none is."""
    while frame:
        if is_students_file(frame.f_code.co_filename):
            return place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def may_end_without(code):
    """Tell whether a function with this *code* may end without a ``return``, or with None after it."""
    import dis  # not above: only mistakes need it
    last = None
    for step in dis.get_instructions(code):
        if step.opname in ("RETURN_VALUE", "RETURN_CONST"):
            constant = step if step.opname == "RETURN_CONST" else last
            if constant.opname.endswith(("_CONST", "_CONSTANT")) and constant.argrepr == "None":
                return True
        last = step
    return False


def lines_of_returns(code):
    """Return the lines of those ``return`` statements of a function with this *code* that have something
    after them: a set, empty where that is not known, as when its file has changed."""
    import ast
    import dis
    try:
        tree = ast.parse(source_of(code.co_filename))
    except (SyntaxError, ValueError):
        return set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name and code.co_firstlineno == min(
                each.lineno for each in [node, *node.decorator_list]):
            lines = set(own_returns(node))
            return lines if lines <= {line for at, line in dis.findlinestarts(code)} else set()
    return set()


def own_returns(node):
    """Yield the lines of the ``return`` statements below a *node* of `ast`, but for inner functions."""
    import ast
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            if getattr(child.value, "value", child.value) is not None:  # neither nothing nor None
                yield child.lineno
        elif not isinstance(child, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            yield from own_returns(child)


def exc_info_from_students_line(error):
    """Return *error* as the log takes it (``exc_info``), its traceback without the frames before the
    first one of a student's; without any where there is none."""
    traceback = error.__traceback__
    while traceback and not is_students_file(traceback.tb_frame.f_code.co_filename):
        traceback = traceback.tb_next
    return type(error), error.with_traceback(traceback), traceback
