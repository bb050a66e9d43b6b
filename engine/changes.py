"""Files that have changed under a running program, which goes on with what it has read."""

import os
import sys

from engine.blame import file_name, is_students_file, source_of


class Changes:
    """Knows what the files of the services were, when it is made. For one thread."""

    def __init__(self):
        files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        self._known = {path: (stamp(path), hash(source_of(path)))
                       for path in files if path and is_students_file(path)}

    def news(self):
        """Return the names of those files that have changed, each once. To save a file as it was is no
        change; a file that is not there, as while it is saved, may be there the next time."""
        changed = []
        for path, (before, content) in list(self._known.items()):
            now = stamp(path)
            if now in (before, None):
                continue
            self._known[path] = now, content
            if hash(source_of(path)) != content:
                changed.append(file_name(path))
                del self._known[path]
        return changed


def stamp(path):
    """Return what changes when a file is written, None when it cannot be seen."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: no file has such a name
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
