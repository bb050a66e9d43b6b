"""handlers/uppercase.py."""

import pytest
from conftest import ask, serving

from handlers.uppercase import UppercaseHandler


@pytest.mark.parametrize("message, reply", [
    ("hello", "HELLO"), ("olá, ação", "OLÁ, AÇÃO"), ("straße", "STRASSE"), ("ŉ", "ʼN"),
    ("πλάτων", "ΠΛΆΤΩΝ"), ("日本 123", "日本 123"), ("", "")])
def test_capitals(message, reply):
    with serving(UppercaseHandler) as server:
        assert ask(server, message.encode() + b"\n").decode() == reply + "\n"
