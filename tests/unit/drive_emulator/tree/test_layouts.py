"""Layouts: every item is in exactly one folder."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive_emulator.content.blobs import BlobCache
from drive_emulator.content.containers import JPEG
from drive_emulator.content.paintings import PAINTINGS
from drive_emulator.tree.entry import FOLDER, Entry
from drive_emulator.tree.explicit_layout import ExplicitLayout, FolderNode
from drive_emulator.tree.generated import GeneratedLayout, folder_count
from drive_emulator.tree.sample import albums, sample
from drive_emulator.tree.token_cipher import TokenCipher
from drive_emulator.tree.tree import Layout, Tree

SHELF = BlobCache()
STOCKS = tuple(SHELF.sized(painting, 5_000, JPEG) for painting in PAINTINGS[:5])

plans = st.builds(
    GeneratedLayout,
    title=st.just("root"),
    depth=st.integers(0, 3),
    fan_out=st.integers(1, 5),
    pictures=st.integers(0, 300),
    others=st.integers(0, 30),
    blobs=st.just(STOCKS),
    documents=st.just(STOCKS[:2]),
)


def check(plan: Layout) -> None:
    seen = [0]
    for folder in range(plan.folders):
        for below in (plan.subfolders(folder), plan.files_in(folder)):
            assert all(plan.parent(ordinal) == folder for ordinal in below)
            seen += below
    assert sorted(seen) == list(range(plan.folders + plan.files))
    assert plan.parent(0) is None


@given(plans)
def test_every_file_and_folder_is_in_exactly_one_folder(plan: GeneratedLayout) -> None:
    check(plan)


@given(plans)
def test_files_are_spread_evenly(plan: GeneratedLayout) -> None:
    lengths = {len(plan.files_in(folder)) for folder in range(plan.folders)}
    assert max(lengths) - min(lengths) <= 1


@given(plans)
def test_names_in_a_folder_differ_and_times_run_backwards(plan: GeneratedLayout) -> None:
    entries = [plan.entry(ordinal) for ordinal in range(plan.folders + plan.files)]
    for folder in range(plan.folders):
        below = [*plan.subfolders(folder), *plan.files_in(folder)]
        assert len({entries[ordinal].name for ordinal in below}) == len(below)
    times = [entry.modified_ms for entry in entries]
    assert times == sorted(times, reverse=True)


@given(plans)
def test_there_are_as_many_pictures_and_other_files_as_specified(plan: GeneratedLayout) -> None:
    files = [plan.entry(plan.folders + number) for number in range(plan.files)]
    assert sum(entry.name.startswith("picture") for entry in files) == plan.pictures
    assert plan.picture_bytes() == plan.pictures * 5_000


@given(st.integers(6, 300))
def test_neighbours_show_different_pictures(pictures: int) -> None:
    plan = GeneratedLayout("root", 0, 1, pictures, 0, STOCKS, STOCKS[:2])
    blobs = [plan.entry(1 + number).blob for number in range(pictures)]
    for start in range(0, pictures - 5, 5):
        assert len(set(map(id, blobs[start : start + 5]))) == 5


@pytest.mark.parametrize(
    ("depth", "fan_out", "count"), [(0, 9, 1), (3, 1, 4), (2, 3, 13), (4, 10, 11_111)]
)
def test_folders_are_counted_by_formula(depth: int, fan_out: int, count: int) -> None:
    assert folder_count(depth, fan_out) == count


def test_items_inherit_private_and_trashed_from_their_folders() -> None:
    own = Entry("", FOLDER, None, -1, -1)
    below = FolderNode("below", folders=[FolderNode("deeper")])
    listed = ExplicitLayout(
        FolderNode(
            "root",
            folders=[
                FolderNode("private", folders=[below], own=own._replace(shared=False)),
                FolderNode("trash", folders=[FolderNode("inside")], own=own._replace(trashed=True)),
            ],
        )
    )
    tree = Tree(1, listed, None, TokenCipher(b"s"))
    facts = {
        entry.name: (entry.shared, entry.trashed)
        for entry in map(tree.entry, range(listed.folders))
    }
    assert facts["root"] == (True, False)
    assert facts["below"] == facts["deeper"] == (False, False)
    assert facts["inside"] == (True, True)


def test_the_sample_holds_2400_pictures_in_albums() -> None:
    plan = sample(BlobCache(), seed=1)
    check(plan)
    assert plan.pictures == 2_400
    assert len(albums()) == 30
    entries = [plan.entry(ordinal) for ordinal in range(plan.folders + plan.files)]
    others = [e for e in entries if not e.mime_type.startswith("image/") and e.mime_type != FOLDER]
    assert len(others) == 13
    assert len({e.mime_type for e in entries if e.mime_type.startswith("image/")}) == 4


def test_names_in_an_album_are_unique_and_pictures_do_not_repeat_at_once() -> None:
    plan = sample(BlobCache(), seed=1)
    for folder in range(plan.folders):
        files = [plan.entry(ordinal) for ordinal in plan.files_in(folder)]
        assert len({file.name for file in files}) == len(files)
        pictures = [file.blob for file in files if file.mime_type.startswith("image/")]
        assert all(a is not b for a, b in pairwise(pictures))


def test_another_seed_shows_other_pictures_under_the_same_albums() -> None:
    blobs = BlobCache()
    one, other = sample(blobs, seed=1), sample(blobs, seed=2)
    assert [one.entry(n).name for n in range(one.folders)] == [
        other.entry(n).name for n in range(other.folders)
    ]
    pictures = [(one.entry(n).blob, other.entry(n).blob) for n in range(one.folders, one.files)]
    assert sum(a is not b for a, b in pictures) > len(pictures) / 2
