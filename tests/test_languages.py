"""docs/languages.md: another language is added by its steps; here Spanish, in a copy of the programs."""

import re
import shutil
import subprocess
import sys
import urllib.request

import pytest
from conftest import (ENVIRONMENT, PATIENCE, ROOT, Server, Terminal, needs_terminal,
                      text_of)
from test_language import page_texts, update

#: What a student meets first: prompts, and the commonest ERR.
SPANISH = {
    "Message (an empty line ends): ": "Mensaje (una línea vacía termina): ",
    "City (? shows hottest and coldest; help; an empty line ends): ":
        "Ciudad (? muestra la más cálida y la más fría; help; exit): ",
    "Maximum in degrees Celsius (an empty line goes back): ": "Máxima en grados Celsius (línea vacía vuelve): ",
    "Minimum in degrees Celsius (an empty line goes back): ": "Mínima en grados Celsius (línea vacía vuelve): ",
    "Connected to {server} from {client}": "Conectado a {server} desde {client}",
    "'{text}' is not a number: expected degrees such as 31 or -3.5.":
        "'{text}' no es un número: escribe los grados, por ejemplo 31 o -3,5.",
    "The maximum {maximum} is below the minimum {minimum}: type both again.":
        "La máxima {maximum} es menor que la mínima {minimum}: escribe las dos otra vez.",
    "Hottest city: {} with {}. Coldest city: {} with {}. Cities: {}.":
        "Ciudad más cálida: {} con {}. Ciudad más fría: {} con {}. Ciudades: {}.",
    "{}: maximum {}, minimum {}.": "{}: máxima {}, mínima {}.",
    ".": ",",
    "Waiting for a free slot on the server, or for it to finish its work...":
        "Esperando un lugar libre en el servidor, o a que termine su trabajo...",
    "Cannot reach {server}: connection refused. Is the server running there? Check --host and --port.":
        "No se puede conectar a {server}: conexión rechazada. ¿Está en marcha el servidor? "
        "Revisa --host y --port.",
    "the fields are separated by {name}: expected commas, such as {example}":
        "los campos están separados por {name}: usa comas, como en {example}",
    "semicolons": "puntos y comas",
    "there is a decimal comma in it: expected a point, such as {example}":
        "hay una coma decimal: usa un punto, como en {example}",
    "the message is empty: expected city,max,min such as Recife,31,24.5":
        "el mensaje está vacío: envía ciudad,máx,mín como en Recife,31,24.5",
    "there is a city, but no temperatures: expected city,max,min such as Recife,31,24.5":
        "hay una ciudad, pero ninguna temperatura: envía ciudad,máx,mín como en Recife,31,24.5",
    "one temperature is missing: expected city,max,min such as Recife,31,24.5":
        "falta una temperatura: envía ciudad,máx,mín como en Recife,31,24.5",
    "field {field} '{text}' is not a number: expected degrees such as 31 or -3.5":
        "el campo {field} '{text}' no es un número: usa grados, por ejemplo 31 o -3.5",
    "Hottest city": "Ciudad más cálida"}


def steps():
    """Return the blocks in the document's steps, in order, each without its indentation."""
    text = (ROOT / "docs" / "languages.md").read_text(encoding="utf-8").partition("## Another language")[2]
    return [re.sub("^ {7}", "", block, flags=re.M).strip()
            for block in re.findall(r"(?:^ {7}\S.*\n)+", text, re.M)]


