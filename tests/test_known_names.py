"""engine/names.py: names for addresses, from a file of the teacher's that may change."""

import argparse
import logging
import os
import subprocess
import sys

import pytest
from conftest import ENVIRONMENT, PATIENCE, ROOT, text_of, wait_until
from test_dashboard import state_of

from engine import names
from engine.escapes import printable
from engine.names import Names

FILE = """# Who sits where
192.168.0.23 = Ana
192.168.0. = Room 3
192.168. = The school

2001:db8::17 = Zé
2001:DB8:0:1: = Lab = left
FE80: = Cable
"""


@pytest.fixture
def write(tmp_path):
    """A function that writes the file of names, and returns its path."""
    path = tmp_path / "names.txt"

    def write(text):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)
    return write


@pytest.mark.parametrize("host, name", [
    ("192.168.0.23", "Ana"), ("192.168.0.24", "Room 3"), ("192.168.0.2", "Room 3"), ("192.168.7.1", "The school"),
    ("192.169.0.1", ""), ("2001:db8::17", "Zé"), ("2001:db8:0:1:aa::1", "Lab = left"), ("2001:db8::18", ""),
    ("2001:db8:0:2::1", ""), ("fe80::1%eth0", "Cable")])
def test_the_name_of_a_host(write, host, name):
    for text in FILE, "\ufeff" + FILE.replace("\n", "\r\n"):
        known = Names(write(text))
        assert known.of(host) == known.of(host) == name


@pytest.mark.parametrize("text, problem", [
    ("192.168.0.23 Ana\n", ", line 1: expected an address, = and a name, such as 192.168.0.23 = Ana, not '192.168.0.23 Ana'"),
    ("# x\n\nAna = 192.168.0.23\n", ", line 3: 'Ana' is no address: expected one such as 192.168.0.23, or the "
                                    "beginning of some, such as 192.168.0."),
    ("192.168.0 = Ana\n", ", line 1: '192.168.0' is no address: expected one such as"),
    ("192.168.300. = Ana\n", ", line 1: '192.168.300.' is no address: expected one such as"),
    ("1" * 5000 + ". = Ana\n", ", line 1: '1111"), ("١٠. = Ana\n", ", line 1: '١٠.' is no address: expected one such as"),
    ("192.168.0.23 =\n", ", line 1: expected a name after =, of 40 visible characters at most"),
    ("192.168.0.23 = " + "x" * 41, ", line 1: expected a name after =, of 40 visible characters at most"),
    ("192.168.0.23 = \x1b[31mAna\n", ", line 1: expected a name after =, of 40 visible characters at most"),
    ("10.0.0.1 = Ana\n10.0.0.1 = Zé\n", ", line 2: '10.0.0.1' has a name already"),
    ("10.0.0.1 = Zé\n".encode("latin-1"), " is not text in UTF-8 (byte 13): save it again as UTF-8"),
    ("10.0.0.1 = Ana\n".encode("utf-16"), " is not text in UTF-8 (byte 1): save it again as UTF-8"),
    ("#" * 1000001, " is too long for names: expected 1000000 bytes at most")])
def test_a_file_that_cannot_be_used_is_one_clear_sentence(write, text, problem):
    path = write(text)
    done = subprocess.run([sys.executable, "server.py", "--port", "0", "--names", path], cwd=str(ROOT),
                          env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    said = text_of(done.stderr)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said.startswith("server.py: argument --names: {}{}".format(path, problem))
    assert said.endswith(". See server.py --help.\n") and said.count("\n") == 1


@pytest.mark.parametrize("path", ["", "nowhere/names.txt", ".", "a\x1b[31mb"])
def test_no_such_file(path, capsys):
    from engine.options import parse_options
    from handlers import SERVICES
    with pytest.raises(SystemExit) as ended:
        parse_options(SERVICES, ["--names", path])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.count("\n") == 1
    assert said.startswith("server.py: argument --names: cannot read the names in {}: ".format(printable(path)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no FIFOs")
def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(str(tmp_path / "names"))
    with pytest.raises(argparse.ArgumentTypeError, match="it is no file with text in it"):
        Names(str(tmp_path / "names"))


def test_it_is_read_again_when_it_changes(write, monkeypatch, caplog):
    """And a file that cannot be used leaves the names as they were, which is said once."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(names, "BETWEEN_LOOKS", 0)
    known = Names(write("10.0.0.1 = Ana\n"))
    known._next_look = 0
    assert known.of("10.0.0.1") == "Ana"
    path = write("10.0.0.1 = Maria\n10.0.0.2 = Zé\n")
    assert (known.of("10.0.0.1"), known.of("10.0.0.2")) == ("Maria", "Zé")
    write("nonsense\n")
    for _ in range(3):
        assert known.of("10.0.0.1") == "Maria"
    os.remove(path)
    for _ in range(3):
        assert known.of("10.0.0.2") == "Zé"
    write("10.0.0.1 = Ana\n")
    assert (known.of("10.0.0.1"), known.of("10.0.0.2")) == ("Ana", "")
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 4
    assert told[0] == "2 names were read again from {}.".format(path)
    assert told[1].endswith("not 'nonsense'. The names of before stay.")
    assert "cannot read the names in" in told[2]


def test_the_name_of_its_file_drives_no_screen(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(names, "BETWEEN_LOOKS", 0)
    path = tmp_path / "a\x85\u202eb"
    path.write_text("10.0.0.1 = Ana\n")
    known = Names(str(path))
    known._next_look = 0
    for text in "10.0.0.1 = Maria\n", "nonsense\n":
        path.write_text(text)
        known.of("10.0.0.1")
    assert len(caplog.records) == 2 and all(record.getMessage().isprintable() for record in caplog.records)
    assert all(r"a\x85\u202eb" in record.getMessage() for record in caplog.records)


def test_between_two_looks_the_file_is_let_alone(write, monkeypatch):
    known = Names(write("10.0.0.1 = Ana\n"))
    monkeypatch.setattr(names, "stamp", None)  # who calls it fails
    for _ in range(1000):
        assert known.of("10.0.0.1") == "Ana"


def test_names_are_in_the_log_and_on_the_page(start_page, write):
    server = start_page("--service", "temp", "--names", write("127.0.0.1 = Ana <b>\n127.0.0. = Others\n"))
    assert server.ask("Olinda;30;24").startswith("ERR ")
    line = server.err.wait_for(r"Client Ana <b> \(127\.0\.0\.1:(\d+)\): ERR the fields are separated")
    server.err.wait_for(r"Served client Ana <b> \(127\.0\.0\.1:%s\)" % line.group(1))
    assert server.ask("Recife,31,24") == "BYE"
    with server.connect():
        state = wait_until(lambda: state_of(server) if state_of(server)["slots"][0] else None, "the client")
        assert state["slots"][0]["name"] == "Ana <b>" and state["slots"][0]["client"].startswith("127.0.0.1:")
        assert state["mistakes"]["latest"][0]["name"] == "Ana <b>"
        wait_until(lambda: state_of(server)["temperatures"]["latest"], "the reading")
        assert state_of(server)["temperatures"]["latest"][0]["name"] == "Ana <b>"
    write("127.0.0.1 = Maria\n")
    wait_until(lambda: state_of(server)["mistakes"]["latest"][0]["name"] == "Maria", "the new name")
