"""engine/ending.py: the process ends, with the right status, whatever threads are left behind."""

import signal
import socket
import subprocess

import pytest
from conftest import PATIENCE, free_port, opened, read_line, send_signal, start_program, text_of

#: A program whose service never answers "stuck", and meanwhile holds a lock that something takes
#: when Python deletes it, at the very end. It keeps a file open, and has something to do at the end.
PROGRAM = """
import atexit, runpy, sys, threading
import engine.signals, engine.stopping, handlers, handlers.lines, server

held, kept = threading.Lock(), open(sys.argv.pop(), "w")
stop = engine.stopping.GracefulStop.stop
engine.stopping.GracefulStop.stop = lambda self, seconds: stop(self, seconds / 10)

class Keeper:
    def __init__(self, held):
        self.held = held
    def __del__(self):
        self.held.acquire()

class Stuck(handlers.lines.LineHandler):
    def reply(self, message):
        kept.write("asked " + message)
        if message == "stuck":
            held.acquire()
            print(message)
            threading.Event().wait()
        return message

sys.keeper = Keeper(held)
atexit.register(kept.write, ", at the end")
atexit.register(print, "The end.", end="")
handlers.SERVICES["upper"] = Stuck
"""

#: How it is started: as the program is, by a script of one's own, by one that does not `leave`.
AS_PROGRAM = "sys.argv[0] = 'server.py'\nrunpy.run_path('server.py', run_name='__main__')\n"
BY_SCRIPT = "server.leave(server.main())\n"
NOT_LEAVING = "sys.exit(server.main())\n"
IN_TIME = "engine.signals.STOP_LIMIT = 1.0\n" + NOT_LEAVING


@pytest.mark.parametrize("start, message, statuses", [
    (AS_PROGRAM, "stuck", [0]), (AS_PROGRAM, "hello", [0]), (BY_SCRIPT, "stuck", [0]),
    (IN_TIME, "stuck", [0, 1]), (NOT_LEAVING, "hello", [0])])
def test_whoever_is_left_behind_does_not_keep_the_process(start, message, statuses, tmp_path):
    """What was registered is called, files are complete, and the totals come before that.

    Without `leave` there is the limit: not every Python waits for that lock.
    """
    port, file = free_port(), tmp_path / "kept"
    program = start_program("-c", PROGRAM + start, "--port", str(port), str(file),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert b"Listening on" in program.stdout.readline()
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall(message.encode() + b"\n")
            if message == "stuck":
                assert program.stdout.readline().strip() == b"stuck"
            else:
                assert client.recv(100) == b"hello\n"
            send_signal(program, signal.SIGTERM)
            out, err = (text_of(output) for output in program.communicate(timeout=PATIENCE))
    finally:
        program.kill()
    assert program.returncode in statuses and "Traceback" not in err
    if statuses == [0]:
        totals, last = out.splitlines()
        assert totals.startswith("Stopped: accepted 1, ") and last == "The end."
        assert file.read_text() == "asked {}, at the end".format(message)


#: Says which threads there are when `main` has returned; with time for a busy machine.
WHO_IS_LEFT = ("import sys, threading, engine.signals, server\n"
               "engine.signals.STOP_LIMIT, server.GRACE, server.PAGE_GRACE = 60, 20, 20\n"
               "server.main(sys.argv[1:])\n"
               "print(sorted({thread.name for thread in threading.enumerate()}))")


def test_an_ordinary_stop_leaves_nobody_behind(start_server):
    """Clients, one that is silent, and those who watch the page are let go, and waited for."""
    server = start_server("--service", "temp", "--dashboard", "0", program=("-c", WHO_IS_LEFT))
    page = int(server.out.wait_for(r"^Dashboard at .*:(\d+)/$").group(1))
    for number in range(3):
        viewer = opened(socket.create_connection(("127.0.0.1", page), PATIENCE))
        viewer.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_line(viewer).startswith("HTTP/1.0 200")
    silent = server.connect()
    assert server.ask("Recife,31,24") == "BYE"
    assert server.stop() == 0
    totals, left = server.out.all().splitlines()[-2:]
    assert totals.startswith("Stopped: accepted 2, ") and silent.recv(1) == b""
    assert left == "['MainThread', 'limit']"
