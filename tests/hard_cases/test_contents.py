"""Hard cases 10 to 13: names, wrong bytes, ranges, and files that are not what they seem."""

from typing import Any

import pytest

from tests.hard_cases.importing import Importer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
MIB = 1024 * 1024
HELD = {"do": "latency", "seconds": 300}
"""Until the rule is removed, or the request is given up and made again."""
OTHERS = ("html", "text", "csv", "pdf", "zip", "mp4")
NAMES = (
    "twin.jpg",
    "TWIN.jpg",
    "slash/../in it.jpg",
    "..",
    "line\nbreak.jpg",
    "\U0001f468‍\U0001f469‍\U0001f467.jpg",
    "caf\u00e9.jpg",
    "cafe\u0301.jpg",
    "x" * 1_500 + ".jpg",
)


def test_case_10_names_are_kept_and_never_collide(importer: Importer) -> None:
    tree = importer.plant(
        {"path": "twin.jpg", "size": 5_000},
        *({"path": [name], "size": 5_000} for name in NAMES),
        {"path": ["a/b", "..", "deep.jpg"], "size": 5_000},
    )
    report = importer.run(tree)
    number = len(NAMES) + 2
    assert (report.state, report.counts) == ("completed", (number, number, 0))
    keys = importer.keys(tree)
    assert len(set(keys)) == number
    assert all(len(key.encode()) <= 255 and "/" not in key for key in keys)
    names = {row["name"] for row in importer.system.get("/images")}
    assert {name[:1_024] for name in NAMES} <= names


LINE_FAULTS: list[dict[str, Any]] = [
    {"do": "truncate", "share": 0.5, "length": "wrong"},
    {"do": "reset", "after_bytes": 2_000},
]


@pytest.mark.parametrize(
    "effect",
    [
        *LINE_FAULTS,
        {"do": "truncate", "share": 0.5, "length": "right"},
        {"do": "flip", "offset": 3_000},
        {"do": "refuse", "reason": "badGateway", "status": 200},
        {"do": "refuse", "reason": "userRateLimitExceeded", "status": 200},
        {"do": "gzip_garbage"},
    ],
    ids=str,
)
def test_case_11_wrong_bytes_never_become_an_object(
    importer: Importer, effect: dict[str, Any]
) -> None:
    tree = importer.plant(*({"path": f"{n}.jpg", "size": 5_000 + n} for n in range(3)))
    importer.drive.fault(effect, kinds=["media"], name="0.jpg", first=1)  # then right
    # A broken line and a slow-down say nothing of the file: they are waited out.
    passes = effect.get("reason") == "userRateLimitExceeded" or effect in LINE_FAULTS
    importer.drive.fault(effect, kinds=["media"], name="1.jpg", first=4 if passes else 12)
    report = importer.run(tree)
    assert report.fates["0.jpg"] == report.fates["2.jpg"] == "stored"
    said = importer.md5s(tree)
    objects = importer.objects(report)
    assert objects == {name: said[name] for name in objects}
    if passes:
        assert report.fates["1.jpg"] == "stored"
    else:
        assert report.files["1.jpg"]["state"] == "failed"
        assert report.fates["1.jpg"] == "content_mismatch"
        assert len(importer.keys(tree)) == 2


def test_case_11_what_was_replaced_meanwhile_is_stored_as_it_is_now(importer: Importer) -> None:
    tree = importer.plant({"path": "moving.jpg", "size": 5_000, "ref": "moving"})
    file_id = importer.drive.refs(tree)["moving"]
    held = importer.drive.fault(HELD, kinds=["media"])
    job = importer.start(tree)
    importer.system.wait_import(job, 60, lambda row: row["found"] == 1)
    importer.drive.mutate("replace", id=file_id, size=9_000)
    importer.drive.clear_faults(held)
    report = importer.report(job)
    assert (report.state, report.counts) == ("completed", (1, 1, 0))
    assert importer.objects(report) == importer.md5s(tree)
    (row,) = (r for r in importer.system.get("/images") if r["google_drive_id"] == file_id)
    assert row["size"] == 9_000


