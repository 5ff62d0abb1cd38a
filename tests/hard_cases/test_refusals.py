"""Hard cases 4 to 7: a 403 that means six things, walls, parked files, and a quota in units."""

from typing import Any

import pytest

from tests.hard_cases.importing import Importer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
DAY = 86_400


def test_case_4_the_reason_decides_what_a_403_means(importer: Importer) -> None:
    fates = {
        "rateLimitExceeded": "stored",
        "userRateLimitExceeded": "stored",
        "quotaPerMinute": "stored",
        "tooManyRequests": "stored",
        "backendError": "stored",
        "automatedQueries": "stored",
        "downloadQuotaExceeded": "download_quota_exceeded",
        "cannotDownloadAbusiveFile": "abusive_file",
        "cannotDownloadFile": "not_permitted",
        "domainPolicy": "not_permitted",
        "notFound": "not_found",
        "fileNotDownloadable": "not_downloadable",
    }
    tree = importer.plant(*({"path": f"{reason}.jpg", "size": 5_000} for reason in fates))
    for reason in fates:
        importer.drive.fault(
            {"do": "refuse", "reason": reason}, kinds=["media"], name=f"{reason}.jpg", first=2
        )
    report = importer.run(tree)
    assert report.state == "completed_with_failures"
    assert report.fates == {f"{reason}.jpg": fate for reason, fate in fates.items()}
    for file in report.files.values():
        if file["state"] == "failed":
            assert file["message"].endswith((".", "resourcekey."))
            assert len(file["message"]) > 30


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("apiKeyInvalid", "GOOGLE_API_KEY"),
        ("accessNotConfigured", "Enable it"),
        ("missingKey", "GOOGLE_API_KEY"),
        ("authError", "GOOGLE_API_KEY"),
    ],
)
def test_case_4_what_makes_every_request_useless_stops_the_import(
    importer: Importer, reason: str, word: str
) -> None:
    tree = importer.plant({"path": "one.jpg", "size": 5_000})
    importer.drive.fault(
        {"do": "refuse", "reason": reason}, kinds=["list"], id=importer.drive.folder_id(tree)
    )
    report = importer.run(tree)
    assert report.state == "failed"
    assert word in report.row["message"]
    assert importer.asked("media") == []
    assert len(importer.asked("list")) == 1


def test_case_5_the_wall_is_waited_out_and_nobody_fails(importer: Importer) -> None:
    tree = importer.grow(60)
    importer.drive.fault(
        {"do": "refuse", "reason": "automatedQueries"}, kinds=["media"], from_=20, for_s=6
    )
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (60, 60, 0))
    walled = [line for line in importer.asked("media") if line["status"] == 403]
    under_way, probes = 60 - 19, 8
    assert 1 <= len(walled) <= under_way + probes  # one at a time


def test_case_6_a_file_over_its_quota_is_parked_and_fetched_later(importer: Importer) -> None:
    tree = importer.plant(*({"path": f"{n}.jpg", "size": 5_000} for n in range(5)))
    importer.drive.fault(
        {"do": "refuse", "reason": "downloadQuotaExceeded"}, kinds=["media"], name="3.jpg", times=1
    )
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed_with_failures", (5, 4, 1))
    assert report.fates["3.jpg"] == "download_quota_exceeded"
    assert "24 hours" in report.files["3.jpg"]["message"]
    assert report.row["parked"]["files"] == 1
    fetched = len(importer.asked("media"))

    still = importer.run(tree)
    assert still.row["parked"]["files"] == 1
    importer.drive.advance(DAY + 60)
    later = importer.run(tree)
    assert later.state == "completed"
    assert (later.row["unchanged"], later.row["stored"]) == (4, 1)
    assert later.row["parked"] is None
    assert len(importer.asked("media")) == fetched + 2  # what was stored is not fetched again


@pytest.mark.parametrize("answer", [{"status": 429, "style": "empty"}, {"retry_after": "seconds"}])
def test_case_7_a_quota_in_units_slows_an_import_and_fails_nothing(
    importer: Importer, answer: dict[str, Any]
) -> None:
    tree = importer.grow(40)
    importer.drive.set_quota("units2026", user_per_minute=120_000, **answer)
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (40, 40, 0))
    refused = [line for line in importer.asked("media") if line["status"] in (403, 429)]
    assert refused  # the quota was met, not missed
