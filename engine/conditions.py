"""A condition whose lock is free again whatever happens."""

import threading


class SureCondition(threading.Condition):
    """A `threading.Condition` that lets go of its lock also when memory runs out at that moment.

    Python's own (``def __exit__(self, *args)`` in its threading.py) needs memory there, for the tuple
    *args*. Where that fails the lock stays taken, and all who want it wait for ever.
    """

    def __exit__(self, kind, error, traceback):
        self.release()
