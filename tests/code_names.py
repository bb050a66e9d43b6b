"""What there is in the code that a document may name. It is read from the source, not imported."""

import ast
import builtins
import contextlib
import functools
import importlib
import itertools
import keyword as keywords

from conftest import ROOT

#: Where the names are that a document means.
PROGRAMS = "server.py", "client.py", "engine/*.py", "handlers/**/*.py", "talk/**/*.py", "translations/*.py"

#: The folders that belong to the repository, besides the files beside them.
FOLDERS = ".ci", "benchmarks", "docs", "engine", "handlers", "lesson", "talk", "tests", "translations"


@functools.lru_cache(maxsize=None)
def files():
    """Return the paths of the repository's files and folders; of the programs' also the names alone."""
    found = [path for folder in FOLDERS for path in [ROOT / folder, *(ROOT / folder).rglob("*")]]
    found += [path for path in ROOT.iterdir() if path.is_file()]
    paths = {path.relative_to(ROOT).as_posix() for path in found}
    return paths | {path.rpartition("/")[2] for path in paths if not path.startswith("tests/")}


@functools.lru_cache(maxsize=None)
def nodes_of(pattern):
    """Return all nodes of the syntax trees of the files of this *pattern*."""
    return [node for path in sorted(ROOT.glob(pattern))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


def nodes(*patterns):
    """Yield all nodes of the syntax trees of the files of these *patterns*."""
    return itertools.chain.from_iterable(map(nodes_of, patterns))


def names_in(body):
    """Yield the names that the statements of a module or of a class define, not those inside of them."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            yield from (target.id for target in ast.walk(statement)
                        if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store))


def attributes_in(found):
    """Yield the attributes that are given a value in these nodes."""
    for node in found:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


@functools.lru_cache(maxsize=None)
def defined(*patterns):
    """Return the functions, classes, attributes, and variables of modules and classes, in these files."""
    found = set(attributes_in(nodes(*patterns)))
    for node in nodes(*patterns):
        if isinstance(node, (ast.Module, ast.ClassDef)):
            found.update(names_in(node.body))
    return found


@functools.lru_cache(maxsize=None)
def texts(*patterns):
    """Return the texts in these files, but for docstrings; among them the keys of ``dict(key=value)``."""
    found, expressions = set(), set()
    for node in nodes(*patterns):
        if isinstance(node, ast.Expr):
            expressions.add(id(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in expressions:
            found.add(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
            found.update(keyword.arg for keyword in node.keywords)
    return found


@functools.lru_cache(maxsize=None)
def of_the_lesson():
    """Return the names in the programs of the lesson's text, which the README sets beside ours."""
    return {name for path in ROOT.glob("tests/lesson/*.py")
            for name in made_in(path.read_text(encoding="utf-8"))}


def made_in(program):
    """Yield the names that the text of a *program* makes: variables, functions, classes. A mere piece of
    one makes none."""
    try:
        tree = ast.parse(program)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@functools.lru_cache(maxsize=None)
def classes():
    """Return the classes of the programs, and of the tests' browser: name -> definitions."""
    found = {}
    for node in nodes(*PROGRAMS, "tests/browser.py"):
        if isinstance(node, ast.ClassDef):
            found.setdefault(node.name, []).append(node)
    return found


@functools.lru_cache(maxsize=None)
def has(owner, name):
    """Tell whether a class of this name, or one of ours that it inherits from, defines *name*."""
    for node in classes().get(owner, ()):
        fields = {word for base in node.bases for constant in ast.walk(base)
                  if isinstance(constant, ast.Constant) for word in str(constant.value).split()}
        if name in fields or name in names_in(node.body) or name in attributes_in(ast.walk(node)):
            return True
        if any(has(base.id, name) for base in node.bases if isinstance(base, ast.Name)):
            return True
    return False


def is_ours(name):
    """Tell whether a *name*, maybe with points in it, is in the programs: ``name``, ``self.name``,
    ``Owner.name``, ``folder.module``."""
    owner, point, last = name.rpartition(".")
    if owner in classes():
        return has(owner, last)
    if owner in ("", "self"):
        return last in defined(*PROGRAMS) or last in texts(*PROGRAMS)
    return name.replace(".", "/") + ".py" in files()


def is_of_python(name):
    """Tell whether a *name* is one of the language, or with points in it one of its library."""
    first, *others = name.split(".")
    if not others:
        return keywords.iskeyword(name) or hasattr(builtins, name)
    with contextlib.suppress(ImportError, AttributeError):
        value = getattr(builtins, first, None) or importlib.import_module(first)
        for number, other in enumerate(others):
            if not hasattr(value, other):
                importlib.import_module(".".join([first, *others[:number + 1]]))
            value = getattr(value, other)
        return True
    return False
