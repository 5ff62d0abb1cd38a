"""Ports that are taken, wrong, or wanted twice have a sentence before anything starts."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local.servers.ports import LOOPBACK, PortError, Ports, accepts_connections


@pytest.fixture
def busy() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_refused_naming_port_purpose_and_variable(busy: int) -> None:
    with pytest.raises(PortError, match=rf"Port {busy}, for Kafka, .*set KAFKA_PORT"):
        Ports({"KAFKA_PORT": str(busy)}).claim("KAFKA_PORT", 29092, "Kafka")


def test_one_taken_on_all_addresses_is_refused_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortError, match=f"Port {port}"):
            Ports({}).claim("KAFKA_PORT", port, "Kafka")


def test_zero_is_any_free_port_and_never_the_same_twice() -> None:
    ports = Ports({"A": "0"})
    claimed = [ports.claim("A", 1, "a test") for _ in range(50)]
    assert len(set(claimed)) == 50


FOUR = range(14_990, 14_994)
OF_FOUR = f"""
from local.servers import ports
ports.FREE_RANGE = range({FOUR.start}, {FOUR.stop})
try:
    while True:
        print(ports.Ports({{}}).free("a test"), flush=True)
except ports.PortError:
    print("none", flush=True)
input()
"""


def test_no_two_processes_are_given_one_port_though_neither_listens_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("local.servers.ports.FREE_RANGE", FOUR)
    ours = {Ports({}).free("a test") for _ in range(2)}
    command = [sys.executable, "-c", OF_FOUR]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        theirs = [other.stdout.readline().decode().strip() for _ in range(3)]
        assert theirs[-1] == "none"
        assert ours | {int(each) for each in theirs[:2]} == set(FOUR)
        with pytest.raises(PortError, match="No free port"):
            Ports({}).free("a test")
        other.communicate(b"\n", timeout=60)


def test_two_purposes_cannot_have_one_port() -> None:
    free = Ports({}).claim("A", 0, "a test")
    ports = Ports({"A": str(free), "B": str(free)})
    ports.claim("A", 1, "a test")
    with pytest.raises(PortError, match="A names it too"):
        ports.claim("B", 1, "another")


@pytest.mark.parametrize("value", ["-1", "65536", "http", "1e3", "²", "9" * 5000])
def test_what_is_no_port_is_refused(value: str) -> None:
    with pytest.raises(PortError, match="KAFKA_PORT must be a port"):
        Ports({"KAFKA_PORT": value}).claim("KAFKA_PORT", 29092, "Kafka")


def test_a_server_is_noticed_when_it_takes_connections(busy: int) -> None:
    assert accepts_connections(busy)
    assert not accepts_connections(Ports({}).claim("A", 0, "a test"))
