"""A running copy: who else may start, what happens when a part dies, what is left at the end."""

import os
import signal
import socket
from collections.abc import Iterator

import pytest

from local.run.stack import plan_stack
from local.servers.ports import LOOPBACK
from tests.integration.local.machine import Machine, a_machine
from tests.integration.local.test_processes import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A machine on which a copy runs."""
    with a_machine() as machine, machine.up():
        yield machine


@pytest.fixture
def empty() -> Iterator[Machine]:
    """A machine on which nothing runs."""
    with a_machine() as machine:
        yield machine


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


def test_a_killed_copy_leaves_nothing_and_down_ends_the_next_one(empty: Machine) -> None:
    with empty.up() as killed:
        assert len(empty.processes()) > 5
        killed.kill()
        killed.wait(10)
        # The next one may come at once: it waits until the watchdogs have ended the rest.
        with empty.up() as next_one:
            assert empty.status()["pid"] == next_one.pid
            assert empty.run("down").returncode == 0
            assert empty.processes() == {}
            assert next_one.wait(10) == 0
    assert empty.run("down", "--purge").returncode == 0
    assert not empty.data.exists()


@pytest.mark.parametrize(
    ("given", "started"),
    [
        ({}, ["kafka", "minio", "postgres", "emulator"]),
        ({"KAFKA_BOOTSTRAP_SERVERS": "broker:9092"}, ["minio", "postgres", "emulator"]),
        ({"S3_ENDPOINT_URL": "https://s3"}, ["kafka", "postgres", "emulator"]),
        ({"DATABASE_URL": "postgresql://u@h/d"}, ["kafka", "minio", "emulator"]),
        ({"GOOGLE_API_KEY": "a-key"}, ["kafka", "minio", "postgres"]),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "a.json"}, ["kafka", "minio", "postgres"]),
        ({"DRIVE_API_URL": "http://drive"}, ["kafka", "minio", "postgres"]),
    ],
)
def test_a_server_that_is_given_is_used_instead_of_started(
    empty: Machine, given: dict[str, str], started: list[str]
) -> None:
    plan = plan_stack({**empty.env, **given}, empty.data, with_page=False)
    assert [server.name for server in plan.servers] == started
    assert all(plan.settings[name] == value for name, value in given.items())
    assert [server.name for server in plan.services] == ["api", "lister", "transfer", "indexer"]
