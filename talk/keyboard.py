"""The keyboard: a question and its answer, what else was typed or pasted, and a stop by Ctrl+Z."""

import os
import select
import signal
import sys
import time

from engine.streams import is_plain, is_terminal

#: Seconds in which more of a pasted text comes, if there is more.
SOON = 0.1


class Keyboard:
    """Asks a person. It belongs to the main thread, in which signals are handled, too."""

    def __init__(self):
        self.lines = []  # more than one line may be pasted into one answer (readline's "bracketed paste")
        self.question = None  # the one that waits for its answer

    def ask(self, question):
        """Return the next line that the user types in answer to *question*, as ``input()`` does."""
        if not self.lines:
            self.question = question
            try:
                self.lines = input(question).split("\n")
            finally:
                self.question = None
        return self.lines.pop(0)

    def has_more(self):
        """Tell whether more has been typed already: an empty line was inside of what was pasted."""
        if self.lines:
            return True
        if not is_plain(sys.stdin) or not is_terminal(sys.stdin):
            return False
        if os.name != "nt":
            return bool(select.select([sys.stdin], [], [], SOON)[0])
        import msvcrt
        if not msvcrt.kbhit():
            time.sleep(SOON)
        return msvcrt.kbhit()

    def prepare(self):
        """Let ``input()`` edit lines and remember them, where the platform can; have it leave the terminal
        as it was when the program is told to end, for which there must be an exception; and have the
        question there again after a stop."""
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
        try:
            import readline  # noqa: F401 - to import it is enough
        except ImportError:
            pass  # Windows consoles do this by themselves
        if hasattr(signal, "SIGTSTP") and is_plain(sys.stdin) and is_terminal(sys.stdin) and (
                signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL):
            import termios
            self.modes = termios.tcgetattr(sys.stdin)
            signal.signal(signal.SIGTSTP, self.stop)

    def stop(self, number, frame):
        """Stop, as Ctrl+Z asks, with the terminal as it was, which readline has changed; when the shell
        lets the program go on (``fg``), have it as it was here, and the question there again."""
        import termios
        modes = termios.tcgetattr(sys.stdin)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self.modes)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # it returns when the program goes on; at once where no shell waits
        signal.signal(number, self.stop)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, modes)
        if self.question is not None and is_terminal(sys.stdout):
            readline = sys.modules.get("readline")
            text = self.question + (readline.get_line_buffer() if readline else "")
            os.write(sys.stdout.fileno(), text.encode(sys.stdout.encoding, "replace"))
