"""README.md and docs/: the programs in them work as they stand there, and the links lead somewhere."""

import functools
import queue
import re
import subprocess
import sys
import textwrap
import threading
import types

import code_names
import pytest
from conftest import ENVIRONMENT, PATIENCE, ROOT, ask, run_client, serving

import handlers
from engine import language
from handlers.dashboard.handler import NO_SUCH_PAGE
from handlers.lines import BadMessage, LineHandler
from handlers.temperature.reading import parse
from server import BoundedThreadingTCPServer


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
    ("README.pt-BR.md", "Escrever um serviço", [("ação", "oãça"), ("", "")], "")])
def test_a_service(document, heading, exchanges, shown, capsys):
    handler = service(programs(document)[heading])
    with handler.running(), serving(handler) as server:
        for message, reply in exchanges:
            assert ask(server, message.encode() + b"\n").decode() == reply + "\n"
    assert capsys.readouterr().out == shown


def test_the_server_in_a_program_of_your_own(monkeypatch):
    """It runs as it stands there, but for its port: a free one."""
    made = queue.SimpleQueue()

    class Server(BoundedThreadingTCPServer):
        def __init__(self, address, handler):
            assert address == ("127.0.0.1", 50001)
            super().__init__(("127.0.0.1", 0), handler)
            made.put(self)
    monkeypatch.setattr("server.BoundedThreadingTCPServer", Server)
    program = programs("docs/services.md")["The server"]
    assert program == programs("docs/services.pt-BR.md")["O servidor"]
    thread = threading.Thread(target=exec, args=(program, {}), daemon=True)
    thread.start()
    server = made.get(timeout=PATIENCE)
    port = server.server_address[1]
    assert run_client(port, "hello")[:2] == (0, "hello\n")
    assert server.max_threads == 2
    server.shutdown()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_the_readme_names_every_service():
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


