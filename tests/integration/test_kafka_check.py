"""The health check of Kafka's container: asked of a real broker, and of what is none."""

import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread

import pytest

from tests.system import free_port
from tests.unit.test_compose import environment, services

pytestmark = [pytest.mark.real, pytest.mark.timeout(30)]
ASKED = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""Length, API key of ApiVersions, its version, correlation id, no client id."""


def is_content_with(bootstrap: str) -> bool:
    composed = services()
    check = composed["kafka"].healthcheck
    assert check is not None
    named = environment(composed["api"])["KAFKA_BOOTSTRAP_SERVERS"].replace(":", "/")
    program, *arguments = check.test[1:]
    command = [program, *(word.replace(named, bootstrap.replace(":", "/")) for word in arguments)]
    done = subprocess.run(command, timeout=10, check=False, capture_output=True)
    return done.returncode == 0


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Something that answers one request with this, and hangs up."""

    def answer_one() -> None:
        connection, _ = server.accept()
        with connection:
            assert connection.recv(len(ASKED), socket.MSG_WAITALL) == ASKED
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=answer_one)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def test_a_broker_that_answers_is_healthy(servers: Mapping[str, str]) -> None:
    assert is_content_with(servers["KAFKA_BOOTSTRAP_SERVERS"])


def test_whoever_does_not_listen_or_hangs_up_is_not() -> None:
    assert not is_content_with(f"127.0.0.1:{free_port()}")
    for answer in (b"", b"\0\0\0\1"):
        with answering(answer) as address:
            assert not is_content_with(address)
