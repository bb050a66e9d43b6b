"""The picture: who waits for whom, a line for each client of a crowd."""

import os
import shutil
import sys

from engine.language import _, decimals
from engine.streams import is_terminal
from talk.crowd.members import REPLIED, WAITS
from talk.progress import Progress

#: What bars are made of (connecting, thinking, waiting), and for consoles that cannot show that.
BLOCKS, ASCII = "·░█", "-.#"

#: Terminal codes (ECMA-48): cursor up, erase to the end of the line and of the screen, colours.
UP, END_OF_LINE, END_OF_SCREEN, CLEAR = "\r\x1b[{}A", "\x1b[K", "\x1b[J", "\x1b[H\x1b[2J"
RED, GREEN, YELLOW, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[m"

#: Lines of the window that are no client's: the legend, the axis, how far it is, the cursor's.
OTHER_LINES = 4

#: Clients that must have room in the window, and a line for the others, for a picture while they wait.
FEWEST = 3

FOLDED = "{above} more above, {below} below: the window has {lines} lines. At the end there are all."
LEGEND = "{} connecting  {} thinking  {} waiting"
CROWD_PROGRESS = "{ended} of {count} answered, {errors} with an error, {seconds} s"


class Picture:
    """The crowd on standard output, a line each: in the order of the replies, then who waits.

    On a terminal where the cursor can go up again, the picture is drawn while the crowd waits: in a
    window too small for all, those who were answered last and those who come next.
    Elsewhere it is drawn once, at the end, since only then it is known how long the time axis
    has to be; until then there is a `Progress`.
    """

    def __init__(self, members):
        self.members = members
        self.obeys = obeys_codes(sys.stdout)
        self.size = None
        self.height = 0
        self.fit()
        self.coloured = self.obeys and not os.environ.get("NO_COLOR")
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        can_show = BLOCKS.encode(encoding, "ignore").decode(encoding) == BLOCKS
        self.marks = BLOCKS if can_show else ASCII
        self.progress = Progress(sys.stderr)

    def fit(self):
        """Fit the window, which may have been resized: then the picture begins anew."""
        size = shutil.get_terminal_size()
        if size == self.size:
            return
        if self.height:
            sys.stdout.write(CLEAR)
            self.height = 0
        self.size = size
        # Consoles may start a new line after the last column.
        self.width = max(1, size.columns - 1)
        self.room = size.lines - OTHER_LINES
        self.live = self.obeys and self.room >= min(len(self.members), FEWEST + 1)

    def show(self, ended, now):
        """Show how far the crowd is, *now* seconds after its start."""
        self.fit()
        text = _(CROWD_PROGRESS).format(
            ended=len(ended), count=len(self.members), seconds=decimals("%.1f" % now),
            errors=sum(member.outcome != REPLIED for member in ended))[:self.width]
        if self.live:
            self.draw(self.folded(ended, now) + [text])
        else:
            self.progress.clear()
            self.progress.show(text)

    def finish(self, ended, now):
        """Show the final picture, *now* seconds after the start."""
        self.fit()
        self.progress.clear()
        if self.live:
            self.draw(self.lines(self.in_order(ended), now))
        else:
            print("\n".join(self.lines(self.in_order(ended), now)), flush=True)

    def draw(self, lines):
        """Draw *lines* over those drawn last."""
        text = "".join(line + END_OF_LINE + "\n" for line in lines) + END_OF_SCREEN
        sys.stdout.write((UP.format(self.height) if self.height else "") + text)
        sys.stdout.flush()
        self.height = len(lines)

    def folded(self, ended, now):
        """Return the lines of the picture, without those clients for whom the window has no room."""
        members = self.in_order(ended)
        if len(members) <= self.room:
            return self.lines(members, now)
        count = self.room - 1
        first = min(max(0, len(ended) - count // 2), len(members) - count)
        text = _(FOLDED).format(above=first, below=len(members) - count - first, lines=self.size.lines)
        legend, *rest = self.lines(members[first:first + count], now)
        return [legend, text[:self.width], *rest]

    def in_order(self, ended):
        """Return the clients in the order of the picture."""
        through = set(ended)
        return ended + [member for member in self.members if member not in through]

    def lines(self, members, now):
        """Return the lines of the picture of these *members*: a legend, they, the time axis."""
        tails = ["{} s {}".format(decimals("%.3f" % member.waited(now)), member.state()).rstrip()
                 for member in members]
        label_width = min(max(len(member.label) for member in self.members), self.width // 3)
        width = max(1, self.width - label_width - max(map(len, tails)) - 2)
        lines = [_(LEGEND).format(*self.marks)[:self.width]]
        for member, tail in zip(members, tails):
            line = "{} {} {}".format(member.label[:label_width].ljust(label_width),
                                     self.bar(member, now, width), tail)[:self.width]
            colour = {REPLIED: GREEN, WAITS: YELLOW}.get(member.outcome, RED)
            lines.append(colour + line + PLAIN if self.coloured else line)
        end = decimals("%.3f s" % now)
        lines.append((" " * label_width + " 0" + end.rjust(width - 1))[:self.width])
        return lines

    def bar(self, member, now, width):
        """Return the bar of *member* on an axis *width* columns wide, *now* seconds long."""
        end, sent = member.ended or now, member.sent  # first what comes last: it may come just now
        moments = 0.0, min(member.connected or end, end), min(sent or end, end), end
        columns = [round(width * moment / now) for moment in moments]
        bar = "".join(mark * (to - start)
                      for mark, start, to in zip(self.marks, columns, columns[1:]))
        if sent and columns[2] == columns[3]:
            bar = bar[:width - 1] + self.marks[2]  # it did wait, however short
        return bar


def obeys_codes(stream):
    """Tell whether *stream* is a terminal that moves its cursor and changes colours on demand."""
    if stream is not sys.__stdout__ or not is_terminal(stream):
        return False  # a file, a pipe, IDLE
    if os.name != "nt":
        return os.environ.get("TERM", "dumb") != "dumb"
    import ctypes
    kernel, mode = ctypes.windll.kernel32, ctypes.c_ulong()
    console = kernel.GetStdHandle(-11)  # STD_OUTPUT_HANDLE
    # 4: ENABLE_VIRTUAL_TERMINAL_PROCESSING, which consoles before Windows 10 do not know.
    return bool(kernel.GetConsoleMode(console, ctypes.byref(mode))
                and kernel.SetConsoleMode(console, mode.value | 4))
