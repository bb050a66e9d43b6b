"""The rooms: none imports one that stands above it, and each can be read in one go."""

import ast

import pytest
from conftest import ROOT

FLOORS = {"engine": 0, "talk": 1, "client": 2, "handlers": 1, "server": 2}

#: The rooms of engine/ that both programs share, and that import no others of ours: the client
#: knows no more of the server.
SHARED = {"addresses", "commandline", "escapes", "fields", "language", "onefile",
          "streams"}

#: Which rooms stand in one house: the client knows nothing of the services, and they nothing of it.
HOUSES = {"talk": "client", "client": "client", "handlers": "server", "server": "server"}

#: Lines that a file may have, of those that are for a first look.
MOST_LINES = {"server.py": 200, "client.py": 120}

ROOMS = sorted(str(path.relative_to(ROOT)).replace("\\", "/") for path in [
    ROOT / "server.py", ROOT / "client.py", *ROOT.glob("talk/**/*.py"), *ROOT.glob("engine/*.py"),
    *ROOT.glob("handlers/**/*.py")])


def name_of(room):
    """Return the name by which the file *room* is imported."""
    return room[:-len(".py")].replace("/", ".").replace(".__init__", "")


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
    house, dot, inside = name_of(room).partition(".")
    for name in imports(tree):
        floor, dot, other = name.partition(".")
        if floor not in FLOORS:
            continue
        assert FLOORS[floor] <= FLOORS[house], name
        if floor != "engine":
            assert HOUSES[floor] == HOUSES[house], name
        elif HOUSES.get(house) == "client" or inside in SHARED:
            assert other in SHARED, name
    for node in ast.walk(tree):
        lines = getattr(node, "end_lineno", 0) - getattr(node, "lineno", 0) + 1
        if isinstance(node, ast.ClassDef):
            assert lines <= 150, node.name
        elif isinstance(node, ast.FunctionDef):
            assert lines <= 40, node.name
    assert len(text.splitlines()) <= MOST_LINES.get(room, 1000)


def test_no_circle():
    """Importing each room first, alone, works in any order when nothing imports in a circle."""
    seen = {}
    for room in ROOMS:
        tree = ast.parse((ROOT / room).read_text(encoding="utf-8"))
        seen[name_of(room)] = {module for module in imports(tree)
                               if module.split(".")[0] in FLOORS}

    def walk(name, way):
        assert name not in way, " -> ".join([*way, name])
        for other in seen.get(name, ()):
            walk(other, [*way, name])
    for name in seen:
        walk(name, [])
