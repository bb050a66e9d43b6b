"""client.pyz: the client as one file, and what is told where a part of the client is missing."""

import ast
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zipimport

import pytest
from conftest import ENVIRONMENT, PATIENCE, ROOT, Terminal, needs_terminal, text_of

from engine import onefile
from talk.copying import write_one_file
from talk.problems import Problem


def run(folder, *arguments, **environment):
    """Run Python in *folder*; return (exit status, standard output, standard error)."""
    done = subprocess.run([sys.executable, *arguments], cwd=str(folder), timeout=PATIENCE,
                          env={**ENVIRONMENT, **environment}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, text_of(done.stdout), text_of(done.stderr)


@pytest.fixture(scope="module")
def made():
    """The bytes of client.pyz."""
    return onefile.one_file()


@pytest.fixture
def alone(tmp_path, made):
    """A folder with client.pyz in it and nothing else."""
    (tmp_path / "client.pyz").write_bytes(made)
    return tmp_path


def imported_from(module, seen):
    """Add to *seen* the files that this *module* of ours needs."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    name = path.relative_to(ROOT).as_posix()
    if not path.exists() or name in seen:
        return
    seen.add(name)
    if "." in module:
        imported_from(module.rpartition(".")[0], seen)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            imported_from(node.module, seen)


def test_it_has_what_the_client_needs_and_nothing_else(made):
    needed = {"translations/pt_BR/LC_MESSAGES/classroom.mo"}
    imported_from("client", needed)
    needed = needed - {"client.py"} | {"__main__.py"}
    names = zipfile.ZipFile(io.BytesIO(made)).namelist()
    assert {name for name in names if not name.startswith("guard")} == needed
    assert len(names) == len(set(names))


def test_it_is_the_same_each_time(tmp_path, made):
    """Also when it is made at another time, of other copies, elsewhere, by itself."""
    shutil.copy(str(ROOT / "client.py"), str(tmp_path))
    for name in "engine", "talk", "translations":
        shutil.copytree(str(ROOT / name), str(tmp_path / name), copy_function=shutil.copyfile)
    assert run(tmp_path, "client.py", "--one-file", "one.pyz", TZ="Asia/Tokyo")[0] == 0
    assert run(tmp_path, "one.pyz", "--one-file", "two.pyz")[0] == 0
    assert (tmp_path / "one.pyz").read_bytes() == (tmp_path / "two.pyz").read_bytes() == made


def test_it_needs_nothing_beside_it(alone, upper_port):
    port = str(upper_port)
    assert run(alone, "client.pyz", "--port", port, "olá") == (0, "OLÁ\n", "")
    assert run(alone, "-I", "client.pyz", "--port", port, "olá") == (0, "OLÁ\n", "")
    status, out, err = run(alone, "client.pyz", "--port", port, "--crowd", "2")
    assert (status, err) == (0, "") and "Replies 2, errors 0" in out
    assert [path.name for path in alone.iterdir()] == ["client.pyz"]


def test_it_speaks_portuguese(alone):
    """So does argparse, of which these words are."""
    status, out, err = run(alone, "client.pyz", "--help", LANGUAGE="pt_BR")
    assert (status, err) == (0, "") and out.startswith("uso: client.pyz [-h]")
    status, out, err = run(alone, "client.pyz", "--lang", "pt", "--nonsense")
    assert (status, out) == (2, "")
    assert err == "client.pyz: argumentos desconhecidos: --nonsense. Veja client.pyz --help.\n"
    assert run(alone, "client.pyz", "--help", LANGUAGE="en")[1].startswith("usage: client.pyz")


@needs_terminal
def test_its_prompt_is_in_portuguese(alone, start_server):
    server = start_server("--service", "temp")
    terminal = Terminal("--service", "temp", "--port", str(server.port), LANGUAGE="pt_BR",
                        program=[str(alone / "client.pyz")])
    terminal.wait_for("Cidade .*: ")
    terminal.type("Recife\n31,5\n24\n")
    terminal.wait_for("Conectado a .*\nBYE\n")
    terminal.type("\n")
    assert terminal.end()[0] == 0


def test_the_name_that_it_was_given_is_the_one_in_its_hints(alone, start_server):
    port = str(start_server("--service", "temp").port)
    (alone / "client.pyz").rename(alone / "client (1).pyz")  # as browsers name a second download
    status, _, err = run(alone, "client (1).pyz", "--port", port, "hello")
    assert status == 1 and err.endswith(': python "client (1).pyz" --service temp --port {}\n'.format(port))


def test_one_message_waits_for_no_room_that_it_does_not_need(upper_port):
    program = ("import sys, client; client.main(sys.argv[1:]); "
               "print(*sys.modules, file=sys.stderr)")
    status, out, err = run(ROOT, "-c", program, "--port", str(upper_port), "x")
    loaded = set(err.split())
    assert (status, out) == (0, "X\n") and "talk.conversation" in loaded
    assert not {"csv", "queue", "pathlib", "statistics", "engine.onefile", "talk.prompts",
                "talk.copying", "talk.spreadsheets"} & loaded
    assert not [name for name in loaded if re.match(r"talk\.(crowd|examiner)", name)]


# What was cut off


def test_wherever_it_is_cut_off_python_finds_a_guard(tmp_path, made):
    """Before the first guard there is none, and within the last 18 bytes Python finds no zip."""
    guard = zipfile.ZipFile(io.BytesIO(made)).read("guard1.zip")
    first = made.index(guard) + len(guard)
    assert first < 400  # a full disk, or a stick pulled out, cuts at whole blocks: of 512 at least
    for size in [first, len(made) - 19, *range(512, len(made) - 18, 512)]:
        path = tmp_path / "cut{}.pyz".format(size)
        path.write_bytes(made[:size])
        assert "cut off" in zipimport.zipimporter(str(path)).get_source("__main__"), size
        path.unlink()


def test_no_block_begins_within_the_end_of_a_guard():
    for end in range(1000, 3000):
        moved = onefile.padding(end)
        assert len(moved) != 1 and (not moved or len(moved) == 4 + moved[2] + 256 * moved[3])
        assert (end + len(moved) - 22) // 512 == (end + len(moved) - 1) // 512


@pytest.mark.parametrize("rest", [512, 8192, -8192, -19])
def test_what_was_cut_off_says_so_in_one_line(tmp_path, made, rest):
    (tmp_path / "client.pyz").write_bytes(made[:rest])
    assert run(tmp_path, "client.pyz", "hello") == (
        2, "", "This file was cut off while it was copied: copy it again. | "
               "Este arquivo foi cortado durante a cópia: copie-o de novo.\n")


# client.py without its rooms


@pytest.mark.parametrize("there, missing, arguments", [
    ([], "engine", ["hello"]), (["engine"], "talk", ["hello"]), (["talk"], "engine", ["hello"]),
    (["engine", "talk"], os.path.join("talk", "crowd"), ["--crowd", "2"])])
def test_client_py_without_its_rooms_says_what_is_missing(tmp_path, there, missing, arguments):
    shutil.copy(str(ROOT / "client.py"), str(tmp_path))
    for name in there:
        shutil.copytree(str(ROOT / name), str(tmp_path / name), copy_function=shutil.copyfile,
                        ignore=shutil.ignore_patterns("crowd"))
    status, out, err = run(tmp_path, "client.py", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("client.py: {} is missing here. ".format(missing))
    assert "falta {} aqui. ".format(missing) in err and err.endswith(":8080/client.pyz\n")


@pytest.mark.parametrize("option", ["-I", "-B"])
def test_client_py_finds_its_rooms_however_python_is_started(option, tmp_path):
    assert run(tmp_path, option, str(ROOT / "client.py"), "--version")[0] == 0


# Making it


@pytest.mark.parametrize("arguments, told", [
    (["--one-file", "client.py"], "expected a name that ends with .pyz"), (["--one-file"], "expected"),
    (["--one-file", "a.pyz", "hello"], "expected neither MESSAGE"),
    (["--one-file", "a.pyz", "--crowd", "2"], "nor --crowd")])
def test_wrong_usage(arguments, told):
    status, out, err = run(ROOT, "client.py", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1) and told in err


def test_it_says_what_to_do_with_it(tmp_path):
    path = os.path.join("sub", "c.pyz")
    status, out, err = run(tmp_path, str(ROOT / "client.py"), "--one-file", path)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("Cannot write {}: No such file or directory. ".format(path))
    (tmp_path / "sub").mkdir()
    status, out, err = run(tmp_path, str(ROOT / "client.py"), "--one-file", path)
    assert (status, err) == (0, "") and out.startswith(path + " is the whole client: ")
    assert out.endswith(" type there: python c.pyz\n")


def test_a_part_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(onefile, "HOME", tmp_path)
    with pytest.raises(Problem, match="missing here: client.py: No such file or directory"):
        write_one_file(str(tmp_path / "client.pyz"), ("127.0.0.1", 50000))
    assert not list(tmp_path.iterdir())
