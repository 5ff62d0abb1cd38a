"""A folder is closed only by a listing that can be trusted, however Drive lists it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.core import events as e
from services.core.errors import SetAside
from services.core.events import Message
from services.core.ports import Page
from services.lister import passes
from tests.fakes.drive import FakeDrive
from tests.fakes.listing import Lie, Listing, LyingDrive
from tests.fakes.messages import Publications
from tests.fakes.samples import NOW, a_request, an_image

SIZES = (5, 4, 3, 7, 6, 2)
"""Stand for 1,000, 997 and so on: small folders then have many pages."""
PLACES = st.none() | st.integers(1, 3)
LIES = st.builds(
    Lie,
    leaves_out=st.frozensets(st.integers(0, 12), max_size=2),
    repeats=st.lists(st.integers(0, 12), max_size=2).map(tuple),
    reverse=st.booleans(),
    overlaps=st.integers(0, 2),
    ends_after=PLACES,
    incomplete_at=PLACES,
    expires_at=PLACES,
    circles_at=PLACES,
)
SCRIPTS = st.lists(st.just(Lie()) | LIES, min_size=passes.PASSES, max_size=passes.PASSES)
IMAGES = st.integers(0, 13)


@contextmanager
def small_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "PAGE_SIZES", SIZES)
        yield


async def listed(images: int, script: Sequence[Lie]) -> tuple[Listing, LyingDrive]:
    drive = LyingDrive(images=images, script=script)
    listing = Listing(drive)
    with small_pages():
        await listing.list_all(a_request())
    return listing, drive


def trusted_alone(drive: LyingDrive) -> bool:
    """One page, neither empty nor full: nothing shows that it may be short."""
    return len(drive.told) == 1 and 0 < len(drive.told[0]) < SIZES[0]


@settings(max_examples=400)
@given(images=IMAGES, script=SCRIPTS)
async def test_a_folder_ends_closed_by_two_passes_that_agree_or_failed_in_words(
    images: int, script: list[Lie]
) -> None:
    listing, drive = await listed(images, script)
    failures = listing.published(e.FolderFailed)
    assert len(failures) + len(listing.closed) == 1
    assert len(drive.told) <= passes.PASSES
    if failures:
        assert failures[0].reason == "listing_incomplete"
    elif not trusted_alone(drive):
        one, other = (drive.told[turn] for turn in drive.whole[-2:])
        assert set(one) == set(other)
        assert set(one) <= listing.found
    if listing.closed and any(script[turn].honest for turn in drive.whole[-2:]):
        assert listing.found == {entry.id for entry in drive.truth}, "it closed short"


@settings(max_examples=300)
@given(images=IMAGES, script=SCRIPTS, at=st.integers(0, passes.PASSES - 2), turned=st.booleans())
@example(images=13, script=[Lie(ends_after=1)] * passes.PASSES, at=4, turned=True)
async def test_two_honest_passes_in_a_row_find_every_file_whatever_came_before(
    images: int, script: list[Lie], at: int, turned: bool
) -> None:
    script[at : at + 2] = [Lie(reverse=turned), Lie(overlaps=1)]
    listing, drive = await listed(images, script)
    if len(drive.told) == at + 2 or (at == 0 and trusted_alone(drive)):
        assert listing.found == {entry.id for entry in drive.truth}
    assert listing.closed, "it need not go on to the end, but it must close"


@pytest.mark.parametrize("pages", [1, 2])
async def test_a_token_lost_at_every_page_boundary_never_closes_the_folder(pages: int) -> None:
    listing, drive = await listed(13, [Lie(ends_after=pages)] * passes.PASSES)
    (failed,) = listing.published(e.FolderFailed)
    assert failed.reason == "listing_incomplete"
    assert len(drive.told) == passes.PASSES


@pytest.mark.parametrize("overlaps", [1, 2])
async def test_entries_that_come_again_at_the_top_of_every_page_are_no_difference(
    overlaps: int,
) -> None:
    listing, drive = await listed(13, [Lie(overlaps=overlaps)] * passes.PASSES)
    assert listing.closed
    assert len(drive.told) == 2


async def test_a_token_lost_once_costs_two_passes_more_and_no_file() -> None:
    listing, drive = await listed(13, [Lie(ends_after=1)])
    assert listing.found == {entry.id for entry in drive.truth}
    assert [len(told) for told in drive.told] == [5, 13, 13]
    doubts = [page.doubt for page in listing.published(e.PageListed) if page.last]
    assert doubts == ["full_page", "passes_differ", None]


@pytest.mark.parametrize("count", [1, 2, 4])
async def test_a_small_folder_is_listed_once(count: int) -> None:
    listing, drive = await listed(count, [])
    assert (len(drive.told), len(listing.closed)) == (1, 1)


@pytest.mark.parametrize("count", [0, 5, 6, 13])
async def test_an_empty_a_full_and_a_long_listing_are_confirmed_by_ids_alone(count: int) -> None:
    listing, drive = await listed(count, [])
    assert len(drive.told) == 2
    found = [file.file_id for file in listing.published(e.FileFound)]
    assert len(found) == len(set(found)) == count
    confirming = [page for page in listing.published(e.PageListed) if page.confirms]
    assert sum(page.entries for page in confirming) == count
    assert all(not (page.files or page.opened or page.skipped) for page in confirming)
    assert confirming[-1].closes
    assert not any(page.closes for page in listing.published(e.PageListed) if not page.confirms)


async def test_a_hundred_entries_may_be_a_page_that_drive_cut_short() -> None:
    drive = LyingDrive(images=100)
    listing = Listing(drive)
    await listing.list_all(a_request())
    assert len(drive.told) == 2


async def test_what_another_pass_finds_is_fetched_only_if_it_is_not_there() -> None:
    listing, _ = await listed(13, [Lie(ends_after=1)])
    modes = [file.mode for file in listing.published(e.FileFound)]
    assert modes == [e.Mode.FRESH] * 5 + [e.Mode.CHECK] * 13


async def test_an_import_that_fetches_everything_again_does_so_in_every_pass() -> None:
    listing = Listing(LyingDrive(images=13, script=[Lie(ends_after=1)]))
    with small_pages():
        await listing.list_all(a_request(mode=e.Mode.FORCE))
    assert {file.mode for file in listing.published(e.FileFound)} == {e.Mode.FORCE}


async def test_a_circle_of_tokens_ends_before_it_is_walked_again() -> None:
    listing, drive = await listed(13, [Lie(circles_at=2)])
    assert len(drive.told[0]) == 13
    assert listing.found == {entry.id for entry in drive.truth}


@given(
    tail=st.integers(0, 40), length=st.integers(1, 40), other=st.sampled_from(["", "\ud800", "é"])
)
def test_a_circle_of_any_length_is_noticed(tail: int, length: int, other: str) -> None:
    asked: object = a_request()
    for number in range(1000):
        token = f"{other}{number if number < tail else tail + (number - tail) % length}"
        assert isinstance(asked, e.PageRequested)
        following, doubt = passes.decide(asked, Page(entries=[], next_token=token), NOW)
        if doubt is not None:
            assert doubt == "token_repeats"
            assert number <= 3 * (tail + length) + 1
            return
        asked = following
    pytest.fail("it was not noticed")


@given(st.lists(st.integers(0, 30), unique=True))
def test_a_digest_does_not_depend_on_order_and_pages(numbers: list[int]) -> None:
    entries = [an_image(n) for n in numbers]
    nothing, even, odd = e.ListingDigest(), entries[::2], entries[1::2]
    straight = passes.digested(nothing, entries)
    assert passes.digested(passes.digested(nothing, even), odd) == straight
    overlapping = [*even[-5:], *odd]
    tail = passes.tail_of((), even)
    assert passes.digested(passes.digested(nothing, even), overlapping, tail) == straight
    assert straight.count == len(numbers)
    assert 0 <= straight.digest < 2**63


@given(st.sets(st.integers(0, 50)), st.sets(st.integers(0, 50)))
def test_digests_differ_where_the_entries_do(some: set[int], others: set[int]) -> None:
    digests = [
        passes.digested(e.ListingDigest(), [an_image(n) for n in ids]) for ids in (some, others)
    ]
    assert (digests[0] == digests[1]) == (some == others)


def test_an_entry_that_repeats_on_a_page_counts_once() -> None:
    assert passes.digested(e.ListingDigest(), [an_image(1)] * 3) == passes.digested(
        e.ListingDigest(), [an_image(1)]
    )


class LosesItsBroker(Publications):
    """Events get into the log one by one; after so many no more of them do, for one publish."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._left = after

    async def publish(self, events: Sequence[Message]) -> None:
        for event in events:
            self._left -= 1
            if self._left == -1:
                raise ConnectionError("no broker")
            await super().publish([event])


@pytest.mark.parametrize("after", range(4))
async def test_a_folder_that_vanishes_after_a_crash_is_opened_only_if_it_was_asked_for(
    after: int,
) -> None:
    """Else nobody would ever list it, and its import would not end."""
    listing = Listing(FakeDrive(), LosesItsBroker(after))
    listing.drive.add_file("root-1", "file-1", b"x")
    listing.drive.add_folder("sub", parent="root-1")
    with suppress(ConnectionError):
        await listing.handle(a_request())
    listing.drive.folders["root-1"].pop()
    await listing.handle(a_request())
    opened = {folder.id for page in listing.published(e.PageListed) for folder in page.opened}
    assert opened <= {asked.folder_id for asked in listing.published(e.PageRequested)}
    assert listing.found == {"file-1"}


async def test_a_folder_that_failed_is_not_tried_again_on_every_way_to_it() -> None:
    listing = Listing(FakeDrive())
    refused = SetAside("drive_refused", "Google Drive answered 400.")
    listing.drive.list_troubles["sub"].extend([refused] * 3)
    for way in "abc":
        await listing.handle(a_request(folder_id="sub", ancestors=(way,)))
    assert len(listing.published(e.FolderFailed)) == len(listing.drive.listed) == 1
