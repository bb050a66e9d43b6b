"""engine/language.py, translations/: everything that a person reads, in English and in Portuguese."""

import gettext
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from conftest import CLIENT, ENVIRONMENT, PATIENCE, ROOT, Terminal, needs_terminal, run_client, text_of

from engine import language
from handlers.dashboard.page import SCRIPT
from talk import prompts

sys.path.insert(0, str(ROOT / "translations"))
import update  # noqa: E402 - it stands beside what it is about

#: The Portuguese, as people write it.
PO = update.po_of("pt")

PORTUGUESE = dict(ENVIRONMENT, LANGUAGE="pt_BR")


def speaking(**variables):
    """Return an environment in which the system says by these variables alone what it speaks."""
    return {**{name: value for name, value in ENVIRONMENT.items()
               if name not in language.VARIABLES}, **variables}


def run(*command, env=PORTUGUESE, folder=ROOT):
    """Run a program to its end; return (exit status, standard output, standard error)."""
    if command[0] == "client.py" and folder == ROOT:
        command = CLIENT + list(command[1:])
    done = subprocess.run([sys.executable, *command], cwd=str(folder), env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, text_of(done.stdout), text_of(done.stderr)


@pytest.fixture
def portuguese(monkeypatch):
    """This process, and the programs that the test starts, speak Portuguese."""
    monkeypatch.setitem(ENVIRONMENT, "LANGUAGE", "pt_BR")
    monkeypatch.setattr(language, "_chosen", language.catalogue("pt"))


# The catalogue


def test_no_text_is_missing_left_over_or_has_other_fields():
    pairs = update.read_po(PO)
    assert (list(update.problems(pairs)), update.missing(pairs)) == ([], [])


def test_what_is_missing_left_over_or_different_is_found():
    pairs = update.read_po(PO)
    text = "Listening on {address}"
    for change, problem in (({text: "Ouvindo"}, "other fields"),
                            ({"Nobody says this": "Ninguém diz isto"}, "left over")):
        assert [problem in line for line in update.problems({**pairs, **change})] == [True]
    assert update.missing({**pairs, text: ""}) == [text]
    del pairs[text]
    assert update.missing(pairs) == [text]


def test_a_word_may_have_a_context_and_need_not(tmp_path):
    po = tmp_path / "classroom.po"
    po.write_text('msgctxt "one client"\nmsgid "refused"\nmsgstr "recusado"\n\n'
                  'msgid "refused"\nmsgstr "recusados"\n', encoding="utf-8")
    pairs = update.read_po(po)
    assert pairs == {"one client\x04refused": "recusado", "refused": "recusados"}
    read = gettext.GNUTranslations(io.BytesIO(update.mo_of({"": "Content-Type: text/plain; charset=UTF-8\n", **pairs})))
    assert (read.pgettext("one client", "refused"), read.gettext("refused")) == ("recusado", "recusados")
    pairs = {**update.read_po(PO), "of nobody\x04refused": "recusada"}
    assert ["left over" in line for line in update.problems(pairs)] == [True]


def test_the_mo_was_made_from_the_po():
    """Else: python translations/update.py"""
    pairs = update.read_po(PO)
    assert PO.with_suffix(".mo").read_bytes() == update.mo_of(pairs)
    with PO.with_suffix(".mo").open("rb") as file:
        read = gettext.GNUTranslations(file)
    assert {text: read.pgettext(*text.split("\x04")) if "\x04" in text else read.gettext(text)
            for text in pairs if text} == {text: translated for text, translated in pairs.items() if text}


#: One word for one thing: what is not written, and what is. Only "connect" has two forms: conectar-se, se conectar.
OTHER_WORDS = {
    r"\bpaine(l|is)\b": "p\u00e1gina", r"\bvagas?\b.{0,12} em uso\b": "ocupada", r"\besperad[oa]\b|\besperava\b": "use, envie",
    r"(?<!se )\bconectar\b(?!-se)|\bConecte\b(?!-se)": "conectar-se",
    r"\bargumento --": "op\u00e7\u00e3o", r"\b(FILE|MESSAGE|NAME)\b": "ARQUIVO, MENSAGEM, NOME", r"\d (INFO|WARNING|ERROR|DEBUG) ": "NOTA, AVISO, ERRO, DETALHE"}


def other_words(text):
    """Yield what stands in a Portuguese *text* for what has another word everywhere else."""
    for found, word in ((re.search(pattern, text), word) for pattern, word in OTHER_WORDS.items()):
        if found:
            yield "{!r}: {}".format(found.group(), word)


def test_one_word_for_one_thing_in_the_programs():
    assert [(translated, *other_words(translated)) for translated in update.read_po(PO).values()
            if list(other_words(translated))] == []


@pytest.mark.parametrize("document", [path.relative_to(ROOT).as_posix() for folder in (".", "docs", "lesson")
                                      for path in (ROOT / folder).glob("*.pt-BR.md")])
def test_one_word_for_one_thing_in_a_document(document):
    """But in programs, which are as in English, and where it tells what was expected."""
    text = re.sub(r"^```[\s\S]*?^```$|e o que era esperado|\"o que era esperado\"", "",
                  (ROOT / document).read_text(encoding="utf-8"), flags=re.M)
    assert list(other_words(text)) == []


@pytest.mark.parametrize("text", ["O painel", "12 vagas em uso", "era esperado", "n\u00e3o consegue conectar",
                                  "outro --db FILE", "argumento --host", "01:31:50 INFO Cliente"])
def test_another_word_is_found(text):
    assert len(list(other_words(text))) == 1
    assert list(other_words("conectar-se, se conectar; a porta est\u00e1 em uso; NOTA Cliente")) == []


# Which language


@pytest.mark.parametrize("program", ["server.py", "client.py"])
@pytest.mark.parametrize("said, expected", [
    ({"LANGUAGE": "pt_BR"}, "uso: "), ({"LANGUAGE": "de:pt_PT:en"}, "uso: "),
    ({"LC_ALL": "pt_BR.UTF-8", "LANG": "en_US"}, "uso: "), ({"LC_MESSAGES": "pt_PT"}, "uso: "),
    ({"LANG": "pt_BR.UTF-8"}, "uso: "), ({"LANG": "de_DE.UTF-8"}, "usage: "),
    ({"LC_ALL": "C", "LANG": "pt_BR.UTF-8"}, "usage: "),
    ({"LC_ALL": "C", "LANG": "pt_BR.UTF-8", "LANGUAGE": "pt_BR:pt:en"}, "usage: "),
    ({"LANG": "POSIX", "LANGUAGE": "pt"}, "usage: "),
    ({"LC_ALL": "C.UTF-8", "LANGUAGE": "pt_BR:pt:en"}, "uso: "), ({"LANGUAGE": "en:pt"}, "usage: ")])
def test_the_system_says_which(program, said, expected):
    status, output, _ = run(program, "--help", env=speaking(**said))
    assert status == 0 and output.startswith(expected)


@pytest.mark.parametrize("program", ["server.py", "client.py"])
def test_the_user_decides_otherwise(program):
    assert run(program, "--help", "--lang", "en")[1].startswith("usage: ")
    assert run(program, "--lang=pt", "--help", env=ENVIRONMENT)[1].startswith("uso: ")
    status, _, problem = run(program, "--lang", "pt", "--port", "x")
    assert status == 2 and "--port: use uma porta" in problem
    status, _, problem = run(program, "--lang", "xx", env=ENVIRONMENT)
    assert status == 2 and "argument --lang: invalid choice: 'xx'" in problem
    assert problem.count("\n") == 1


def test_windows_says_it_with_a_number(monkeypatch):
    class Kernel:
        GetUserDefaultUILanguage = staticmethod(lambda: 0x0416)
    import ctypes
    monkeypatch.setattr(language.os, "name", "nt")
    monkeypatch.setattr(ctypes, "windll", type("", (), {"kernel32": Kernel}), raising=False)
    for name in language.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert language.of_the_system() == "pt"
    Kernel.GetUserDefaultUILanguage = staticmethod(lambda: 0x0409)
    assert language.of_the_system() == "en"


@pytest.mark.parametrize("damage", [
    lambda mo: mo.write_bytes(b""), lambda mo: mo.write_bytes(mo.read_bytes()[:20000]),
    lambda mo: mo.write_bytes(b"no catalogue at all"), lambda mo: mo.unlink() or mo.mkdir(),
    lambda mo: mo.write_bytes(mo.read_bytes().replace(b"charset=UTF-8", b"charset=NOONE"))])
def test_where_the_catalogue_is_damaged_there_is_english(tmp_path, damage):
    for name in "engine", "handlers", "talk", "translations":
        shutil.copytree(str(ROOT / name), str(tmp_path / name),
                        copy_function=shutil.copyfile)  # for copy2 Wine lacks a call of Windows
    for name in "server.py", "client.py":
        shutil.copy(str(ROOT / name), str(tmp_path))
    damage(tmp_path / PO.with_suffix(".mo").relative_to(ROOT))
    for program in "server.py", "client.py":
        status, output, problem = run(program, "--lang", "pt", "--help", folder=tmp_path)
        assert (status, problem) == (0, "") and output.startswith("usage: ")
    status, _, problem = run("server.py", "--host", "nowhere.invalid", "--dashboard", "0",
                             folder=tmp_path)
    assert status == 1 and problem.startswith("server.py: cannot listen on nowhere.invalid:")


@pytest.mark.parametrize("program", ["server.py", "client.py"])
def test_what_an_output_cannot_show_is_written_as_escapes(program):
    status, output, problem = run(program, "--help", env=dict(PORTUGUESE, PYTHONIOENCODING="ascii"))
    assert (status, problem) == (0, "") and "padr\\xe3o" in output


# What people read


@pytest.mark.parametrize("message, reply", [
    ("Recife,31,24", "BYE"), ("?", "hottest,Recife,31,coldest,Recife,24,cities,1"),
    ("Recife,a,24", "ERR o campo 2 (max) 'a' não é um número: use graus, por exemplo 31 ou -3.5"),
    ("Recife;31;24", "ERR os campos estão separados por ponto e vírgula: use vírgulas, "
                     "como em Recife,31,24"),
    ("", "ERR a mensagem está vazia: envie cidade,max,min como em Recife,31,24.5"),
    ("?Natal", "ERR não chegou nenhuma leitura de 'Natal': pergunte por uma cidade que já enviou leituras"),
    ("GET / HTTP/1.0", "HTTP/1.0 400 Bad Request\r\n")])
def test_replies(portuguese, start_server, message, reply):
    """What programs read is the same: BYE, ERR, the fields of a query."""
    server = start_server("--service", "temp", listening="Ouvindo em")
    server.ask("Recife,31,24")
    answer = server.ask(message)
    assert answer == reply or answer.startswith("HTTP") and answer.startswith(reply)


def test_the_log_and_the_totals(portuguese, start_server):
    server = start_server("--service", "temp", listening="Ouvindo em")
    server.ask("Recife,31.5,24")
    server.out.wait_for("Cidade mais quente: Recife com 31,5\nCidade mais fria: Recife com 24\n")
    server.err.wait_for(r"NOTA Cliente 127\.0\.0\.1:\d+ atendido em 0,\d{3} s\.")
    server.ask("Recife,a,24")
    server.err.wait_for(r"NOTA Cliente \S+: ERR o campo 2 \(max\) 'a' não é um número")
    with server.connect() as connection:
        connection.sendall(b"half")
    server.err.wait_for(r"NOTA O cliente \S+ foi embora: fechou a conexão no meio de uma mensagem\.")
    assert server.stop() == 0
    assert server.out.all().splitlines()[-1].startswith("Encerrado: aceitos 3, atendidos 2, ")


def test_what_keeps_the_server_from_starting(portuguese, start_server):
    port = start_server(listening="Ouvindo em").port
    status, _, problem = run("server.py", "--port", str(port))
    assert (status, problem.count("\n")) == (1, 1)
    assert problem.startswith("server.py: não é possível ouvir em 127.0.0.1:")
    status, _, problem = run("server.py", "--port", "0", "--service", "temp", "--db", "no/such.db")
    assert status == 1 and "não existe a pasta" in problem
    status, _, problem = run("server.py", "--host", "127.0.0.1:80")
    assert status == 2 and "use --host 127.0.0.1 --port 80" in problem


def test_the_client(portuguese, start_server):
    port = start_server("--service", "temp", listening="Ouvindo em").port
    status, output, problem = run_client(port, "--service", "temp", text="a,b,c\nRecife;31,5;24\nx\n")
    assert status == 1
    assert output.splitlines()[0] == "BYE" and "há uma cidade, mas nenhuma temperatura" in output
    assert problem == ("Esta linha é um cabeçalho e não será enviada: a,b,c\n"
                       "1 linha(s) aceita(s), 1 recusada(s): linha 3\n")
    status, output, _ = run_client(port, "--service", "temp", "--crowd", "3")
    assert status == 0 and "Respostas 3, erros 0, tempo total 0," in output
    status, _, problem = run_client(port, "-;3")
    assert status == 2 and "; se a mensagem começa com um sinal de menos, escreva --" in problem


@pytest.mark.parametrize("count, word, said", [
    (1, "refused", "recusado"), (3, "refused", "recusados"), (1, "closed", "desconectado"),
    (2, "closed", "desconectados"), (1, "timed out", "tempo esgotado"), (2, "timed out", "tempo esgotado"),
    (1, "mixed up", "trocada"), (4, "mixed up", "trocadas"), (5, "ERR", "ERR")])
def test_one_client_and_several(portuguese, count, word, said):
    assert language.of_clients(count, word) == said


def test_one_client_is_refused_and_several_are(portuguese):
    """Nobody listens at that port: it is bound, and so no other program has it."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for count, total in (1, "recusado (1): "), (2, "recusados (2): "):
            status, output, _ = run_client(nobody.getsockname()[1], "--crowd", str(count))
            assert (status, output.count(" s recusado\n")) == (1, count) and "\n" + total in output


@pytest.mark.parametrize("program, spoken, values", [
    ("server.py", "pt", ["--service NOME", "--db ARQUIVO", "--dashboard [PORTA]"]),
    ("server.py", "en", ["--service NAME", "--db FILE", "--dashboard [PORT]"]),
    ("client.py", "pt", ["[MENSAGEM ", "--service NOME", "--csv ARQUIVO", "--from VERIFICA\u00c7\u00c3O"]),
    ("client.py", "en", ["[MESSAGE ", "--service NAME", "--csv FILE", "--from CHECK"])])
def test_the_help_names_values_in_the_language(program, spoken, values):
    output = " ".join(run(program, "--help", "--lang", spoken)[1].split())
    assert [value for value in values if value not in output] == []
    other = "NAME FILE MESSAGE" if spoken == "pt" else "NOME ARQUIVO MENSAGEM"
    assert [word for word in other.split() if re.search(r"\b{}\b".format(word), output)] == []


#: A program that logs before and after the log is set up.
LEVELS = """
import logging, sys
from engine import language, output
print(logging.getLevelName(logging.WARNING))
language.choose(sys.argv[1])
output.prepare_output(False, True)
for level in logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL:
    logging.log(level, "-")
logging.getLogger().setLevel("WARNING")
"""


@pytest.mark.parametrize("spoken, names", [
    ("en", "DEBUG INFO WARNING ERROR CRITICAL"), ("pt", "DETALHE NOTA AVISO ERRO GRAVE")])
def test_the_log_names_its_levels_in_the_language(spoken, names):
    """From when it is set up, not from the import on; a program may still set them by their English names."""
    status, output, log = run("-c", LEVELS, spoken)
    assert (status, output) == (0, "WARNING\n")
    assert re.findall(r"^\d\d:\d\d:\d\d (\w+) -$", log, re.M) == names.split()


def test_each_may_speak_its_own_language(portuguese, start_server):
    """The client knows the other service whatever the server speaks."""
    port = start_server("--service", "temp", listening="Ouvindo em").port
    _, output, hint = run_client(port, "hello", env=dict(ENVIRONMENT, LANGUAGE="en"))
    assert output.startswith("ERR há uma cidade") and "it runs the service temp" in hint


@needs_terminal
def test_at_the_prompt_numbers_may_have_a_comma_and_are_shown_with_one(portuguese, start_server):
    port = start_server("--service", "temp", listening="Ouvindo em").port
    terminal = Terminal("--service", "temp", "--port", str(port))
    terminal.wait_for("Cidade .*: ")
    terminal.type("ajuda\n")
    terminal.wait_for("linha vazia +encerra; sair também\nCidade .*: ")
    for text, prompt in (("Recife", "Máxima"), ("31,5", "Mínima"), ("x", "'x' não é um número"),
                         ("24.5", "BYE"), ("?", "mais quente: Recife com 31,5. .* com 24,5. ")):
        terminal.type(text + "\n")
        terminal.wait_for(prompt)
    terminal.wait_for("Cidade .*: ")
    terminal.type("sair\n")
    assert terminal.end()[0] == 0


def test_a_prompt_leaves_room_for_what_is_typed():
    """On a terminal of 80 columns."""
    for prompt in (prompts.ASK_MESSAGE, prompts.ASK_CITY, prompts.ASK_MAXIMUM,
                   prompts.ASK_MINIMUM):
        for spoken in "en", "pt":
            assert len(language.catalogue(spoken).gettext(prompt)) <= 65


# The page


def page_texts(port, accepts):
    """Return what people read on the page, when a browser *accepts* these languages."""
    request = urllib.request.Request("http://127.0.0.1:%d/" % port,
                                     headers={"Accept-Language": accepts})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        page = answer.read().decode()
    return json.loads(re.search('id="texts">(.*?)</script>', page, re.DOTALL).group(1))


@pytest.mark.parametrize("options, accepts, expected", [
    ([], "pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"), ([], "de-AT, pt-PT;q=0.5", "pt-BR"), ([], "", "en"),
    ([], "en-US,pt;q=0.9", "en"), (["--lang", "en"], "pt-BR", "en"), (["--lang", "pt"], "en", "pt-BR")])
def test_the_page_speaks_as_the_browser_does(start_server, options, accepts, expected):
    server = start_server("--dashboard", "0", *options, listening="(?:Listening on|Ouvindo em)")
    port = int(server.out.wait_for(r"http://127\.0\.0\.1:(\d+)/").group(1))
    texts = page_texts(port, accepts)
    assert texts["language"] == expected
    assert texts["hottest"] == ("Hottest city" if expected == "en" else "Cidade mais quente")
    with pytest.raises(urllib.error.HTTPError) as problem:
        urllib.request.urlopen(urllib.request.Request(
            "http://127.0.0.1:%d/nothing" % port, headers={"Accept-Language": accepts}))
    with problem.value as answer:
        assert ("There is nothing" if expected == "en" else "Não há nada") in answer.read().decode()


def test_every_text_of_the_page_is_used():
    folder = ROOT / "handlers" / "dashboard"
    used = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in (
        "page.html", "page.py", *SCRIPT))
    texts = json.loads(folder.joinpath("texts.json").read_text(encoding="utf-8"))
    for name in texts:
        assert re.search(r"TEXTS\.{0}\b|\"{0}\"".format(name), used), name


def test_an_old_console_can_show_every_text_of_the_programs():
    """Code page 850 is that of Windows consoles in Brazil and western Europe."""
    page = update.texts_of_the_page()
    for text, translated in update.read_po(PO).items():
        if text not in page:
            text.encode("cp850")
            translated.encode("cp850")
