"""README.md and docs/: the programs in them work as they stand there, and the links lead somewhere."""

import re
import subprocess
import sys
import types

import pytest
from conftest import ENVIRONMENT, PATIENCE, ROOT, ask, serving

import handlers
from engine import language
from handlers.lines import BadMessage, LineHandler
from handlers.temperature.reading import parse


def programs(name):
    """Return the Python programs in a document, each with the heading that it stands under."""
    found = []
    heading = ""
    for part in re.split(r"^(```python\n[\s\S]*?^```|#+ .*)$",
                         (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE):
        if part.startswith("#"):
            heading = part.lstrip("# ")
        elif part.startswith("```python"):
            found.append((heading, part[len("```python\n"):-len("```")]))
    return dict(found)


def service(program):
    """Run a document's *program*; return the handler class in it."""
    module = types.ModuleType("service")
    exec(program, module.__dict__)
    return next(value for value in vars(module).values() if isinstance(value, type)
                and issubclass(value, LineHandler) and value is not LineHandler)


@pytest.mark.parametrize("document, heading, exchanges, shown", [
    ("README.md", "Write a service", [("ação", "oãça"), ("", "")], ""),
    ("README.pt-BR.md", "Escrever um serviço", [("ação", "oãça"), ("", "")], ""),
    ("docs/services.md", "Plain", [("2 3.5", "5.5"), ("", "0"), (
        "two", "ERR expected numbers with spaces between them, such as 2 3.5")], ""),
    ("docs/services.md", "Shared state, with a lock", [("Ana", "Ana has 1"), ("Zé", "Zé has 1"),
                                                        ("Ana", "Ana has 2")], ""),
    ("docs/services.md", "A queue and a consumer", [("a word", "BYE"), ("longer", "BYE")],
     "Longest word: a\nLongest word: word\nLongest word: longer\n"),
    ("docs/services.md", "Services that wait", [("job", "BYE")], "")])
def test_a_service(document, heading, exchanges, shown, capsys):
    handler = service(programs(document)[heading])
    with handler.running(), serving(handler) as server:
        for message, reply in exchanges:
            assert ask(server, message.encode() + b"\n").decode() == reply + "\n"
    assert capsys.readouterr().out == shown


def test_every_program_of_services_md_is_tried_above():
    assert len(programs("docs/services.md")) == 4
    assert all(name in (ROOT / "README.md").read_text(encoding="utf-8")
               for name in handlers.SERVICES)


@pytest.mark.parametrize("document, heading", [
    ("README.md", "Your own client"), ("README.pt-BR.md", "O seu próprio cliente")])
def test_your_own_client(start_server, document, heading):
    server = start_server("--service", "temp")
    program = programs(document)[heading].replace("50000", str(server.port))
    done = subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, timeout=PATIENCE,
                          stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().strip() == "BYE"


@pytest.mark.parametrize("document", sorted(
    str(path.relative_to(ROOT)) for path in [*ROOT.glob("README*"), *(ROOT / "docs").glob("*.md"),
                                             *(ROOT / "lesson").glob("*.md")]))
def test_what_a_document_names_is_there(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert ((ROOT / document).parent / link).exists(), link
    for path in re.findall(r"`((?:engine|handlers|lesson|talk|tests|benchmarks|docs)/[\w/.]*)`", text):
        if path != "handlers/reverse.py":
            assert (ROOT / path).exists(), path


def test_the_readme_is_for_five_minutes():
    for readme in ROOT.glob("README*"):
        assert len(readme.read_text(encoding="utf-8").splitlines()) <= 200


def test_what_the_lessons_table_points_at_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"`([A-Z]\w+)\.(\w+)`,? in `([\w/.]+)`", text)
    assert len(rows) >= 4
    for owner, name, path in rows:
        source = (ROOT / path).read_text(encoding="utf-8")
        body = source[source.index("class " + owner):]
        assert re.search(r"def {}\(".format(name), body), (owner, name, path)
    source = (ROOT / "server.py").read_text(encoding="utf-8")
    for name in "process_request", "process_request_thread", "service_actions":
        assert "def {}(".format(name) in source and "`{}`".format(name) in text


def mistakes_of_temperatures(document):
    """Return the rows of a document's table whose message stands there as it is."""
    table = (ROOT / "docs" / document).read_text(encoding="utf-8").partition("## Temp")[2]
    return re.findall(r"^\| `([^`?]+)` \| `([^`]+)` \|$", table, re.M)


@pytest.mark.parametrize("spoken, message, reply", [
    (spoken, *row) for spoken, document in (("en", "mistakes.md"), ("pt", "mistakes.pt-BR.md"))
    for row in mistakes_of_temperatures(document)])
def test_the_table_of_mistakes_is_true(monkeypatch, spoken, message, reply):
    monkeypatch.setattr(language, "_chosen", language.catalogue(spoken))
    with pytest.raises(BadMessage) as raised:
        parse(message)
    assert str(raised.value) == reply


def test_both_tables_of_mistakes_have_the_same_messages():
    english, portuguese = map(mistakes_of_temperatures, ("mistakes.md", "mistakes.pt-BR.md"))
    assert [message for message, _ in english] == [message for message, _ in portuguese]
    assert len(english) >= 9


def test_the_replies_in_the_portuguese_page_of_mistakes_are_in_the_catalogue():
    """Those with fields too: as patterns."""
    page = (ROOT / "docs" / "mistakes.pt-BR.md").read_text(encoding="utf-8")
    texts = [re.sub(r"\\\{[^}]*\}|%[sd]", ".+", re.escape(text))
             for text in language.catalogue("pt")._catalog.values() if " " in text]
    quoted = [part for line in page.partition("## No seu")[0].splitlines() if line.startswith("| ")
              for part in line.split("`")[1::2] if len(part) >= 30]
    assert len(quoted) > 20
    for reply in quoted:
        assert any(re.match(text, reply) for text in texts), reply


def test_the_readme_in_portuguese_has_the_same_commands_and_rows():
    english, portuguese = [(ROOT / name).read_text(encoding="utf-8").splitlines()
                           for name in ("README.md", "README.pt-BR.md")]
    for line in english:
        if re.match(r"    (python|py|echo) ?\S", line):
            assert line in portuguese, line
    rows = [[line for line in lines if re.match(r"\|.*\| (`python |the same|o mesmo)", line)]
            for lines in (english, portuguese)]
    assert len(rows[0]) == len(rows[1]) > 5
    for one, other in zip(*rows):
        assert set(re.findall("`[^`]+`", one)) == set(re.findall("`[^`]+`", other))
    assert "README.pt-BR.md" in english[2] and "README.md" in portuguese[2]
