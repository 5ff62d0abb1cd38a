"""One running system for all hard cases: what a user would have, with short cool-downs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.hard_cases import hopeless
from tests.hard_cases.importing import Importer
from tests.platform import emptied
from tests.system import link, running_system

SETTINGS = {"DRIVE_COOL_DOWN_SECONDS": "2", "DRIVE_TIMEOUT_SECONDS": "6"}
SERVICES = ("api", "lister", "transfer", "indexer")


@pytest.fixture(scope="package")
def running(servers: Mapping[str, str]) -> Iterator[Importer]:
    """Every service of ours, once, on real servers and an emulator that obeys the tests."""
    with (
        TemporaryDirectory(prefix="drivestream-hard-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs), SETTINGS) as system,
    ):
        system.start(*SERVICES)
        system.wait_ready()
        yield Importer(system, system.post_import(link(hopeless.plant(system.drive))))


@pytest.fixture
def importer(running: Importer) -> Iterator[Importer]:
    """The same; each case begins with a Drive that behaves, and with an empty log of it."""
    drive = running.drive
    drive.reset_log()
    before = {int(rule["id"]) for rule in drive.rules()}
    yield running
    for rule in {int(rule["id"]) for rule in drive.rules()} - before:
        drive.clear_faults(rule)
    drive.set_quota("none")
    drive.set_key(drive.api_key)
    drive.knobs(unknown_parent="404", shuffle=False, redirect_media=False)
