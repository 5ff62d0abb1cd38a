"""What an image's row takes from which outcome."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from services.adapters.catalog.rows import ImageRow, Rows
from services.core import events as e
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from tests.histories import histories
from tests.samples import AT, FOUND, SAMPLES

[STORED] = [event for event in SAMPLES.values() if isinstance(event, e.FileStored)]
LATER = AT + timedelta(days=1)
METADATA = ("name", "mime_type", "folder_id", "path", "width", "height")


def image_after(*outcomes: e.FileStored) -> ImageRow:
    records = [LogRecord(event, event.topic, 0, n) for n, event in enumerate(outcomes)]
    (image,) = fold(Rows(), rows_of(records)).images.values()
    return image


def test_an_unchanged_file_brings_its_new_place_and_keeps_its_object() -> None:
    moved = replace(
        FOUND,
        import_id="later",
        version=FOUND.version + 1,
        folder_id="new",
        path=("New", "Place"),
        found_at=LATER,
    )
    unchanged = replace(
        STORED, import_id="later", file=moved, unchanged=True, sha256=None, stored_at=LATER
    )
    for outcomes in ((STORED, unchanged), (unchanged, STORED)):
        image = image_after(*outcomes)
        assert (image.folder_id, image.path) == ("new", ("New", "Place"))
        assert image.storage_path.endswith(STORED.object_key)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_file_in_two_folders_belongs_to_the_smaller_id_whenever_it_was_found_there(
    order: tuple[int, ...],
) -> None:
    """Two imports find it in both folders. The newest name of the chosen folder shows."""
    outcomes = [
        replace(
            STORED,
            import_id=f"import-{day // 2}",
            file=replace(
                FOUND, folder_id=id, path=(f"{id} on day {day}",), found_at=AT + timedelta(day)
            ),
            unchanged=day > 0,
            stored_at=AT + timedelta(day),
        )
        for day, id in enumerate(["b", "a", "a", "b"])
    ]
    image = image_after(*(outcomes[n] for n in order))
    assert (image.folder_id, image.path) == ("a", ("a on day 2",))
    assert (image.sha256, image.fetched, image.updated_at) == (STORED.sha256, True, AT)


def test_the_type_of_the_bytes_comes_with_the_object() -> None:
    """Drive's word comes with the metadata, whoever names the file last."""
    renamed = replace(FOUND, mime_type="image/gif", found_at=LATER)
    seen = replace(STORED, file=renamed, unchanged=True, sha256=None, stored_at=LATER)
    found = replace(seen, content_type="image/webp")
    for outcomes in ((STORED, found), (found, STORED)):
        image = image_after(*outcomes)
        assert (image.mime_type, image.content_type) == ("image/gif", "image/png")
    assert image_after(found).content_type == "image/webp"


def test_an_event_of_before_leaves_the_type_of_the_bytes_unknown() -> None:
    image = image_after(replace(STORED, content_type=None))
    assert (image.mime_type, image.content_type) == ("image/jpeg", None)
    forced = replace(STORED, stored_at=LATER)
    assert image_after(replace(STORED, content_type=None), forced).content_type == "image/png"


def test_what_was_listed_earlier_does_not_displace_what_was_listed_later() -> None:
    earlier = replace(FOUND, name="old.jpg", found_at=AT - timedelta(days=1))
    late = replace(STORED, file=earlier, stored_at=LATER, object_key="again")
    image = image_after(STORED, late)
    assert image.name == FOUND.name
    assert image.storage_path.endswith("/again")


def test_an_older_version_changes_nothing_however_late_it_is_listed() -> None:
    old = replace(FOUND, version=FOUND.version - 1, name="old.jpg", found_at=LATER)
    image = image_after(STORED, replace(STORED, file=old, stored_at=LATER, object_key="old"))
    assert image == image_after(STORED)


def _fetched(event: e.FileStored) -> bool:
    return event.sha256 is not None and not event.unchanged


def test_an_object_that_a_dead_worker_left_keeps_the_checksum_of_its_bytes() -> None:
    """The same import may tell of it again, without having read it."""
    found = replace(STORED, sha256=None, stored_at=LATER, object_key="found")
    for outcomes in ((STORED, found), (found, STORED)):
        assert image_after(*outcomes).sha256 == STORED.sha256


@settings(max_examples=300)
@given(history=histories())
def test_object_and_metadata_are_each_of_the_outcome_that_knows_best(
    history: list[LogRecord],
) -> None:
    stored = [record.event for record in history if isinstance(record.event, e.FileStored)]
    for file_id, image in fold(Rows(), rows_of(history)).images.items():
        outcomes = [event for event in stored if event.file.file_id == file_id]
        assert image.created_at == min(event.stored_at for event in outcomes)
        version = max(event.file.version for event in outcomes)
        newest = [event for event in outcomes if event.file.version == version]
        assert image.drive_version == version
        folder = min(event.file.folder_id for event in newest)
        there = [event.file for event in newest if event.file.folder_id == folder]
        listed = max(file.found_at for file in there)
        candidates = [file for file in there if file.found_at == listed]
        known = [(*(getattr(f, n) for n in METADATA), f.modified_time) for f in candidates]
        assert (*(getattr(image, n) for n in METADATA), image.modified_at) in known
        rank = max((_fetched(event), event.stored_at) for event in newest)
        assert (image.fetched, image.updated_at) == rank
        paths = {
            (f"s3://{event.bucket}/{event.object_key}", event.size)
            for event in newest
            if (_fetched(event), event.stored_at) == rank
        }
        assert (image.storage_path, image.size) in paths
