"""Hard case 15: a crash in the middle of an import."""

import pytest

from tests.hard_cases.importing import Importer, Json

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def test_case_15_a_crash_loses_nothing_and_doubles_nothing(importer: Importer) -> None:
    tree = importer.grow(600, depth=1, fan_out=5)
    importer.drive.fault({"do": "latency", "seconds": 0.3}, kinds=["media"])
    job = importer.start(tree)
    for service in ("transfer", "lister", "indexer"):
        importer.system.wait_import(job, 120, lambda row: row["stored"] >= 60)
        importer.system.kill(service)
        importer.system.restart(service)
    report = importer.report(job, 120)
    assert (report.state, report.counts) == ("completed", (600, 600, 0))
    objects = importer.objects(report)
    assert objects == importer.md5s(tree)
    ids = {str(file["id"]) for file in importer.drive.files(tree)}
    rows = [r for r in importer.system.get("/images") if r["google_drive_id"] in ids]
    assert len(rows) == 600
    # Again: what was under way when the transfer died, and what a lister names a second time that
    # the new transfer did not store itself. Never a third time.
    fetches: dict[str, list[Json]] = {file_id: [] for file_id in ids}
    for line in importer.asked("media"):
        if (file_id := str(line["path"]).rpartition("/")[2]) in ids:
            fetches[file_id].append(line)
    often = [lines for lines in fetches.values() if len(lines) > 2]
    assert not often, (often, importer.system.log("transfer"))
    assert min(map(len, fetches.values())) == 1
