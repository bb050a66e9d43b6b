"""Progress: a line that tells how far it is."""

import time

from engine.streams import is_plain, is_terminal


class Progress:
    """One line on a terminal that is written over and over; nothing elsewhere, nor where something stands
    in for a terminal (IDLE cannot go back in a line)."""

    def __init__(self, stream):
        self.stream = stream
        self.on_screen = is_plain(stream) and is_terminal(stream)
        self.width = 0
        self.next = 0.0

    def show(self, text):
        """Show *text*, at most ten times a second."""
        if self.on_screen and time.monotonic() >= self.next:
            self.stream.write(text)
            self.stream.flush()
            self.width = len(text)
            self.next = time.monotonic() + 0.1

    def replace(self, text):
        """Show *text* in place of what is there, as often as `show` would."""
        if self.on_screen and time.monotonic() >= self.next:
            self.clear()
            self.show(text)

    def clear(self):
        """Take the line away, without terminal codes that an old console would print."""
        if self.width:
            self.stream.write("\r" + " " * self.width + "\r")
            self.stream.flush()
            self.width = 0

    def say(self, text):
        """Show *text* for good, in place of the line."""
        self.clear()
        print(text, file=self.stream, flush=True)
