"""Workers are killed while they work out of turn: nothing is lost, and little is done twice."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.core import events as e
from services.core.wire import decode
from tests.platform import Platform
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(600)]
LARGE, SMALL = 4_000, 400
TREES = {
    "large": {"name": "large", "pictures": LARGE, "size": 4_096, "depth": 1, "fan_out": 8},
    "small": {"name": "small", "pictures": SMALL, "size": 4_096},
}
KILLS = 3
AT_ONCE = 8
SETTINGS = {"TRANSFER_CONCURRENCY": str(AT_ONCE)}


def test_killing_transfers_while_they_work_out_of_turn_loses_and_doubles_nothing(
    platform: Platform, tmp_path: Path
) -> None:
    with running_system(platform, tmp_path / "logs", SETTINGS, ("--delay", "media=60")) as system:
        folders = {name: system.drive.add_tree(spec, render=True) for name, spec in TREES.items()}
        system.start("api", "lister", "indexer", "transfer-1", "transfer-2")
        system.wait_ready()
        large = system.post_import(link(folders["large"]))
        system.wait_import(large, 120, lambda row: row["found"] == LARGE)
        small = system.post_import(link(folders["small"]))
        for kill in range(1, KILLS + 1):
            system.wait_import(small, 120, _has_stored(60 * kill))
            before = system.get(f"/imports/{large}")
            assert before["pending"] > LARGE // 4, "no backlog to be ahead of"
            name = f"transfer-{1 + kill % 2}"
            system.kill(name)
            system.restart(name)
        ended = system.wait_import(small, 120)
        left = system.get(f"/imports/{large}")["pending"]
        assert left > 0, "the small import waited for the large one"
        for row, files in ((ended, SMALL), (system.wait_import(large, 400), LARGE)):
            assert row["state"] == "completed", row
            assert row["found"] == row["stored"] == files, row
        _check_few_repeats(system)


def _has_stored(count: int) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: bool(row["stored"] >= count)


def _check_few_repeats(system: System) -> None:
    """A file that was in hand at a kill is published again; one that was done is not."""
    stored = [decode(r.topic, r.value) for r in system.records("files.stored")]
    ids = [event.file.file_id for event in stored if isinstance(event, e.FileStored)]
    total = LARGE + SMALL
    assert len(set(ids)) == total
    # What finished within a commit interval, or was in hand.
    assert len(ids) - total <= KILLS * 200
    assert system.records("files.failed") == []
    assert system.records("dead.letters") == []
