"""The documents in Portuguese, each beside its English twin: which is older, and where.

    python translations/twins.py

says which sections of an English document were changed after its twin was made of it, and which twin is
built otherwise. Whoever has brought a twin up to date says so:

    python translations/twins.py docs/protocol.pt-BR.md

Then its last line tells of what English it was made: a digest for each section. Where lines break does
not matter.
"""

import hashlib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

#: How the name of a twin ends; and that of the English one.
PORTUGUESE, ENGLISH = ".pt-BR.md", ".md"

#: Its last line, which a reader does not see.
MARK = "<!-- Made of the English sections {} -->"

#: A heading; the beginning, or the end, of a program; a line of a table, of a list, of a sample.
HEADING, FENCE, ROW, ITEM, SAMPLE = r"#+ ", "```", r"\|", r"- |\d+\. ", r"    +\S"


def twins():
    """Return the documents that have a twin in Portuguese, as pairs of paths: English, Portuguese."""
    return [(path.with_name(path.name.replace(PORTUGUESE, ENGLISH)), path)
            for folder in (".", "docs", "lesson") for path in sorted((ROOT / folder).glob("*" + PORTUGUESE))]


def text_of(path):
    return path.read_text(encoding="utf-8")


def sections(text):
    """Return the sections of a document as pairs of a heading and all that stands below it."""
    found, in_program = [("", [])], False
    for line in text.splitlines():
        in_program ^= line.startswith(FENCE)
        if not in_program and re.match(HEADING, line):
            found.append((line.lstrip("# "), []))
        else:
            found[-1][1].append(line)
    return [(heading, "\n".join(lines)) for heading, lines in found if heading or "".join(lines).strip()]


def digests(text):
    """Return a digest of each section in a *text*, its heading and its words."""
    return [hashlib.sha256(" ".join((heading + " " + body).split()).encode()).hexdigest()[:8]
            for heading, body in sections(text)]


def marked(text):
    """Return the digests in a twin's last line, None if it has no such line."""
    found = re.search(MARK.format(r"([\da-f ]+)") + r"\n*\Z", text)
    return found and found.group(1).split()


def mark(english, portuguese):
    """Write into the Portuguese twin that it is up to date."""
    text = re.sub(r"\n*" + MARK.format(r"[\da-f ]+") + r"\n*\Z", "", text_of(portuguese)).rstrip("\n")
    line = MARK.format(" ".join(digests(text_of(english))))
    portuguese.write_text(text + "\n\n" + line + "\n", encoding="utf-8")


def outline(text):
    """Return how a document is built: its headings, programs, samples, tables and lists, in order."""
    built, in_program = [], False
    for line in re.sub(MARK.format(r".*") + r"\n*\Z", "", text).splitlines():
        if line.startswith(FENCE):
            in_program = not in_program
            built += ["program " + line[len(FENCE):]] if in_program else []
        elif not in_program:
            kind = next((kind for kind, pattern in (
                ("heading " + line.partition(" ")[0], HEADING), ("row of {}".format(line.count(" |")), ROW),
                ("item", ITEM), ("sample", SAMPLE), ("picture", r"!\[")) if re.match(pattern, line)), "")
            if kind and not (kind == "sample" and built[-1:] == ["sample"]):
                built.append(kind)
            elif not line and built[-1:] == ["sample"]:
                built.append("")
    return list(filter(None, built))


def what_is_older(english, portuguese):
    """Yield which sections of the English text were changed after its twin was made, a line each."""
    now, then = digests(text_of(english)), marked(text_of(portuguese))
    name = portuguese.relative_to(ROOT).as_posix()
    if then is None:
        yield "{}: it does not say of what English it was made".format(name)
    elif len(then) != len(now):
        yield "{}: the English has {} sections, it was made of {}".format(name, len(now), len(then))
    else:
        for (heading, body), was, digest in zip(sections(text_of(english)), then, now):
            if was != digest:
                yield "{}: '{}' has changed in English since".format(name, heading)


def what_is_otherwise(english, portuguese):
    """Yield the first place where a twin is built otherwise than the English text."""
    ours, theirs = outline(text_of(english)), outline(text_of(portuguese))
    if ours != theirs:
        place = next((place for place, (one, other) in enumerate(zip(ours, theirs)) if one != other),
                     min(len(ours), len(theirs)))
        yield "{}: part {} is '{}', in English '{}'".format(
            portuguese.relative_to(ROOT).as_posix(), place + 1,
            *(parts[place] if place < len(parts) else "not there" for parts in (theirs, ours)))


def main(names):
    pairs = twins()
    known = {portuguese: english for english, portuguese in pairs}
    for name in names:
        path = pathlib.Path(name).resolve()
        if path not in known:
            print("{}: expected the name of a document in Portuguese, such as docs/protocol{}".format(
                name, PORTUGUESE))
            return 2
        mark(known[path], path)
    found = [line for pair in pairs for line in [*what_is_older(*pair), *what_is_otherwise(*pair)]]
    print("\n".join(found) or "{} documents, all up to date.".format(len(pairs)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
