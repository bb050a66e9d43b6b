"""Documents in Portuguese: none is older than its English twin, and what stands in both is the same."""

import functools
import re
import statistics

import pytest
from conftest import ROOT, run_client
from test_docs import spans
from test_language import PO, update

from engine import language
from talk.crowd.judging import MIXED_UP, MIXED_UP_REASON
from talk.crowd.picture import LEGEND
from talk.crowd.report import REASON, SUMMARY, SUMMARY_OF_WAITS

import twins  # noqa: E402 - it stands beside update.py, which test_language has found

TWINS = twins.twins()


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def each_twin(test):
    return pytest.mark.parametrize("english, portuguese", TWINS, ids=[name_of(pair[1]) for pair in TWINS])(test)


@each_twin
def test_no_twin_is_older_or_built_otherwise(english, portuguese):
    """Else: bring it up to date, then python translations/twins.py and its name."""
    assert [*twins.what_is_older(english, portuguese), *twins.what_is_otherwise(english, portuguese)] == []


@each_twin
def test_each_twin_leads_to_the_other(english, portuguese):
    for path, other, words in ((english, portuguese, "Em português"), (portuguese, english, "In English")):
        line = path.read_text(encoding="utf-8").splitlines()[2]
        assert line.startswith("*([{}]({}))* ".format(words, other.name))


@each_twin
def test_a_portuguese_document_leads_to_portuguese_ones(english, portuguese):
    """Where there is one; where there is none, it says that the other is in English."""
    known = {pair[0].resolve(): pair[1].name for pair in TWINS}
    text = portuguese.read_text(encoding="utf-8").split("\n", 3)[3]
    for link, path, after in re.findall(r"(\]\(((?!http)[^)#]+\.md)[^)]*\))(.{0,14})", text, re.S):
        target = (portuguese.parent / path).resolve()
        assert target not in known, link
        if not path.endswith(twins.PORTUGUESE):
            assert "em inglês" in after.replace("\n", " "), link


def commands(text):
    """Return the commands in a document, in order; what stands in quotes, and a check's name, is in its language."""
    found = re.findall(r"^ {4,}((?:python|py|echo|nc) .*)$|`(python [^`]*)`", text, re.M)
    return [re.sub(r'"[^"]*"|(?<=--from )\S+', '""', " ".join((block or span).split())) for block, span in found]


@each_twin
def test_both_have_the_same_commands(english, portuguese):
    assert commands(twins.text_of(english)) == commands(twins.text_of(portuguese))


@functools.lru_cache(None)
def pattern(text):
    """Return a pattern for what is made of a *text* when its fields are filled in, and more behind it."""
    return re.compile(re.sub(r"\\\{[^}]*\}|%[sd]", ".+", re.escape(text)))


#: What the programs say, without short words: the longest part between fields; the text; in Portuguese.
SAID = [(max(re.split(r"\{[^}]*\}|%[sd]", text), key=len), text, translated)
        for text, translated in update.read_po(PO).items() if len(re.sub(r"\{[^}]*\}", "", text)) > 25]


def samples(path):
    """Return the lines of a document's samples, those that go on in the next line as one."""
    return [" ".join(line.split()) for block in re.findall(r"(?:^    .*\n)+", twins.text_of(path), re.M)
            for line in [*block.splitlines(), block]]


@each_twin
def test_what_the_programs_say_in_a_sample_they_say_in_the_twins_in_portuguese(english, portuguese):
    ours, theirs = "\n".join(samples(english)), "\n".join(samples(portuguese))
    for part, text, translated in SAID:
        said = part in ours and pattern(text).search(ours)  # the first is quicker
        assert not said or pattern(translated).search(theirs), said


@each_twin
def test_what_a_document_quotes_in_english_its_twin_quotes_in_portuguese(english, portuguese):
    theirs = [span.replace("ERR ", "", 1) for span in spans(twins.text_of(portuguese))]
    for span in spans(twins.text_of(english)):
        span = span.replace("ERR ", "", 1)
        translations = [pattern(translated) for part, text, translated in SAID if part in "ERR " + span and (
            pattern(text).match(span) or pattern(text).match("ERR " + span))]
        assert not translations or any(translated.search(prefix + other) for translated in translations
                                       for other in theirs for prefix in ("", "ERR ")), span


