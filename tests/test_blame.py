"""engine/blame.py, handlers/calling.py, handlers/checks/reply.py: what a wrong reply() is told, and where."""

import logging
import os
import re
import socket

import pytest
from conftest import ask, connect, read_all, serving

from engine import blame
from handlers.checks import reply as checks
from handlers.calling import line_for
from handlers.lines import BadMessage, LineHandler


class Text(str):
    """A text of a class of its own."""


def service(function, **attributes):
    return type("Handler", (LineHandler,), {"reply": function, **attributes})


def line_in(function, number):
    """Return where the line is that stands so many below the ``def`` of this *function*."""
    return "tests/test_blame.py, line {}".format(function.__code__.co_firstlineno + number)


# Wrong replies, each with the line below its def that is to be named


def nothing(self, message):
    message.upper()


def nothing_of_a_print(self, message):

    return print(end=message * 0)


def nothing_sometimes(self, message):
    if message == "other":
        return message


def of_bytes(self, message):
    if message == "other":
        return None
    return message.encode()


def a_number(self, message):
    return len(message)


def of_two_numbers(self, message):
    if message == "other":
        return 1
    return 5


def in_a_with(self, message):
    with self.server.books._lock:
        return 5


def a_list(self, message):
    return message.split()


def a_method(self, message):
    return message.upper


def two_lines(self, message):
    return message + "\n"


def half_a_pair(self, message):
    return message + "\udc80"


def of_a_class_of_its_own(self, message):
    return Text(message)


@pytest.mark.parametrize("function, below, said", [
    (nothing, 0, "returned None: is a return missing?"),
    (nothing_of_a_print, 2, "returned None: what stands after return gives None, as print() and sort() do."),
    (nothing_sometimes, 0, "returned None: is a return missing?"),
    (of_bytes, 3, "returned b'hello', which is bytes: expected a str. decode() makes one of it."),
    (a_number, 1, "returned 5, which is int: expected a str. str() makes one of it."),
    (of_two_numbers, 0, "returned 5, which is int"), (in_a_with, 2, "returned 5, which is int"),
    (a_list, 1, "returned ['hello'], which is list: expected a str. \" \".join() makes one of words."),
    (a_method, 1, r"returned <built-in met.*>: are the parentheses missing that call it\?"),
    (two_lines, 1, "returned 'hello\\n': a reply is one line, and its character 6 of 6 is a line feed, \\n."),
    (half_a_pair, 1, "returned 'hello\\udc80': its character 6 of 6 is half of a pair, which cannot be sent."),
    (of_a_class_of_its_own, 1, "returned 'hello', which is Text: expected a str.")])
def test_a_wrong_reply_is_told_with_its_line_and_without_a_traceback(function, below, said, caplog):
    with serving(service(function)) as server:
        assert ask(server, b"hello\n").startswith(b"ERR the service failed")
    found, = [record for record in caplog.records if record.levelname == "ERROR"]
    text = found.getMessage()
    assert text.startswith(line_in(function, below) + ": reply() ") and not found.exc_info
    assert said in text or re.search(said, text)
    assert text.endswith(" The message was 'hello'.")


def test_a_value_that_cannot_be_shown():
    class Wild:
        def __repr__(self):
            raise KeyError
    assert "returned <Wild instance" in checks.what_is_wrong(Wild(), a_number)
    assert "returned 3" in checks.what_is_wrong(3, len)  # a function without lines


# What it raises


def raises(self, message):
    raise KeyError(message)


def deeper(self, message):
    try:
        raises(self, message)
    except KeyError as error:
        raise ValueError("deeper") from error


@pytest.mark.parametrize("function, first", [(raises, "raises"), (deeper, "deeper")])
def test_a_traceback_begins_at_her_file(function, first, caplog):
    with serving(service(function)) as server:
        assert ask(server, b"hello\n").startswith(b"ERR the service failed")
    text = caplog.text
    frames = re.findall(r'File "(.*)", line \d+, in (\w+)', text)
    assert {os.path.basename(file) for file, name in frames} == {"test_blame.py"}
    assert frames[-1][1] == "raises" if function is raises else first in dict(map(reversed, frames))
    assert "Handler failed on the message 'hello'." in text


def test_a_call_that_fails_has_no_frame_of_ours(caplog):
    with serving(service(lambda message: message)) as server:
        assert ask(server, b"hello\n").startswith(b"ERR the service failed")
    assert "TypeError" in caplog.text and "File " not in caplog.text


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, SystemExit])
def test_whatever_it_raises_the_client_is_answered_and_the_next_one_too(error, caplog):
    def reply(self, message):
        if message == "bad":
            raise error
        return message
    with serving(service(reply, keep_open=True)) as server:
        assert ask_all(server, b"bad\ngood\n").endswith(b"its log says why\ngood\n")


def ask_all(server, messages):
    """Send *messages* over one connection, and no more; return all replies."""
    with connect(server) as client:
        client.sendall(messages)
        client.shutdown(socket.SHUT_WR)
        return read_all(client)


def test_a_ctrl_c_in_the_main_thread_is_not_the_services():
    class Lone:
        lost = verbose = False

    def reply(self, message):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        line_for(Lone(), type("Service", (), {"reply": reply})(), "hello")


@pytest.mark.parametrize("raised, reply", [
    (BadMessage("expected\ntwo"), b"ERR expected\\ntwo\n"),
    (BadMessage(), b"ERR the service does not take this message\n"),
    (BadMessage(""), b"ERR the service does not take this message\n")])
def test_a_bad_message_with_and_without_a_text(raised, reply, caplog):
    def refuse(self, message):
        raise raised
    caplog.set_level(logging.ERROR)
    with serving(service(refuse)) as server:
        assert ask(server, b"hello\n") == reply
    assert not caplog.records


def test_how_files_are_named():
    here = os.path.join(blame.ROOT, "handlers", "reverse.py")
    assert blame.file_name(here) == "handlers/reverse.py"
    assert blame.file_name("<string>") == "<string>"
