"""Hard cases 1, 2, 3, 14: a listing that is short, that never ends, that is enormous."""

import pytest

from tests.hard_cases.importing import Importer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def pages_of_a_hundred(importer: Importer, tree: str) -> None:
    """Drive chooses how long a page is. Several of the longest would be thousands of files."""
    short = {"do": "short_page", "size": 100}
    importer.drive.fault(short, kinds=["list"], id=importer.drive.folder_id(tree))


def test_case_1_a_listing_that_ended_too_early_is_listed_again(importer: Importer) -> None:
    tree = importer.grow(1_100)
    folder = importer.drive.folder_id(tree)
    importer.drive.fault({"do": "drop_token"}, kinds=["list"], id=folder, first=1)
    report = importer.run(tree)
    assert report.state == "completed"
    assert report.counts == (1_100, 1_100, 0)
    # Nothing was fetched twice for it: that would be the 1,000 files of the first page. A download
    # that is too slow for its limit, on a busy machine, is retried, and counts here, too.
    assert len(importer.asked("media")) < 1_100 + 200


def test_case_1_a_listing_that_is_always_cut_is_never_called_complete(importer: Importer) -> None:
    tree = importer.grow(1_100)
    importer.drive.fault({"do": "drop_token"}, kinds=["list"], id=importer.drive.folder_id(tree))
    report = importer.run(tree)
    assert report.state in ("failed", "completed_with_failures")
    assert "images may be missing" in report.row["message"]
    assert report.folders() == {"": "listing_incomplete"}
    assert report.row["stored"] >= 1_000  # what was seen is there all the same


def test_case_1_entries_that_come_and_go_are_noticed(importer: Importer) -> None:
    tree = importer.grow(1_100)
    folder = importer.drive.folder_id(tree)
    importer.drive.fault({"do": "omit", "share": 0.05}, kinds=["list"], id=folder)
    report = importer.run(tree)
    assert report.folders() == {"": "listing_incomplete"}


def test_case_1_a_search_that_calls_itself_incomplete_is_not_believed(importer: Importer) -> None:
    tree = importer.grow(5)
    rule = importer.drive.fault(
        {"do": "incomplete"}, kinds=["list"], id=importer.drive.folder_id(tree), first=2
    )
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (5, 5, 0))
    assert importer.drive.hits(rule) == 2


def test_case_1_an_empty_folder_is_believed_at_the_second_look(importer: Importer) -> None:
    tree = importer.plant({"path": "nothing here", "kind": "folder", "ref": "empty"})
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (0, 0, 0))
    empty = importer.drive.refs(tree)["empty"]
    assert len(importer.asked("list", of=empty)) == 2


def test_case_2_one_unreadable_folder_costs_no_other_folder(importer: Importer) -> None:
    albums = [{"path": [f"album {n}", f"{n}.jpg"], "size": 5_000} for n in range(8)]
    tree = importer.plant(*albums, {"path": ["locked"], "kind": "folder", "ref": "locked"})
    locked = importer.drive.refs(tree)["locked"]
    importer.drive.fault({"do": "group", "answer": "bad_parent_empties"}, kinds=["list"])
    importer.drive.fault({"do": "refuse", "reason": "notFound"}, kinds=["list"], id=locked)
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed_with_failures", (8, 8, 0))
    assert report.folders() == {"locked": "not_found"}
    # Folders are never asked for in groups, so no group can come back empty.
    assert not [line for line in importer.asked("list") if " or " in line["params"]["q"]]


def test_case_3_a_token_that_repeats_for_ever_ends(importer: Importer) -> None:
    tree = importer.grow(210)
    pages_of_a_hundred(importer, tree)
    importer.drive.fault({"do": "repeat_token"}, kinds=["list"], id=importer.drive.folder_id(tree))
    report = importer.run(tree)
    assert report.folders() == {"": "listing_incomplete"}
    assert len(importer.asked("list")) < 30
    assert report.row["stored"] == report.row["found"] > 190


def test_case_3_a_token_that_expires_starts_the_folder_again(importer: Importer) -> None:
    tree = importer.grow(110)
    pages_of_a_hundred(importer, tree)
    rule = importer.drive.fault(
        {"do": "reject_token"}, kinds=["list"], id=importer.drive.folder_id(tree), from_=2, to=2
    )
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (110, 110, 0))
    assert importer.drive.hits(rule) == 1


def test_case_3_a_lister_that_dies_in_the_middle_of_a_folder_goes_on(importer: Importer) -> None:
    tree = importer.grow(550)
    pages_of_a_hundred(importer, tree)
    # It dies at the third page, however late this machine notices the second.
    still = importer.drive.fault(
        {"do": "latency", "seconds": 300},
        kinds=["list"],
        id=importer.drive.folder_id(tree),
        from_=3,
    )
    job = importer.start(tree)
    importer.system.wait_import(job, 60, lambda row: row["found"] >= 200)
    importer.system.kill("lister")
    importer.system.restart("lister")
    importer.drive.clear_faults(still)
    report = importer.report(job, 120)
    assert report.counts == (550, 550, 0)
    pages = len(importer.asked("list", of=importer.drive.folder_id(tree)))
    # Two passes of six, and what was under way; and the third page again for each six seconds in
    # which nobody noticed the second.
    assert 12 <= pages <= 20


def test_pages_that_are_short_or_empty_do_not_end_a_listing(importer: Importer) -> None:
    tree = importer.grow(50)
    importer.drive.fault(
        {"do": "short_page", "size": 0}, kinds=["list"], id=importer.drive.folder_id(tree), every=3
    )
    importer.drive.fault(
        {"do": "short_page", "size": 7}, kinds=["list"], id=importer.drive.folder_id(tree)
    )
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (50, 50, 0))


def test_entries_that_repeat_across_pages_count_once(importer: Importer) -> None:
    tree = importer.grow(60)
    importer.drive.fault(
        {"do": "short_page", "size": 25}, kinds=["list"], id=importer.drive.folder_id(tree)
    )
    importer.drive.fault(
        {"do": "duplicate"}, kinds=["list"], id=importer.drive.folder_id(tree), first=3
    )
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (60, 60, 0))
    assert len(importer.keys(tree)) == 60


def test_case_14_a_hundred_levels_and_a_thousand_folders(importer: Importer) -> None:
    deep = importer.report(importer.start(importer.grow(101, depth=100, fan_out=1)))
    assert (deep.state, deep.counts) == ("completed", (101, 101, 0))
    assert max(str(file["path"]).count("/") for file in deep.files.values()) == 99
    wide = importer.report(importer.start(importer.grow(1_001, depth=1, fan_out=1_000)), 120)
    assert (wide.state, wide.counts) == ("completed", (1_001, 1_001, 0))