@pytest.mark.parametrize(("do", "reason"), [("delete", "not_found"), ("trash", "trashed")])
def test_case_11_what_went_meanwhile_is_told(importer: Importer, do: str, reason: str) -> None:
    tree = importer.plant(
        {"path": "going.jpg", "size": 5_000, "ref": "going"}, {"path": "staying.jpg", "size": 5_000}
    )
    held = importer.drive.fault(HELD, kinds=["media"], name="going.jpg")
    job = importer.start(tree)
    importer.system.wait_import(job, 60, lambda row: row["found"] == 2)
    importer.drive.mutate(do, id=importer.drive.refs(tree)["going"])
    importer.drive.clear_faults(held)
    report = importer.report(job)
    assert report.fates["staying.jpg"] == "stored"
    # Drive gives a trashed file's bytes as before: they are the right ones.
    assert report.fates["going.jpg"] in ({"stored"} if do == "trash" else {reason, "gone"})


def test_case_12_nothing_and_ranges_that_are_ignored(importer: Importer) -> None:
    tree = importer.plant(
        {"path": "empty.jpg", "kind": "empty"}, {"path": "big.jpg", "size": 12 * MIB}
    )
    importer.drive.fault(
        {"do": "reset", "after_bytes": 3 * MIB}, kinds=["media"], name="big.jpg", first=1
    )
    importer.drive.fault({"do": "ignore_range"}, kinds=["media"], name="big.jpg")
    importer.drive.fault({"do": "bare_416"}, kinds=["media"])
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (2, 2, 0))
    assert importer.objects(report) == importer.md5s(tree)


def test_case_12_a_big_file_is_taken_up_where_it_broke_off(importer: Importer) -> None:
    tree = importer.plant({"path": "big.jpg", "size": 40 * MIB})
    importer.drive.fault({"do": "reset", "after_bytes": 15 * MIB}, kinds=["media"], first=2)
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (1, 1, 0))
    assert importer.objects(report) == importer.md5s(tree)
    sent = sum(line["bytes"] for line in importer.asked("media"))
    assert sent < 60 * MIB  # 70 if it began anew each time


def test_case_13_what_is_no_picture_is_skipped_and_what_is_one_is_kept(importer: Importer) -> None:
    sums = ["md5Checksum", "sha1Checksum", "sha256Checksum"]
    google = "application/vnd.google-apps"
    tree = importer.plant(
        {"path": "sheet", "kind": "native", "mimeType": f"{google}.spreadsheet"},
        {"path": "heavy sheet", "kind": "native", "mimeType": f"{google}.document",
         "driveSize": 12_345},
        {"path": "notes.txt", "kind": "text"},
        {"path": "photo.heic", "size": 5_000, "mimeType": "application/octet-stream"},
        {"path": "photo.png", "size": 5_000, "mimeType": "IMAGE/PNG; charset=binary"},
        *({"path": f"{kind}.jpg", "kind": kind, "mimeType": "image/jpeg"} for kind in OTHERS),
        {"path": "held back.jpg", "size": 5_000, "canDownload": False},
        {"path": "abusive.jpg", "size": 5_000, "abusive": True},
        {"path": "no sums.jpg", "size": 5_000, "omit": sums},
        {"path": "no sums, no size.jpg", "size": 6_000, "omit": [*sums, "size"]},
        {"path": "no sha.jpg", "size": 5_000, "omit": sums[1:]},
        {"path": "thrown away.jpg", "size": 5_000, "trashed": True},
    )  # fmt: skip
    report = importer.run(tree)
    assert report.state == "completed_with_failures"
    assert report.fates == {
        "sheet": "google_document",
        "heavy sheet": "google_document",
        "notes.txt": "not_an_image",
        "photo.heic": "not_an_image",
        "photo.png": "stored",
        **{f"{kind}.jpg": "content_not_an_image" for kind in OTHERS},
        "held back.jpg": "not_downloadable",
        "abusive.jpg": "abusive_file",
        "no sums.jpg": "stored",
        "no sums, no size.jpg": "stored",
        "no sha.jpg": "stored",
    }
    said = importer.md5s(tree)
    assert all(md5 == said.get(name, md5) for name, md5 in importer.objects(report).items())
    again = importer.run(tree)
    unchanged = {name for name, fate in again.fates.items() if fate == "unchanged"}
    assert unchanged == {name for name, fate in report.fates.items() if fate == "stored"}