def test_the_json_of_the_page_is_the_same_but_for_a_reply():
    """In Portuguese its words are told, too: each stands there in backticks."""
    shown, told = [], []
    for name in "page.md", "page.pt-BR.md":
        text = twins.text_of(ROOT / "docs" / name)
        shown.append(re.sub('"ERR .*?"', '""', re.search(r'^    {"service[\s\S]*?}}$', text, re.M).group()))
        told.append(spans(text.partition(shown[-1][-20:])[2]))
    assert shown[0] == shown[1] and told[0] <= told[1]


def test_most_documents_of_a_class_have_a_twin():
    names = [name_of(portuguese) for english, portuguese in TWINS]
    assert {"README.pt-BR.md", "lesson/README.pt-BR.md", "docs/experiment.pt-BR.md", "docs/protocol.pt-BR.md",
            "docs/mistakes.pt-BR.md", "docs/examine.pt-BR.md", "docs/services.pt-BR.md", "docs/page.pt-BR.md",
            "docs/growing.pt-BR.md"} <= set(names)


# Which is older

ENGLISH = """# A title

Some words.

## First

- one
- two

```python
# no heading
```

## Second

| a | b |
|---|---|
| c | d |
"""


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Two documents, of which the second is up to date."""
    monkeypatch.setattr(twins, "ROOT", tmp_path)
    english, portuguese = tmp_path / "a.md", tmp_path / "a.pt-BR.md"
    english.write_text(ENGLISH, encoding="utf-8")
    portuguese.write_text(ENGLISH.replace("words", "palavras"), encoding="utf-8")
    twins.mark(english, portuguese)
    assert twins.twins() == [(english, portuguese)]
    return english, portuguese


@pytest.mark.parametrize("old, new, found", [
    ("Some words.", "Some\nwords.", []), ("Some words.", "Other words.", ["'A title' has changed"]),
    ("## Second", "## The second", ["'The second' has changed"]),
    ("- two", "- three\n- four", ["'First' has changed", "part 5 is 'program python', in English 'item'"]),
    ("| c | d |", "| c | d |\n| e | f |", ["'Second' has changed", "is 'not there', in English 'row of 2'"]),
    ("# no heading", "# none", ["'First' has changed"]),
    ("## Second", "Second", ["has 2 sections, it was made of 3", "in English 'row of 2'"])])
def test_what_has_changed_in_english_is_found(pair, old, new, found):
    english, portuguese = pair
    assert twins.main([]) == 0
    english.write_text(ENGLISH.replace(old, new), encoding="utf-8")
    lines = [*twins.what_is_older(*pair), *twins.what_is_otherwise(*pair)]
    assert [part in line for part, line in zip(found, lines)] == [True] * len(found) == [True] * len(lines)
    assert all(line.startswith("a.pt-BR.md: ") for line in lines)
    assert twins.main([]) == (1 if found else 0)


def test_who_has_brought_a_twin_up_to_date_says_so(pair, capsys):
    english, portuguese = pair
    english.write_text(ENGLISH.replace("Some words", "Other words"), encoding="utf-8")
    assert twins.main([]) == 1
    assert twins.main([str(portuguese)]) == 0
    assert portuguese.read_text(encoding="utf-8").count(twins.MARK.partition("{")[0]) == 1
    assert twins.main(["a.md"]) == 2 and "expected the name of a document in Portuguese" in capsys.readouterr().out


def test_a_twin_that_does_not_say_of_what_it_was_made(pair):
    english, portuguese = pair
    portuguese.write_text("# Um título\n", encoding="utf-8")
    assert "does not say" in next(twins.what_is_older(english, portuguese))


# What docs/experiment.md shows, in both languages

EXPERIMENTS = [("en", "experiment.md"), ("pt", "experiment.pt-BR.md")]
STAIRCASE, STEPS, WALL = list(range(1, 13)), [1] * 4 + [2] * 4 + [3] * 4, [1] * 12


def pictures(document):
    """Return the pictures in a document, each as its lines."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return [[line[4:] for line in block.splitlines()] for block in re.findall(r"^    · [\s\S]*?\n(?=\n)", text, re.M)]


