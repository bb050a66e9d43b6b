"""The rooms: none imports one that stands above it, and each can be read in one go."""

import ast

import pytest
from conftest import ROOT

FLOORS = {"engine": 0, "handlers": 1, "server": 2}
ROOMS = sorted(str(path.relative_to(ROOT)).replace("\\", "/") for path in [
    ROOT / "server.py", ROOT / "client.py", *ROOT.glob("engine/*.py"), *ROOT.glob("handlers/**/*.py")])


def imports(tree):
    """Yield the names of the modules that are imported anywhere in *tree*."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            for name in node.names:
                yield name.name


@pytest.mark.parametrize("room", ROOMS)
def test_a_room(room):
    text = (ROOT / room).read_text(encoding="utf-8")
    tree = ast.parse(text)
    floor = FLOORS.get(room.replace("/", ".").split(".")[0], -1)  # client.py imports nothing of ours
    for name in imports(tree):
        assert FLOORS.get(name.split(".")[0], -1) <= floor, name
    for node in ast.walk(tree):
        lines = getattr(node, "end_lineno", 0) - getattr(node, "lineno", 0) + 1
        if isinstance(node, ast.ClassDef):
            assert lines <= 150, node.name
        elif isinstance(node, ast.FunctionDef):
            assert lines <= 40, node.name
    if room == "server.py":
        assert len(text.splitlines()) <= 200


def test_no_circle():
    """Importing each room first, alone, works in any order when nothing imports in a circle."""
    seen = {}
    for room in ROOMS:
        tree = ast.parse((ROOT / room).read_text(encoding="utf-8"))
        name = room[:-len(".py")].replace("/", ".").replace(".__init__", "")
        seen[name] = {module for module in imports(tree) if module.split(".")[0] in FLOORS}

    def walk(name, way):
        assert name not in way, " -> ".join([*way, name])
        for other in seen.get(name, ()):
            walk(other, [*way, name])
    for name in seen:
        walk(name, [])
