"""A copy of the project in which somebody writes services, with mistakes; and what is said of them."""

import json
import shutil
import subprocess
import sys

from conftest import ENVIRONMENT, PATIENCE, ROOT, text_of

#: Tries services, each as the program does it at its start; prints for each the exit status and what is
#: said. One process for all: a program takes longer to start than to find a mistake.
TRY = """
import contextlib, io, json, os, sys

sys.path.insert(0, os.getcwd())
import server
from engine import language
from engine.errors import CannotStart
from engine.running import running

language.choose()
results = []
for service, files in json.load(sys.stdin):
    before = {}
    for name, text in files.items():
        with open(os.path.join("handlers", name), "r+b") as file:
            before[name] = file.read()
            file.seek(0)
            file.truncate()
            file.write(text.encode("latin-1"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "handlers"]:
        del sys.modules[name]
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            with running(server.options_of(["--service", service]).handler):
                result = 0, ""
        except CannotStart as error:
            result = 1, "server.py: " + str(error)
        except SystemExit as error:
            result = (1, error.code) if isinstance(error.code, str) else (error.code, said.getvalue()[:-1])
    results.append(result)
    for name, text in before.items():
        with open(os.path.join("handlers", name), "wb") as file:
            file.write(text)
print(json.dumps(results))
"""


def copy_of_the_project(folder):
    """Make a copy of what the server needs in the *folder*; return it."""
    for name in "engine", "handlers", "translations":
        shutil.copytree(str(ROOT / name), str(folder / name), ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(str(ROOT / "server.py"), str(folder))
    return folder


def run(folder, *arguments, language="en", text=""):
    """Run Python in the *folder* to its end; return the exit status and all that it says."""
    done = subprocess.run([sys.executable, "-B", *arguments], cwd=str(folder), input=text.encode(),
                          env=dict(ENVIRONMENT, LANGUAGE=language), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=PATIENCE)
    return done.returncode, text_of(done.stdout)


def told_of(folder, cases, language="en"):
    """Return what is said, in a *language*, of each of *cases*, pairs of the name of a service and the
    files that are written for it, each a name -> bytes: the exit status and the text."""
    cases = [(service, {name: content.decode("latin-1") for name, content in files.items()})
             for service, files in cases]
    return json.loads(run(folder, "-c", TRY, text=json.dumps(cases), language=language)[1])
