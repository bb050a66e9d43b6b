"""engine/conditions.py: a lock that is free again whatever happens."""

import subprocess
import sys

import pytest
from conftest import ENVIRONMENT, PATIENCE, ROOT

#: Has each of the first allocations at the end of the block fail, one after the other.
PROGRAM = """
import sys, threading, _testcapi
from engine.conditions import SureCondition
condition = SureCondition(threading.Lock())
with condition:
    pass
kept = [(number, number, number) for number in range(10000)]  # Python has none in reserve now
for number in range(10):
    try:
        with condition:
            _testcapi.set_nomemory(number, number + 1)
    except MemoryError:
        pass
    _testcapi.remove_mem_hooks()
    if not condition.acquire(False):
        sys.exit("it is locked")
    condition.release()
"""


def test_its_lock_is_free_again_when_memory_runs_out_at_the_end_of_the_block():
    """With a `threading.Condition` this says that it is locked, in CPython 3.8 to 3.15."""
    pytest.importorskip("_testcapi", reason="this Python comes without what its own tests need")
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=str(ROOT), env=ENVIRONMENT,
                          timeout=PATIENCE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