def in_folder(folder, *arguments, status=0, **environment):
    """Run Python with *arguments* in a folder to its end; return what it says."""
    done = subprocess.run([sys.executable, *arguments], cwd=str(folder), env={**ENVIRONMENT, **environment},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == status, text_of(done.stdout)
    return text_of(done.stdout)


def copy_of_the_programs(folder):
    """Copy the programs into a *folder*."""
    for name in "engine", "handlers", "talk", "translations":
        shutil.copytree(str(ROOT / name), str(folder / name), ignore=shutil.ignore_patterns("__pycache__"),
                        copy_function=shutil.copyfile)  # for copy2 Wine lacks a call of Windows
    for name in "server.py", "client.py":
        shutil.copyfile(str(ROOT / name), str(folder / name))


def translate(po, pairs):
    """Write the translations of some texts into a *po* file, as a translator does."""
    text = po.read_text(encoding="utf-8")
    for original, translated in pairs.items():
        before = "msgid {}\nmsgstr \"\"\n".format(update.quoted(original))
        assert text.count(before) == 1, original
        text = text.replace(before, "msgid {}\nmsgstr {}\n".format(
            update.quoted(original), update.quoted(translated)))
    po.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def spanish(tmp_path_factory):
    """The folder of a copy that has learned Spanish by the steps of the document."""
    line, command, pair, again = steps()
    assert command == again == "python translations/update.py"
    assert pair == "msgid \"{}\"\nmsgstr \"{}\"".format(*next(iter(SPANISH.items())))
    folder = tmp_path_factory.mktemp("spanish")
    copy_of_the_programs(folder)
    room = folder / "engine" / "language.py"
    source = room.read_text(encoding="utf-8")
    last = "    \"pt\": \"pt_BR\",\n"
    assert source.count(last) == 1
    room.write_text(source.replace(last, last + "    " + line + "\n"), encoding="utf-8")
    said = in_folder(folder, *command.split()[1:])
    assert re.search(r"^translations.es.LC_MESSAGES.classroom\.po: \d+ texts, 0 translated\.$", said, re.M)
    assert in_folder(folder, "server.py", "--help", "--lang", "es").startswith("usage: ")
    translate(folder / "translations" / "es" / "LC_MESSAGES" / "classroom.po", SPANISH)
    said = in_folder(folder, *again.split()[1:])
    assert re.search(r"es.LC_MESSAGES.classroom\.po: \d+ texts, {} translated\.$".format(len(SPANISH)), said, re.M)
    return folder


@pytest.fixture(scope="module")
def server(spanish):
    """A server of that copy, with its page, that speaks Spanish where it can."""
    started = Server("--service", "temp", "--lang", "es", "--dashboard", "0",
                     program=(str(spanish / "server.py"),))
    yield started
    started.kill()


def test_twenty_texts_are_enough():
    assert len(SPANISH) == 20


def test_a_new_catalogue_has_every_text_and_no_translation(tmp_path):
    po = tmp_path / "classroom.po"
    po.write_text(update.new_po("pt"), encoding="utf-8")
    pairs = update.read_po(po)
    header = pairs.pop("")
    assert header.startswith("Language: pt_BR\n") and "UTF-8" in header
    assert pairs == dict.fromkeys(update.texts(), "")


@pytest.mark.parametrize("message, reply", [
    ("Recife;31;24", "ERR los campos están separados por puntos y comas: usa comas, como en Recife,31,24"),
    ("Recife,31,5,24", "ERR hay una coma decimal: usa un punto, como en Recife,31.5,24 or Recife,31,5.24"),
    ("Recife", "ERR hay una ciudad, pero ninguna temperatura: envía ciudad,máx,mín como en Recife,31,24.5"),
    ("Recife,x,24", "ERR el campo 2 (max) 'x' no es un número: usa grados, por ejemplo 31 o -3.5"),
    ("?Nowhere", "ERR no reading of 'Nowhere' has come: expected a city that has sent one")])
def test_the_server_answers_in_it_and_else_in_english(server, message, reply):
    assert server.ask(message) == reply


def test_the_page_is_in_it_for_a_browser_that_asks_for_it(server):
    page = int(server.out.wait_for(r"http://127\.0\.0\.1:(\d+)/").group(1))
    texts = page_texts(page, "es-MX,es;q=0.9,en;q=0.8")
    assert (texts["hottest"], texts["coldest"]) == ("Ciudad más cálida", "Coldest city")


@needs_terminal
def test_the_prompts_are_in_it_on_a_system_that_speaks_it(spanish, server):
    terminal = Terminal("--service", "temp", "--port", str(server.port), LANGUAGE="es_MX",
                        program=(str(spanish / "client.py"),))
    for prompt, text in (("Ciudad .*exit\\): ", "Recife"), ("Máxima .*vuelve\\): ", "x"),
                         ("'x' no es un número", "31,5"), ("Mínima .*: ", "24"), ("BYE", "?"),
                         ("Ciudad más cálida: Recife con 31,5. Ciudad más fría: Recife con 24.", "exit")):
        terminal.wait_for(prompt)
        terminal.type(text + "\n")
    assert terminal.end()[0] == 0


def test_the_one_file_has_it(spanish, server, tmp_path):
    in_folder(spanish, "client.py", "--one-file", str(tmp_path / "client.pyz"))
    assert in_folder(tmp_path, "client.pyz", "--lang", "es", "--port", "1", "hola", status=1).startswith(
        "No se puede conectar a 127.0.0.1:1: ")
    port = int(server.out.wait_for(r"http://127\.0\.0\.1:(\d+)/").group(1))
    with urllib.request.urlopen("http://127.0.0.1:%d/client.pyz" % port, timeout=PATIENCE) as answer:
        assert answer.read() == (tmp_path / "client.pyz").read_bytes()


def test_the_help_offers_it_and_the_others_still_speak(spanish):
    assert "--lang {en,pt,es}" in in_folder(spanish, "client.py", "--help", LANGUAGE="es")
    assert in_folder(spanish, "client.py", "--help", LANGUAGE="de:pt_PT:es").startswith("uso: ")


@pytest.mark.parametrize("line, problem", [
    ('msgstr "Conectado"', "other fields: 'Connected to {server} from {client}', 'Conectado'"),
    ('msgstr "Conectado a {server} desde {client}', "classroom.po, line "),
    ('msgstr', "classroom.po, line "), ('Conectado', "classroom.po, line ")])
def test_what_does_not_fit_is_told_in_a_line(tmp_path, line, problem):
    """And no catalogue is made of what cannot be read."""
    copy_of_the_programs(tmp_path)
    po = tmp_path / update.po_of("pt").relative_to(ROOT)
    text = po.read_text(encoding="utf-8")
    right = 'msgstr "Conectado a {server} a partir de {client}"'
    po.write_text(text.replace(right, line), encoding="utf-8")
    said = in_folder(tmp_path, "translations/update.py", status=1)
    assert said.splitlines()[-1].startswith(problem)
    assert "Traceback" not in said


def test_a_text_that_is_missing_in_portuguese_is_told(tmp_path):
    copy_of_the_programs(tmp_path)
    po = tmp_path / update.po_of("pt").relative_to(ROOT)
    text = po.read_text(encoding="utf-8")
    po.write_text(text.replace('msgstr "Ouvindo em {address}"', 'msgstr ""'), encoding="utf-8")
    assert "missing: 'Listening on {address}'" in in_folder(
        tmp_path, "translations/update.py", status=1).splitlines()
