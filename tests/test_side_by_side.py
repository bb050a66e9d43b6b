"""What runs the files of the suite side by side: nothing of what they report is lost."""

import subprocess
import sys

import pytest
from conftest import ENVIRONMENT, ROOT, needs_fork, text_of

CONFTEST = """
import sys
sys.path.insert(0, {!r})
from side_by_side import pytest_runtestloop

def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true")
""".format(str(ROOT / "tests"))

GOOD = "import pytest\n@pytest.mark.parametrize('n', range(5))\ndef test_good(n):\n    pass\n"

pytestmark = needs_fork


@pytest.fixture
def run(tmp_path):
    """A function that runs a suite of these files; returns its exit status and what it printed."""
    def run(*options, **files):
        (tmp_path / "conftest.py").write_text(CONFTEST)
        for name, text in files.items():
            (tmp_path / (name + ".py")).write_text(text)
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                               *options], cwd=str(tmp_path), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT,
                              env=dict(ENVIRONMENT, PYTHONWARNINGS="default"))
        return done.returncode, text_of(done.stdout)
    return run


def test_all_is_reported(run):
    status, said = run(test_a=GOOD, test_b=GOOD + """
def test_bad():
    print("something printed")
    assert "one" == "two"

def test_left_out():
    pytest.skip("for a reason")

def test_warned():
    import warnings
    warnings.warn("a warning")
""", test_c="import pytest\n@pytest.fixture\ndef broken():\n    yield\n    1 / 0\n"
            "def test_broken(broken):\n    pass\n")
    assert status == 1, said
    assert "1 failed, 12 passed, 1 skipped, 1 warning, 1 error" in said, said
    assert "something printed" in said and "assert 'one' == 'two'" in said
    assert "UserWarning: a warning" in said and "ZeroDivisionError" in said


def test_a_good_suite_ends_well(run):
    status, said = run(test_a=GOOD, test_b=GOOD)
    assert status == 0 and "10 passed" in said, said


def test_the_first_failure_ends_it_if_asked(run):
    bad = "".join("def test_{}():\n    assert False\n".format(n) for n in range(5))
    status, said = run("-x", test_a=bad, test_b=bad)
    assert status == 1 and "1 failed in" in said, said


def test_a_process_that_ends_is_a_failure(run):
    status, said = run(test_a=GOOD, test_b=GOOD + "def test_end():\n    import os; os._exit(0)\n")
    assert status == 1 and "ended within or before test_b.py::test_end" in said, said


def test_a_file_that_nobody_runs_is_a_failure(run):
    end = "import os, pytest\n@pytest.fixture(autouse=True)\ndef last():\n    yield\n    {}\n"
    status, said = run(test_a=GOOD, test_b=end.format("os._exit(0)") + GOOD)
    assert status == 1 and "ended within or before test_b.py" in said, said
