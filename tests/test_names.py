"""No name is left over: each import, variable, function and constant is used somewhere."""

import ast
import collections
import functools

import pytest
from conftest import ROOT

FILES = sorted(path for folder in (".", "engine", "handlers", "lesson", "talk", "tests",
                                 "benchmarks", "docs", "docs/examples")
               for path in ROOT.glob(folder + (
                   "/**/*.py" if folder in ("handlers", "talk") else "/*.py")))


@functools.lru_cache(None)
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


#: Those whose names are ours to use; of the tests pytest uses most.
PRODUCT = [path for path in FILES if path.parent.name not in ("tests", "benchmarks", "docs", "examples")]


#: What nobody here calls, but http.server does.
CALLED = {"log_message"}


def used(tree, imports=True):
    """Count the names that *tree* reads: alone, after a point, or as a text such as a getattr's; those of
    its imports, too, or not."""
    names = collections.Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            names[node.id] += 1
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store):
            names[node.attr] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.update(node.value.replace(",", " ").replace(".", " ").split()[:50])
        elif imports and isinstance(node, ast.ImportFrom):
            names.update(name.name for name in node.names)
    return names


def left_over(tree, line_of):
    """Yield the names that *tree* imports, or sets in a function, and does not use there."""
    there = used(tree, imports=False)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "noqa" not in line_of(node.lineno):
            for name in node.names:
                bound = (name.asname or name.name).split(".")[0]
                if not there[bound]:
                    yield "{} (line {})".format(bound, node.lineno)
        elif isinstance(node, ast.FunctionDef):
            outside = {name for inner in ast.walk(node)
                       if isinstance(inner, (ast.Global, ast.Nonlocal)) for name in inner.names}
            attributes = {id(inner) for scope in ast.walk(node) if isinstance(scope, ast.ClassDef)
                          for inner in scope.body}
            read = {inner.id for inner in ast.walk(node)
                    if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Store)}
            for target in [target for inner in ast.walk(node)
                           if isinstance(inner, ast.Assign) and id(inner) not in attributes
                           for target in inner.targets]:
                if isinstance(target, ast.Name) and target.id not in outside | read:
                    yield "{} (line {})".format(target.id, target.lineno)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_imported_or_set_in_vain(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not list(left_over(tree_of(path), lambda number: lines[number - 1]))


@pytest.mark.parametrize("text, name", [
    ("import os, sys\nsys", "os (line 1)"), ("from a import b as c", "c (line 1)"),
    ("def f():\n    x = 1\n    y = 2\n    return y\n", "x (line 2)")])
def test_what_is_left_over_is_found(text, name):
    assert list(left_over(ast.parse(text), lambda number: "")) == [name]


def test_every_function_and_constant_of_the_programs_is_used():
    names = collections.Counter()
    for path in FILES:
        names.update(used(tree_of(path)))
    left = []
    for path in PRODUCT:
        for node in ast.walk(tree_of(path)):
            defined = []
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                defined = [node.name]
            elif node in tree_of(path).body and isinstance(node, ast.Assign):
                defined = [target.id for target in node.targets if isinstance(target, ast.Name)]
            for name in defined:
                if not (names[name] or name in CALLED or name.startswith("__")):
                    left.append("{}: {}".format(path.name, name))
    assert not left


def names_bound_by(node):
    """Return the names that a *node* of a tree gives a meaning, but for those that engine.language gives."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)):
        return [node.name]
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.Import) or isinstance(node, ast.ImportFrom) and node.module != "engine.language":
        return [name.asname or name.name for name in node.names]
    return []


def takes_the_mark_away(tree):
    """Yield the lines of *tree* where ``_`` becomes something else than the mark of a text: a text that is
    added there would not be translated, but end in an exception."""
    for node in ast.walk(tree):
        if "_" in names_bound_by(node):
            yield node.lineno


@pytest.mark.parametrize("path", [path for path in [*FILES, ROOT / "translations" / "update.py"]
                                  if path.parent.name not in ("tests", "benchmarks", "docs")
                                  and path != ROOT / "engine" / "language.py"],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_the_mark_of_texts_is_no_name_for_what_is_thrown_away(path):
    assert list(takes_the_mark_away(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("text, lines", [
    ("for _ in range(3):\n    pass", [1]), ("a, _ = b", [1]), ("\n[c for c, _ in d]", [2]),
    ("def f(_):\n    pass", [1]), ("lambda _: 1", [1]), ("import gettext as _", [1]), ("def _():\n    pass", [1]),
    ("try:\n    pass\nexcept OSError as _:\n    pass", [3]), ("with a as _:\n    pass", [1]),
    ("from engine.language import _\n_('x')", [])])
def test_where_the_mark_is_taken_away_is_found(text, lines):
    assert list(takes_the_mark_away(ast.parse(text))) == lines
