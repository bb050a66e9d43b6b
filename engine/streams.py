"""The standard streams: whatever is written to them, no character set breaks it."""

import os
import sys


def prepare_streams():
    """See to it that nothing which is printed breaks the console's character set, and that a file
    on Windows gets UTF-8. To be called first, for also ``--help`` has accents."""
    for stream in sys.stdout, sys.stderr:
        if hasattr(stream, "reconfigure"):  # IDLE's have not
            in_a_file = os.name == "nt" and not stream.isatty()  # which is better in UTF-8
            chosen = None if os.environ.get("PYTHONIOENCODING") or not in_a_file else "utf-8"
            stream.reconfigure(errors="backslashreplace", encoding=chosen)
