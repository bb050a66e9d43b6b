"""benchmarks/: each case runs once with tiny counts, so that it cannot rot."""

import shutil
import subprocess
import sys

import pytest
from conftest import ENVIRONMENT, ROOT


@pytest.mark.skipif(sys.platform == "win32", reason="the load uses what Windows does otherwise")
def test_every_case_runs(tmp_path):
    tables = tmp_path / "tables.md"
    done = subprocess.run(
        [sys.executable, "benchmarks/compare.py", "--quick", "--peers", "bare",
         "--markdown", str(tables)], cwd=str(ROOT), env=ENVIRONMENT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=50)
    assert done.returncode == 0, done.stderr.decode()
    text = tables.read_text()
    for case in ("32 clients", "4 clients", "1 client", "one message at a time",
                 "sent without waiting", "temp beside upper", "services that wait",
                 "services that compute", "doing nothing", "starting"):
        assert case in text
    assert text.count("| this server") >= 5


@pytest.mark.skipif(sys.platform == "win32", reason="the load uses what Windows does otherwise")
def test_temperatures_run(tmp_path):
    done = subprocess.run(
        [sys.executable, "benchmarks/temperatures.py", "--quick", "--db", str(tmp_path)],
        cwd=str(ROOT), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=50)
    assert done.returncode == 0, done.stderr.decode()
    for row in "| 10 ", "| 1,000 ", "| 1 ", "| 32 ":
        assert row in done.stdout.decode()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not (sys.platform.startswith("linux") and shutil.which("redis-server")
                         and (shutil.which("haproxy") or shutil.which("/usr/sbin/haproxy"))),
                    reason="haproxy or redis-server is not installed here")
def test_growing_runs(request):
    if not request.config.getoption("--soak"):
        pytest.skip("takes longer than the rest of this file: --soak")
    done = subprocess.run([sys.executable, "benchmarks/growing.py", "--quick"], cwd=str(ROOT),
                          env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=50)
    assert done.returncode == 0, done.stderr.decode()
    text = done.stdout.decode()
    assert "| upper, 1 server " in text and "| registry in Redis, 2 servers behind HAProxy " in text
