"""The lesson's own client and servers, as they stand in its text, on the other end."""

import subprocess
import sys

import pytest
from conftest import ENVIRONMENT, PATIENCE, ROOT, Server, run_client, text_of


@pytest.fixture
def lesson_server():
    servers = []

    def start(name):
        servers.append(Server(program=("tests/lesson/" + name,), port="", listening="Ouvindo em"))
        return servers[-1]
    yield start
    for server in servers:
        server.kill()


def lesson_client(port, message):
    done = subprocess.run([sys.executable, "tests/lesson/client.py", str(port)], cwd=str(ROOT),
                          env=ENVIRONMENT, input=message.encode() + b"\n",
                          stdout=subprocess.PIPE, timeout=PATIENCE)
    assert done.returncode == 0
    return text_of(done.stdout).rpartition("Entre com uma mensagem: ")[2]


@pytest.mark.parametrize("options", [[], ["--keep-open"], ["--max-threads", "1"]])
def test_the_lessons_client_with_our_server(start_server, options):
    port = start_server(*options).port
    assert lesson_client(port, "olá, mundo") == "OLÁ, MUNDO\n"
    assert lesson_client(port, "") == "\n"


def test_the_lessons_client_with_our_temperatures(start_server):
    server = start_server("--service", "temp")
    assert lesson_client(server.port, "Teresina,40,25") == "BYE\n"
    server.out.wait_for("^Hottest city: Teresina with 40$")
    assert lesson_client(server.port, "Teresina,quente,25").startswith("ERR ")


@pytest.mark.parametrize("name", ["base_server.py", "capped_server.py"])
@pytest.mark.parametrize("options", [[], ["--keep-open"]])
def test_our_client_with_the_lessons_servers(lesson_server, name, options):
    port = lesson_server(name).port
    assert run_client(port, *options, "olá", "um", "dois") == (0, "OLÁ\nUM\nDOIS\n", "")


@pytest.mark.parametrize("name", ["lock_server.py", "queue_server.py"])
def test_our_client_with_the_lessons_temperatures(lesson_server, name):
    server = lesson_server(name)
    readings = "Recife,31,24\nTeresina,40,25\nGaranhuns,25,12\n"
    assert run_client(server.port, "--service", "temp", text=readings) == (
        0, "BYE\n" * 3, "3 line(s) taken.\n")
    if name == "queue_server.py":
        server.out.wait_for("^Cidade mais quente: Teresina com 40\nCidade mais fria: Garanhuns")