#: The documents, but for those of lesson/.
DOCUMENTS = sorted(path.relative_to(ROOT).as_posix()
                   for path in [*ROOT.glob("README*"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("document", [*DOCUMENTS, "lesson/README.md", "lesson/README.pt-BR.md"])
def test_the_links_of_a_document_lead_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert ((ROOT / document).parent / link).exists(), link
    for path in re.findall(r"`((?:engine|handlers|lesson|talk|tests|benchmarks|docs)/[\w/.]*)`", text):
        assert path in OTHERS or (ROOT / path).exists(), path


#: What the documents name in backticks that others have made: words of Python's library that stand
#: there alone, of systems and commands, of protocols, of the lesson; and what a reader types, gets or makes.
OTHERS = set("""
socketserver json atexit select accept listen recv makefile readline decode put Lock Queue
ThreadingMixIn ThreadingTCPServer
epoll kqueue fsync SO_RCVTIMEO SO_EXCLUSIVEADDRUSE PYTHONIOENCODING WINDOWS_PYTHON Lib DLLs
nc telnet nohup py python python3 python.exe venv wine sqlite3 chcp kill strace sudo npm netsh
axe.min.js axe.run --help -rs --one-file --disable-gil GET HEAD null recvall
UmVjaWZlLDMxLDI0 writeUTF writeChars BinaryWriter Encoding.Unicode ObjectOutputStream PrintWriter Flush() NaN pickle strlen
mended self.hits recife olleh readings.db-wal readings.db-shm
haproxy maxconn upstream proxy_pass send-proxy balancer.cfg maxmemory MULTI EXEC --appendonly --appendfsync psycopg
psycopg.OperationalError numeric
handlers/reverse.py sum.py vote.py longest.py primes.py job.py hosts.txt translations/es LC_MESSAGES/classroom.po
""".split())

#: The same, with spaces in it; and beginnings of what our programs say.
OTHER_SPANS = {
    "hits = 0", "Ana has 303", "except Exception", "if True:", "with lock:",
    "Recife 31 24", "Maceió, AL,30,24", "Ola 1001", "Ola 1189,31", "Ola 1192,quente,24",
    "Recife,1 234,24", "?guas de Lindóia,31,24", "Recife,R$ 31,24", 'Encoding.UTF8.GetBytes(text + "\\n")', "echo -n 'Recife,31,24\\n'",
    "printf 'Recife,31,24\\n'", "new PrintWriter(writer, true)", "sock.sendall(text.encode())", "('Recife', 31, 24)", "send(s, buf, strlen(buf) + 1, 0)", "'Recife,31,24\\n'", '"Recife,31,24\\\\n"', '{"city": "Recife"}',
    '"reset": true', "client.py < NUL", "global client", "import socketserver, argparse, logging",
    'sock.sendall("Recife,31,24\\n".encode())', "TypeError: a bytes-like object is required, not 'str'",
    "check", "mode tcp", "option redispatch 1", "proxy_protocol on", "show servers conn", "commit",
    "ZADD hottest 31 Recife", "ZREVRANGE hottest 0 0", "city text primary key",
    "INSERT ... ON CONFLICT (city) DO UPDATE", "ORDER BY max DESC LIMIT 1",
    "ERR cannot use Redis on 127.0.0.1:6379 (Connection refused): send this again later",
    "no answer within 10 s", "sem resposta em 10 s", "Ouvindo em", "ERR the message is not valid UTF-8",
    "ERR a mensagem não é UTF-8 válido"}


def spans(text):
    """Return what stands in backticks in a document's *text*, outside of its programs and samples."""
    prose = "\n".join(line for line in re.sub(r"^```[\s\S]*?^```$", "", text, flags=re.M).split("\n")
                      if not line.startswith("    "))
    return {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)}


@functools.lru_cache(maxsize=None)
def said():
    """Return all that the programs say to people, in English and in Portuguese."""
    catalogue = language.catalogue("pt")._catalog
    return {*catalogue, *catalogue.values()}


@functools.lru_cache(maxsize=None)
def sentences():
    """Return patterns of what the programs `said`, but for the shortest, with any words for the fields."""
    return [re.compile(re.sub(r"\\\{[^}]*\}|%[\w.]", ".+", re.escape(text)) + "(?: .*)?")
            for text in said() if len(re.sub(r"\{[^}]*\}", "", text)) > 10]


def is_said(span):
    """Tell whether our programs say this, or that and another sentence; "ERR" may come before it, and
    "..." stand for the rest."""
    return any(pattern.fullmatch(text) for pattern in sentences()
               for text in (span, span.replace("ERR ", "", 1), span.replace("ERR ...", "ERR x")))


def is_word(word):
    """Tell whether a *word* is, as it stands there, a file or a text of ours, such as an option; or is
    not ours."""
    return (word in OTHERS or word in said() or word.rstrip("/") in code_names.files()
            or word in code_names.texts(*code_names.PROGRAMS, "benchmarks/*.py", "tests/servers/*.py"))


def is_there(span, own):
    """Tell whether what a *span* names is in the code, is one of its document's *own* names, or not ours."""
    if is_word(span) or span in OTHER_SPANS:
        return True
    first, *others = span.split()
    if first.startswith("-") or first == "python" and others[0] not in ("-c", "-m"):
        return all(is_word(word) for word in [first, *others] if re.match(r"-|.*\.py$", word))
    if others and first in OTHERS:  # a command of somebody else's, or a request for a page of ours
        return all(word in re.split("[ ,]+", NO_SUCH_PAGE) for word in others if word.startswith("/"))
    code = re.fullmatch(r"(?:raise )?([A-Za-z_][\w.]*)(\(.*\))?( \+?= .*)?", span)
    if code:
        name = code.group(1)
        return name in own | OTHERS or code_names.is_ours(name) or code_names.is_of_python(name)
    if others:
        return is_said(span)
    return bool(re.search(r"[^\w./-]|^[\d.]+$", span))  # a sample: neither a name nor a path


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_is_there(document):
    """Whoever renames something in the code is told here where else it stands."""
    text = (ROOT / document).read_text(encoding="utf-8")
    if document.startswith("docs/services."):  # test_services.py makes the mistakes in it
        text = re.sub(r"\n## (What you see|O que aparece)[\s\S]*?(?=\n## )", "", text)
    own = {name for program in re.findall(r"^```python\n([\s\S]*?)^```$", text, re.M)
           for name in code_names.made_in(textwrap.dedent(program))}
    if document.startswith("README"):
        own |= code_names.of_the_lesson()
    assert [span for span in sorted(spans(text)) if not is_there(span, own)] == []


@pytest.mark.parametrize("span, there", [
    ("Registry.hottest", True), ("Registry.warmest", False), ("TemperatureHandler.handle", True),
    ("self.make_way()", True), ("self.give_way()", False), ("handlers.lines", True),
    ("handlers.queues", False), ("engine/books.py", True), ("engine/ledgers.py", False),
    ("--max-threads N", True), ("--most-threads N", False), ("socketserver.ThreadingTCPServer", True),
    ("socketserver.ThreadingTLSServer", False), ("SERVICES", True), ("MENU", False),
    ("python server.py --work 1", True), ("python server.py --toil 1", False),
    ("python serves.py", False), ("GET /state", True), ("GET /status", False), ("Recife,31,24", True),
    ("ERR the service failed on this message: its log says why", True),
    ("ERR the service failed on this message: look into its log", False)])
def test_a_name_that_is_not_there_is_found(span, there):
    assert is_there(span, set()) == there


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
    texts = [re.compile("(ERR )?" + re.sub(r"\\\{[^}]*\}|%[sd]", ".+", re.escape(text)))
             for text in language.catalogue("pt")._catalog.values() if " " in text]
    quoted = [part for line in page.partition("## Em que")[0].splitlines() if line.startswith("| ")
              for part in line.split("`")[1::2] if len(part) >= 30]
    assert len(quoted) > 20
    for reply in quoted:
        assert any(text.match(reply) for text in texts), reply


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
