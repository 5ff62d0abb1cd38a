"""A running copy: who else may start, what happens when a part dies, what is left at the end."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.ports import LOOPBACK
from local.stack import planned
from tests.integration.local.machine import Machine
from tests.integration.local.test_processes import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which a copy runs."""
    machine = Machine(tmp_path_factory.mktemp("up"))
    with machine.up():
        yield machine


@pytest.fixture
def empty(tmp_path: Path) -> Machine:
    """A machine on which nothing runs."""
    return Machine(tmp_path)


def test_everything_answers_and_every_address_is_told(machine: Machine) -> None:
    status = machine.status()
    assert status["ready"] is True
    shown = machine.said.read_text()
    assert {"API", "Kafka", "PostgreSQL", "S3", "Sample folder"} <= status["addresses"].keys()
    assert all(address in shown for address in status["addresses"].values())


def test_another_copy_on_the_same_data_is_refused_by_process(machine: Machine) -> None:
    refused = machine.run("up")
    assert refused.returncode == 3
    assert f"process {machine.status()['pid']}" in refused.stderr


def test_a_taken_port_is_refused_by_number_purpose_and_variable(empty: Machine) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        refused = empty.run("up", POSTGRES_PORT=str(port))
    assert refused.returncode == 3
    assert f"Port {port}, needed for PostgreSQL" in refused.stderr
    assert "POSTGRES_PORT" in refused.stderr
    assert empty.processes() == {}


def test_the_set_up_can_be_run_again_and_changes_nothing(machine: Machine) -> None:
    again = machine.run("setup")
    assert again.returncode == 0, again.stderr
    assert "all topics are there" in again.stdout + again.stderr


@pytest.mark.parametrize("module", ["services.transfer", "services.api", "drive_emulator"])
def test_what_dies_is_started_again_and_said(machine: Machine, module: str) -> None:
    (first,) = machine.processes(module)
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: set(machine.processes(module)) not in (set(), {first}))
    name = module.removeprefix("services.").removeprefix("drive_")
    assert f"{name} ended (killed by SIGKILL); starting it again in" in machine.said.read_text()
    assert eventually(lambda: machine.status()["ready"], 30)


def test_a_copy_that_is_killed_leaves_nothing_and_its_data_serves_the_next(
    empty: Machine,
) -> None:
    with empty.up() as child:
        assert len(empty.processes()) > 5
        child.kill()
        child.wait(10)
        # The next one may come at once: it waits until the watchdogs have ended the rest.
        with empty.up():
            assert empty.status()["ready"] is True
    assert eventually(lambda: empty.processes() == {}, 30)
    assert empty.run("down", "--purge").returncode == 0


def test_down_ends_a_running_copy_and_all_its_processes(tmp_path: Path) -> None:
    other = Machine(tmp_path)
    with other.up() as child:
        assert other.run("down").returncode == 0
        assert other.processes() == {}
        assert child.wait(10) == 0


@pytest.mark.parametrize(
    ("given", "started"),
    [
        ({}, ["kafka", "minio", "postgres", "emulator"]),
        ({"KAFKA_BOOTSTRAP_SERVERS": "broker:9092"}, ["minio", "postgres", "emulator"]),
        ({"S3_ENDPOINT_URL": "https://s3"}, ["kafka", "postgres", "emulator"]),
        ({"DATABASE_URL": "postgresql://u@h/d"}, ["kafka", "minio", "emulator"]),
        ({"GOOGLE_API_KEY": "a-key"}, ["kafka", "minio", "postgres"]),
        ({"DRIVE_API_URL": "http://drive"}, ["kafka", "minio", "postgres"]),
    ],
)
def test_a_server_that_is_given_is_used_instead_of_started(
    empty: Machine, given: dict[str, str], started: list[str]
) -> None:
    plan = planned({**empty.env, **given}, empty.data, with_web=False)
    assert [server.name for server in plan.servers] == started
    assert all(plan.settings[name] == value for name, value in given.items())
    assert [server.name for server in plan.services] == ["api", "lister", "transfer", "indexer"]
