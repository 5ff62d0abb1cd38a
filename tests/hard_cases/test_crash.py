"""Hard case 15: a crash in the middle of an import."""

from collections import Counter

import pytest

from tests.hard_cases.importing import Importer

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
    fetched = Counter(str(line["path"]).rpartition("/")[2] for line in importer.asked("media"))
    assert max(fetched[file_id] for file_id in ids) <= 2
    assert min(fetched[file_id] for file_id in ids) == 1
