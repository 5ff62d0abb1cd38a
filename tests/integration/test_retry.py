"""Retry what failed, on a whole real system: by reason, file, folder, and all of it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.controlling import PARTS, watching
from tests.platform import emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(500)]
GOOD, PARKED, GONE, LOCKED = 20, 5, 4, 6
DAY = 86_400
QUOTA = "download_quota_exceeded"


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str]) -> Iterator[System]:
    with (
        TemporaryDirectory(prefix="drivestream-retry-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs)) as system,
    ):
        system.start("api", "lister", "transfer", "indexer")
        system.wait_ready()
        yield system


class Case:
    """An import with parked files, files that are gone, and a folder that cannot be listed."""

    def __init__(self, system: System, name: str) -> None:
        self.system, self.name, drive = system, name, system.drive
        groups = {"good": GOOD, "parked": PARKED, "gone": GONE, "locked/file": LOCKED}
        paths = [f"{group}-{n}.jpg" for group, count in groups.items() for n in range(count)]
        items = [{"path": path.split("/"), "size": 6_000} for path in paths]
        locked = {"path": "locked", "kind": "folder", "ref": "locked"}
        folder = drive.add_tree({"name": name, "items": [locked, *items]}, render=True)
        self.locked = drive.refs(name)["locked"]
        self.faults = {
            "parked": drive.fault(
                {"do": "refuse", "reason": "downloadQuotaExceeded"},
                kinds=["media"],
                name="parked-*",
            ),
            "gone": drive.fault(
                {"do": "refuse", "reason": "notFound"}, kinds=["media"], name="gone-*"
            ),
            "locked": drive.fault(
                {"do": "refuse", "reason": "notFound"}, kinds=["list"], id=self.locked
            ),
        }
        self.ids = {str(file["name"]): str(file["id"]) for file in drive.files(name)}
        drive.reset_log()
        self.job = system.post_import(link(folder))

    def mend(self, fault: str) -> None:
        """Drive gives it from now on."""
        self.system.drive.clear_faults(self.faults[fault])
        if fault == "parked":
            self.system.drive.advance(DAY + 60)

    def ended(self) -> dict[str, int]:
        """The counts at the end of what is under way."""
        row = self.system.wait_import(self.job, 120)
        assert row["found"] == sum(row[part] for part in PARTS), row
        counts = Counter({part: row[part] for part in (*PARTS, "folders_failed")})
        return {part: count for part, count in counts.items() if count}

    def retry(self, body: object = None) -> Mapping[str, Any]:
        """The answer; what it counts is pending now, or has been worked on already."""
        before = self.system.get(f"/imports/{self.job}")
        status, answer = self.system.post(f"/imports/{self.job}/retry", body)
        assert status == 202, answer
        if answer["files"] or answer["folders"]:
            after = self.system.get(f"/imports/{self.job}")
            assert after["round"] == answer["round"] > before["round"]
        retried: Mapping[str, Any] = answer
        return retried

    def fetched(self) -> Counter[str]:
        """How often Drive gave the bytes of each file, by name."""
        names = {id: name for name, id in self.ids.items()}
        lines = [line for line in self.system.drive.log("media") if line["status"] == 200]
        ids = (str(line["path"]).rsplit("/", 1)[-1] for line in lines)
        return Counter(names[id] for id in ids if id in names)


def test_each_kind_of_retry_works_on_what_it_names_and_fetches_nothing_twice(
    system: System,
) -> None:
    case = Case(system, "retry-kinds")
    with watching(system, case.job):
        assert case.ended() == {"stored": GOOD, "failed": PARKED + GONE, "folders_failed": 1}
        # Too early: the same files fail again, at the new round.
        early = case.retry({"reason": QUOTA})
        assert (early["files"], early["folders"]) == (PARKED, 0)
        assert case.ended() == {"stored": GOOD, "failed": PARKED + GONE, "folders_failed": 1}
        case.mend("parked")
        assert case.retry({"reason": QUOTA})["files"] == PARKED
        stored = GOOD + PARKED
        assert case.ended() == {"stored": stored, "failed": GONE, "folders_failed": 1}
        assert system.get(f"/imports/{case.job}")["parked"] is None
        # Of the files named, one failed; another is stored, and a third is not of this import.
        case.mend("gone")
        named = [case.ids["gone-0.jpg"], case.ids["good-0.jpg"], "not-of-this-import"]
        assert case.retry({"files": named})["files"] == 1
        stored += 1
        assert case.ended() == {"stored": stored, "failed": GONE - 1, "folders_failed": 1}
        case.mend("locked")
        answer = case.retry({"folders": [case.locked]})
        assert (answer["files"], answer["folders"]) == (0, 1)
        stored += LOCKED
        assert case.ended() == {"stored": stored, "failed": GONE - 1}
        assert case.retry({"reason": "a_reason_that_does_not_exist"})["files"] == 0
        assert system.post(f"/imports/{case.job}/retry", {"files": []})[0] == 400
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: case.retry(), range(4)))
        assert sorted(answer["files"] for answer in answers) == [0, 0, 0, GONE - 1]
        assert case.ended() == {"stored": len(case.ids)}
        assert case.retry() == {"files": 0, "folders": 0, "round": 5}
    assert case.fetched() == Counter(dict.fromkeys(case.ids, 1))
    assert system.counted(case.job) == {"stored": len(case.ids)}
