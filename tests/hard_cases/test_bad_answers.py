"""Bad input: answers that are none. Each ends in a reason code, never in a crash loop."""

from typing import Any

import pytest

from tests.hard_cases.importing import Importer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def test_an_answer_slower_than_the_limit_is_asked_for_again(importer: Importer) -> None:
    tree = importer.plant({"path": "quick.jpg", "size": 5_000}, {"path": "slow.jpg", "size": 5_000})
    list_rule = importer.drive.fault(
        {"do": "silence"}, kinds=["list"], id=importer.drive.folder_id(tree), first=1
    )
    file_rule = importer.drive.fault({"do": "silence"}, kinds=["media"], name="slow.jpg", first=1)
    report = importer.report(importer.start(tree), 150)
    assert (report.state, report.counts) == ("completed", (2, 2, 0))
    assert importer.drive.hits(list_rule) == importer.drive.hits(file_rule) == 1


def test_metadata_that_makes_no_sense_is_dropped_and_the_file_kept(importer: Importer) -> None:
    nonsense: dict[str, dict[str, Any]] = {
        "size.jpg": {"size": "a lot"},
        "negative.jpg": {"size": "-5"},
        "sums.jpg": {"md5Checksum": "none", "sha1Checksum": 7, "sha256Checksum": []},
        "times.jpg": {"createdTime": "yesterday", "modifiedTime": "9999-99-99"},
        "version.jpg": {"version": "many"},
        "sides.jpg": {"imageMediaMetadata": {"width": "wide", "height": -1}},
        "odd.jpg": {"imageMediaMetadata": 7, "capabilities": "all", "resourceKey": "a b,c/d"},
    }
    tree = importer.plant(*({"path": name, "size": 5_000} for name in nonsense))
    for name, fields in nonsense.items():
        importer.drive.fault({"do": "set", "fields": fields, "where": {"name": name}})
    report = importer.run(tree)
    assert report.fates == dict.fromkeys(nonsense, "stored")
    assert importer.objects(report) == importer.md5s(tree)


def test_a_name_of_5000_characters_is_cut_and_the_file_kept(importer: Importer) -> None:
    tree = importer.plant({"path": "n" * 5_000, "size": 5_000}, {"path": "short", "size": 5_000})
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (2, 2, 0))
    assert {len(name) for name in report.files} == {5, 1_024}


def test_an_entry_without_an_id_is_no_entry_and_the_folder_says_so(importer: Importer) -> None:
    tree = importer.plant({"path": "one.jpg", "size": 5_000}, {"path": "two.jpg", "size": 5_000})
    rule = importer.drive.fault(
        {"do": "set", "fields": {"id": None}, "where": {"name": "one.jpg"}},
        kinds=["list"],
        id=importer.drive.folder_id(tree),
        first=2,
    )
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (2, 2, 0))  # once it made sense again
    assert importer.drive.hits(rule) == 2
