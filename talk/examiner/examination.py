"""The examination: through the table, a verdict a check, until the end or the server's."""

import sys

from engine.addresses import shown
from engine.language import _
from talk.connecting import open_connection
from talk.conversation import CONNECT_LIMIT
from talk.examiner.death import death, has_ended
from talk.examiner.examinee import Examinee, Measures, Unreached
from talk.examiner.ours import allow_files
from talk.examiner.sheet import Sheet
from talk.examiner.table import NEEDED, checks_of
from talk.examiner.verdicts import mend, note
from talk.progress import Progress

UNREACHED = ("While it was asked, nobody could connect for a moment; then it answered again. Perhaps "
             "its queue was full: listen(50).")
DIED_AT_ONCE = "Its first client was not answered, and it has ended: its screen shows the exception."


def run_examination(options):
    """Examine the server that the *options* name; return the exit status. Raises `Problem`."""
    measures = Measures()
    if options.timeout is not None:
        measures.first = measures.silent = options.timeout
    checks = checks_of(options.service)
    sheet = Sheet([check.name for check in checks], Progress(sys.stderr))
    allow_files(measures.most + measures.crowd)
    connection = open_connection((options.host, options.port), CONNECT_LIMIT, sheet.progress.say)
    server = Examinee(connection, options.service, measures)
    sheet.begin(shown(server.address))
    try:
        for check, verdict in examine(server, checks, options.start, sheet.checking):
            sheet.add(check.name, verdict)
    except KeyboardInterrupt:
        return sheet.end(interrupted=True)
    finally:
        sheet.progress.clear()
        server.silent = []
        server.leave_all()
    return sheet.end()


def examine(server, checks, start=None, show=lambda name: None):
    """Yield each of the *checks*, with its verdict; *start* is the name of the first one after those that
    are needed. *show* is called with a check's name while it goes on."""
    begun = start is None
    for number, check in enumerate(checks):
        begun = begun or check.name == start
        if not (begun or number < NEEDED):
            continue
        server.tick = lambda: show(check.name)
        verdict = decide(server, check)
        if verdict:
            server.marks[check.name] = verdict.mark
            yield check, verdict
            if verdict.final:
                return


def decide(server, check):
    """Return the verdict of a *check*; what matters more is whether the *server* still answers."""
    try:
        verdict = check.ask(server)
    except Unreached:
        verdict = note(_(UNREACHED))
    server.leave_all()
    if verdict and verdict.final:
        if not server.relation and has_ended(server):
            return mend(_(DIED_AT_ONCE), final=True)
        return verdict
    known = server.relation.kind
    fallen = death(server, check.name, _(check.deed))
    if not fallen and server.relation.kind != known:  # it was judged by what was true by chance
        server.from_pieces = None
        return decide(server, check)
    return fallen or verdict