def rows(picture):
    """Return the rows of a picture: number, bar, seconds, what is wrong."""
    found = [re.fullmatch(r" ?(\d+) (·*█+) (\d+[.,]\d+) s ?(.*)", line) for line in picture]
    return [(int(row[1]), row[2], float(row[3].replace(",", ".")), row[4]) for row in found if row]


def spoken_pattern(spoken, text):
    return pattern(language.catalogue(spoken).gettext(text)).pattern


@pytest.mark.parametrize("spoken, document", EXPERIMENTS)
@pytest.mark.parametrize("place, clients, floors", [
    (0, 12, STAIRCASE), (1, 12, STEPS), (2, 12, WALL), (3, 12, None), (4, 12, None), (5, 12, None), (6, 6, None)])
def test_a_picture_is_that_of_a_run(spoken, document, place, clients, floors):
    """In order, each bar as long as its seconds, each figure below it that of the rows."""
    legend, *lines = pictures(document)[place]
    assert re.fullmatch(spoken_pattern(spoken, LEGEND), legend)
    drawn = rows(lines)
    assert sorted(number for number, *rest in drawn) == list(range(1, clients + 1))
    seconds = [row[2] for row in drawn]
    assert seconds == sorted(seconds)
    for number, bar, waited, wrong in drawn:
        assert abs(len(bar) / len(drawn[-1][1]) - waited / seconds[-1]) < 0.03
    assert floors is None or [int(waited) for waited in seconds] == floors
    told = " ".join(lines[clients + 1:])
    figures = [float(figure.replace(",", ".")) for figure in re.findall(r"\d+[.,]\d+", told)]
    right = [waited for number, bar, waited, wrong in drawn if not wrong]
    assert re.match("{} {}".format(spoken_pattern(spoken, SUMMARY), spoken_pattern(spoken, SUMMARY_OF_WAITS)), told)
    assert figures[:2] == [seconds[-1], max(right)] and abs(figures[2] - statistics.median(right)) < 0.002
    assert abs(figures[3] - len(right) / seconds[-1]) < 0.1 + 0.02 * figures[3]


@pytest.mark.parametrize("spoken, document", EXPERIMENTS)
def test_the_picture_of_replies_that_are_mixed_up(spoken, document):
    lines = pictures(document)[6]
    wrong = [row[3] for row in rows(lines) if row[3]]
    word = "mixed up" if spoken == "en" else "trocada"
    assert wrong == [word] * 5
    reason = language.catalogue(spoken).gettext(MIXED_UP_REASON)
    told = language.catalogue(spoken).gettext(REASON).format(
        count=5, outcome=language.catalogue(spoken).gettext(MIXED_UP), reason=reason)
    assert re.search(pattern(told).pattern + "$", " ".join(lines))


@pytest.mark.parametrize("place, floors, work", [(0, STAIRCASE, 0.06), (1, STEPS, 0.4), (2, WALL, 0.4)])
def test_the_servers_of_the_first_three_pictures(start_server, tmp_path, place, floors, work):
    """They do as they are drawn, in less time."""
    lines = [re.findall(r"^    python server\.py (--work .*)$", twins.text_of(ROOT / "docs" / document), re.M)
             for spoken, document in EXPERIMENTS]
    assert lines[0] == lines[1] and len(lines[0]) == 3
    server = start_server(*lines[0][place].replace("--work 1", "--work {}".format(work)).split())
    times = tmp_path / "times.csv"
    status, out, err = run_client(server.port, "--crowd", "12", "--csv", str(times))
    assert (status, err) == (0, ""), out
    header, *lines = times.read_text(encoding="utf-8").splitlines()
    for spoken, document in EXPERIMENTS:
        assert "    " + header in twins.text_of(ROOT / "docs" / document).splitlines()
    replied = sorted(float(line.rpartition(",")[2]) for line in lines)
    for floor, seconds in zip(floors, replied):
        assert seconds >= 0.9 * floor * work  # a clock may tick every 16 ms only
    assert floors[-1] == 12 or replied[-1] < 12 * work
