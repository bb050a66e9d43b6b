"""The sheet: the report, a line for each check as soon as it is decided."""

import collections
import sys
import time

from engine.language import _, decimals
from engine.streams import is_terminal
from talk.examiner.verdicts import MEND, NOTE, OK

BEGINS = ("Examining the server at {server}. This may bring it down: do it to a server of your own. It "
          "takes some {seconds} s; Ctrl+C ends it.")
CHECKING = "{check} ... {seconds} s"
TOTALS = "{ok} ok, {mend} to mend, {note} to note, in {seconds} s."
INTERRUPTED = "Interrupted: the rest was not examined."

#: Seconds that an examination takes, as far as one can tell before.
USUAL = 20


def mark_of(verdict):
    """Return a verdict's mark in the user's language."""
    return {OK: _("ok"), MEND: _("MEND"), NOTE: _("note")}[verdict.mark]


class Sheet:
    """Prints verdicts in columns, wide enough for all *names*; *progress* shows what takes long."""

    def __init__(self, names, progress):
        self.marks = 2 + max(len(_("ok")), len(_("MEND")), len(_("note")))
        self.names = 2 + max(len(_(name)) for name in names)
        self.progress = progress
        self.counts = collections.Counter()
        self.began = time.monotonic()

    def begin(self, server):
        """Say what is going to happen to the *server*."""
        self.write(_(BEGINS).format(server=server, seconds=USUAL))

    def checking(self, name):
        """Show, on a terminal, that the check of this *name* goes on."""
        seconds = decimals("%.0f" % (time.monotonic() - self.began))
        self.progress.replace(_(CHECKING).format(check=_(name), seconds=seconds))

    def add(self, name, verdict):
        """Print the *verdict* of a check."""
        self.counts[verdict.mark] += 1
        self.write(mark_of(verdict).ljust(self.marks) + _(name).ljust(self.names) + verdict.text,
                   self.marks + self.names)

    def end(self, interrupted=False):
        """Print the totals; return the exit status."""
        if interrupted:
            self.write(_(INTERRUPTED))
        self.write(_(TOTALS).format(ok=self.counts[OK], mend=self.counts[MEND], note=self.counts[NOTE],
                                    seconds=decimals("%.1f" % (time.monotonic() - self.began))))
        return 1 if interrupted or self.counts[MEND] else 0

    def write(self, text, indent=0):
        """Print *text*; on a terminal in lines that fit, the next ones indented."""
        self.progress.clear()
        if is_terminal(sys.stdout):
            import shutil  # not at the top: elsewhere the program starts sooner without them
            import textwrap
            width = max(shutil.get_terminal_size().columns - 1, indent + 20)
            text = textwrap.fill(text, width, subsequent_indent=" " * indent, break_on_hyphens=False)
        print(text, flush=True)
