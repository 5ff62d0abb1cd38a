"""What the index makes of passes that confirm: nothing is counted twice, nothing ends too early."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from services.adapters.catalog.rows import ImportRow, Rows
from services.adapters.catalog.views.imports import ENDED_STATES
from services.core import events as e
from services.core.errors import SetAside
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Target
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from tests.fakes.drive import FakeDrive
from tests.fakes.listing import Lie, Listing, LyingDrive
from tests.fakes.samples import NOW, a_request
from tests.histories import histories

ROOT = ("import-1", "root-1")
REQUESTED = e.ImportRequested(
    import_id="import-1", folder_id="root-1", folder_url="…", requested_at=NOW
)
NOT_OF_THE_INDEXER = (e.PageRequested, e.FileFound)
LIES = st.builds(
    Lie,
    leaves_out=st.frozensets(st.integers(0, 2100), max_size=2),
    repeats=st.lists(st.integers(0, 2100), max_size=2).map(tuple),
    ends_after=st.none() | st.integers(1, 2),
    incomplete_at=st.none() | st.integers(1, 2),
)


def outcome(file: e.FileFound) -> e.FileStored:
    key = f"{file.folder_id}/{file.file_id}"
    return e.FileStored(
        import_id=file.import_id, file=file, bucket="b", object_key=key, size=1, stored_at=NOW
    )


def records_of(events: Sequence[e.Message]) -> list[LogRecord]:
    """Each file is stored at once, long before its folder is confirmed."""
    known: list[e.Message] = [REQUESTED]
    for event in events:
        if isinstance(event, e.FileFound):
            known.append(outcome(event))
        elif not isinstance(event, NOT_OF_THE_INDEXER):
            known.append(event)
    return [LogRecord(event, event.topic, 0, n) for n, event in enumerate(known)]


def the_import(rows: Rows) -> ImportRow:
    return rows.imports["import-1"]


@settings(max_examples=15)
@given(images=st.sampled_from([0, 1, 1000, 1001, 2100]), script=st.lists(LIES, max_size=3))
async def test_an_import_ends_only_with_the_manifest_that_closes_its_folder(
    images: int, script: list[Lie]
) -> None:
    listing = Listing(LyingDrive(images=images, script=script))
    await listing.list_all(a_request())
    records = records_of(listing.publications.events)
    before = fold(Rows(), rows_of(records[:-1]))
    assert not before.folders[ROOT].closed
    assert the_import(before).state not in ENDED_STATES
    row = the_import(fold(before, rows_of(records[-1:])))
    assert row.state in ENDED_STATES
    assert row.found == row.stored == len(listing.found)
    assert (row.folders_listed == 1) == (listing.closed == {"root-1"})


@given(history=histories(), closes=st.booleans())
def test_a_confirming_manifest_adds_no_file_and_no_count_of_one(
    history: list[LogRecord], closes: bool
) -> None:
    confirming = e.PageListed(
        import_id="import-a",
        folder_id="root",
        pass_number=7,
        page_number=0,
        listed_at=NOW,
        confirms=True,
        last=True,
        closes=closes,
        entries=1000,
    )
    before = fold(Rows(), rows_of(history))
    after = fold(before, rows_of([LogRecord(confirming, "imports.listed", 0, len(history))]))
    assert after.files == before.files
    old, new = (rows.imports.get("import-a", ImportRow(id="import-a")) for rows in (before, after))
    parts = ("found", "stored", "unchanged", "failed", "pending", "skipped", "found_bytes")
    assert [getattr(new, part) for part in parts] == [getattr(old, part) for part in parts]


async def test_what_a_shortcut_hides_is_counted_by_name_and_ends_the_import_with_failures() -> None:
    listing = Listing(FakeDrive())
    for name, kind in (("pic", "image/png"), ("far", FOLDER_TYPE)):
        target = Target(id=name, mime_type=kind)
        entry = Entry(id=f"to-{name}", name=f"my {name}", mime_type=SHORTCUT_TYPE, target=target)
        listing.drive.add_entry("root-1", entry)
        listing.drive.look_up_troubles[name].append(SetAside("drive_refused", "No."))
    await listing.list_all(a_request())
    rows = fold(Rows(), rows_of(records_of(listing.publications.events)))
    row = the_import(rows)
    assert (row.state, row.found, row.failed) == ("completed_with_failures", 1, 1)
    assert (row.folders_found, row.folders_listed, row.folders_failed) == (2, 1, 1)
    file = rows.files["import-1", "pic"]
    assert (file.name, file.state, file.reason) == ("my pic", "failed", "drive_refused")
