"""The main job on one machine, by its one command: started, imported, reported, and gone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.local.machine import Machine, a_machine

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """The same data for all tests here."""
    with a_machine() as machine:
        yield machine


@pytest.fixture(scope="module")
def first(machine: Machine) -> dict[str, Any]:
    """The outcome of the first demo on new data."""
    return demo(machine)


def demo(machine: Machine) -> dict[str, Any]:
    """Run it once; the one JSON object that it prints."""
    done = machine.run("demo", "--once", "--json", "--no-web")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def test_the_sample_is_imported_whole_and_the_equation_closes(first: dict[str, Any]) -> None:
    assert first["state"] == "completed"
    assert first["equation_closes"] is True
    assert first["found"] == first["stored"] == first["expected"] >= 2000
    assert (first["unchanged"], first["failed"], first["pending"]) == (0, 0, 0)
    assert first["stored_bytes"] == first["found_bytes"] > 0
    assert sum(first["skipped"].values()) > 0


def test_its_seconds_are_in_order(first: dict[str, Any]) -> None:
    seconds = first["seconds"]
    assert 0 < seconds["ready"] < seconds["first_stored"] < seconds["total"]


def test_nothing_is_left_running(machine: Machine, first: dict[str, Any]) -> None:
    assert machine.processes() == {}
    assert machine.run("status").returncode == 3


def test_the_second_time_every_picture_is_unchanged(
    machine: Machine, first: dict[str, Any]
) -> None:
    second = demo(machine)
    assert second["unchanged"] == second["found"] == first["found"]
    assert (second["stored"], second["failed"], second["pending"]) == (0, 0, 0)
    assert second["import_id"] != first["import_id"]


def test_purging_removes_all_data(machine: Machine, first: dict[str, Any]) -> None:
    assert Path(machine.data).exists()
    assert machine.run("down", "--purge").returncode == 0
    assert not machine.data.exists()
