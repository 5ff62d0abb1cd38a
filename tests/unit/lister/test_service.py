"""From a page asked for to the facts in the log, in an order that a crash cannot falsify."""

import asyncio
from collections.abc import Sequence

import pytest

from services.core import events as e
from services.core.errors import CoolDown, RateLimited, SetAside, Stop, TryAgain
from services.core.ports import FOLDER_TYPE, Entry, Page
from services.lister.passes import PASSES
from tests.fakes.drive import FakeDrive
from tests.fakes.listing import Listing, a_lister
from tests.fakes.messages import InHand, Publications
from tests.fakes.patience import until
from tests.fakes.samples import NOW, a_request, an_image

AGAIN = TryAgain("drive_unavailable", "No answer.")


def import_requested() -> e.ImportRequested:
    return e.ImportRequested(
        import_id="import-1", folder_id="root-1", folder_url="…", requested_at=NOW
    )


async def test_an_import_requested_becomes_one_page_requested() -> None:
    worker, message = Listing(), InHand(import_requested())
    await worker.lister.start(message)
    assert worker.publications.events == [a_request()]
    assert message.is_done


async def test_control_events_are_done_without_effect() -> None:
    worker, message = Listing(), InHand(e.ImportPaused(import_id="import-1", epoch=1, at=NOW))
    await worker.lister.start(message)
    assert worker.publications.events == []
    assert message.is_done


async def test_a_tree_is_listed_whole_and_every_folder_closed() -> None:
    worker = Listing()
    for parent, child in ((None, "root-1"), ("root-1", "sub"), ("sub", "subsub")):
        worker.drive.add_folder(child, parent=parent)
        for number in range(5):
            worker.drive.add_file(child, f"{child}-{number}", b"x")
    await worker.list_all(a_request())
    assert worker.found == {f"{f}-{n}" for f in ("root-1", "sub", "subsub") for n in range(5)}
    assert worker.closed == {"root-1", "sub", "subsub"}


async def test_files_and_subfolders_come_first_then_the_manifest_and_the_next_page_last() -> None:
    worker = Listing()
    worker.drive.add_folder("root-1")
    worker.drive.add_folder("sub", parent="root-1")
    for number in range(3):
        worker.drive.add_file("root-1", f"file-{number}", b"x")
    await worker.handle(a_request())
    kinds = [[type(event).__name__ for event in batch] for batch in worker.publications.batches]
    assert kinds == [["FileFound", "PageRequested"], ["PageListed"], ["PageRequested"]]
    following = worker.publications.events[-1]
    assert isinstance(following, e.PageRequested)
    assert (following.folder_id, following.page_number) == ("root-1", 1)


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_a_broker_lost_between_two_groups_leaves_the_page_to_be_listed_again(
    lost: int,
) -> None:
    def lose(events: Sequence[e.Message]) -> None:
        if len(publications.batches) == lost:
            raise ConnectionError("no broker")

    publications = Publications(lose)
    worker, message = Listing(publications=publications), InHand(a_request())
    for number in range(3):
        worker.drive.add_file("root-1", f"file-{number}", b"x")
    with pytest.raises(ConnectionError):
        await worker.lister.handle(message)
    assert not message.is_done
    lost = -1  # the broker is back; the same process gets the message again
    await worker.lister.handle(message)
    assert message.is_done
    assert worker.drive.listed == [("root-1", None)] * 2
    assert isinstance(publications.events[-1], e.PageRequested)


async def test_a_folder_met_twice_is_listed_once() -> None:
    worker = Listing()
    worker.drive.add_file("sub", "file-1", b"x")
    await worker.handle(a_request(folder_id="sub", ancestors=("a",)))
    await worker.handle(a_request(folder_id="sub", ancestors=("b",)))
    assert worker.drive.listed == [("sub", None)]
    assert len(worker.published(e.PageListed)) == 1


async def test_a_folder_that_failed_is_tried_again_on_another_way_to_it() -> None:
    worker = Listing()
    worker.drive.add_file("sub", "file-1", b"x")
    worker.drive.list_troubles["sub"].append(SetAside("not_found", "Its key was not given."))
    await worker.handle(a_request(folder_id="sub"))
    await worker.handle(a_request(folder_id="sub", resource_key="0-key"))
    assert worker.closed == {"sub"}


async def test_a_chain_of_pages_that_a_crash_doubled_is_one_again_after_a_page() -> None:
    worker = Listing()
    for number in range(40):
        worker.drive.add_file("root-1", f"file-{number}", b"x")
    # A worker listed this page and asked for the next; it was killed before it could commit.
    await worker.handle(a_request())
    (following,) = worker.published(e.PageRequested)
    successor = Listing(worker.drive, worker.publications)
    await successor.handle(a_request())
    twice = [*worker.published(e.PageRequested)]
    assert twice == [following, following]
    for asked in twice:
        await successor.handle(asked)
    await successor.list_all(worker.published(e.PageRequested)[-1])
    assert worker.closed == {"root-1"}
    assert len(worker.drive.listed) == 20 + 20 + 1  # two passes, and the page of the crash


async def test_a_listing_that_says_it_is_incomplete_is_tried_anew_and_then_fails() -> None:
    worker = Listing()
    worker.drive.list_troubles["root-1"].extend(
        Page(entries=[Entry(id=str(n), name="", mime_type="image/png")], incomplete=True)
        for n in range(PASSES)
    )
    await worker.list_all(a_request())
    assert len(worker.drive.listed) == PASSES
    assert len(worker.published(e.FileFound)) == PASSES
    (failed,) = worker.published(e.FolderFailed)
    assert (failed.reason, failed.pass_number) == ("listing_incomplete", PASSES - 1)
    assert worker.closed == set()


async def test_a_token_that_expired_starts_the_folder_anew_and_loses_nothing() -> None:
    worker = Listing()
    for number in range(3):
        worker.drive.add_file("root-1", f"file-{number}", b"x")
    await worker.list_all(a_request(page_number=1, token="stale"))
    assert worker.found == {"file-0", "file-1", "file-2"}
    assert worker.drive.listed[0] == ("root-1", "stale")
    assert worker.closed == {"root-1"}
    assert worker.passes == [1, 1, 2, 2]


async def test_all_pages_of_a_pass_have_one_size_and_each_pass_another() -> None:
    asked: list[tuple[int, bool]] = []

    class Noting(FakeDrive):
        async def list_page(
            self,
            folder_id: str,
            *,
            token: str | None,
            resource_key: str | None,
            page_size: int = 1000,
            ids_only: bool = False,
        ) -> Page:
            asked.append((page_size, ids_only))
            return await super().handle(
                folder_id,
                token=token,
                resource_key=resource_key,
                page_size=page_size,
                ids_only=ids_only,
            )

    worker = Listing(Noting(page_size=2))
    for number in range(3):
        worker.drive.add_file("root-1", f"file-{number}", b"x")
    await worker.list_all(a_request())
    assert asked == [(1000, False), (1000, False), (997, True), (997, True)]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (None, "not_found"),
        (an_image(1, id="root-1"), "not_a_folder"),
        (Entry(id="root-1", name="", mime_type=FOLDER_TYPE, trashed=True), "trashed"),
    ],
)
async def test_an_empty_list_of_what_is_no_folder_to_see_is_not_taken_for_an_empty_folder(
    item: Entry | None, reason: str
) -> None:
    worker = Listing()
    worker.drive.folders["root-1"] = []
    if item is not None:
        worker.drive.items["root-1"] = item
    await worker.list_all(a_request())
    (failed,) = worker.published(e.FolderFailed)
    assert failed.reason == reason
    assert worker.closed == set()


async def test_only_a_folder_that_is_empty_twice_is_looked_at_itself() -> None:
    worker = Listing()
    worker.drive.add_folder("root-1")
    worker.drive.add_folder("sub", parent="root-1")
    await worker.list_all(a_request())
    assert worker.drive.looked_up == ["sub"]
    assert worker.closed == {"root-1", "sub"}


async def test_a_passing_trouble_is_not_noticed() -> None:
    worker = Listing()
    worker.drive.add_file("root-1", "file-1", b"x")
    worker.drive.list_troubles["root-1"].extend([AGAIN, AGAIN])
    await worker.handle(a_request())
    assert [type(event) for event in worker.publications.events] == [e.FileFound, e.PageListed]


@pytest.mark.parametrize(
    ("trouble", "reason", "word"),
    [
        ([AGAIN] * 3, "drive_unavailable", "No answer"),
        ([SetAside("not_found", "This folder does not exist.")], "not_found", "not exist"),
        ([Stop("key_refused", "Check GOOGLE_API_KEY.")], "key_refused", "GOOGLE_API_KEY"),
    ],
)
async def test_what_cannot_be_listed_fails_the_folder_in_words(
    trouble: list[TryAgain | SetAside | Stop], reason: str, word: str
) -> None:
    worker = Listing()
    worker.drive.list_troubles["root-1"].extend(trouble)
    await worker.handle(a_request(epoch=4))
    (failed,) = worker.publications.events
    assert isinstance(failed, e.FolderFailed)
    assert (failed.reason, failed.epoch, failed.folder_id) == (reason, 4, "root-1")
    assert word in failed.message


@pytest.mark.parametrize(
    "trouble",
    [
        [TryAgain("drive_unreachable", "No connection.")] * 7,
        [RateLimited("drive_rate_limited", "Slower.", retry_after=0.001)] * 2,
        [CoolDown("automated_queries", "A robot.", 0.01)] * 2,
        [CoolDown("daily_limit_exceeded", "Used up.", 0.01)],
    ],
)
async def test_what_is_no_folders_trouble_is_waited_for_and_said(trouble: list[Stop]) -> None:
    drive, publications, told = FakeDrive(), Publications(), list[str]()
    drive.add_file("root-1", "file-1", b"x")
    drive.list_troubles["root-1"].extend(trouble)
    lister = a_lister(drive, publications, lambda why, _seconds: told.append(why.reason))
    message = InHand(a_request())
    await lister.handle(message)
    assert message.is_done
    assert [type(event) for event in publications.events] == [e.FileFound, e.PageListed]
    assert set(told) == {trouble[0].reason}


@pytest.mark.parametrize(
    "trouble",
    [
        TryAgain("drive_unavailable", "No answer.", retry_after=600.0),
        CoolDown("automated_queries", "A robot.", 600.0),
    ],
)
async def test_a_page_whose_partition_goes_is_left_even_in_a_long_wait(
    trouble: TryAgain | CoolDown,
) -> None:
    worker, message = Listing(), InHand(a_request())
    worker.drive.list_troubles["root-1"].append(trouble)
    listing = asyncio.ensure_future(worker.lister.handle(message))
    await until(lambda: bool(worker.drive.listed))
    message.alive = False
    await asyncio.wait_for(listing, 10)
    assert (message.is_done, message.is_left) == (False, True)
    assert worker.publications.events == []


async def test_a_fault_that_nobody_foresaw_fails_one_folder_and_not_the_process() -> None:
    class Broken(FakeDrive):
        async def list_page(self, folder_id: str, **_how: object) -> Page:
            raise ZeroDivisionError

    worker = Listing(Broken())
    await worker.handle(a_request())
    (failed,) = worker.published(e.FolderFailed)
    assert failed.reason == "unforeseen"


async def test_a_page_of_a_partition_that_is_gone_is_left_to_its_new_owner() -> None:
    worker, message = Listing(), InHand(a_request(), alive=False)
    await worker.lister.handle(message)
    assert worker.drive.listed == []
    assert (message.is_done, message.is_left) == (False, True)


async def test_an_event_of_another_kind_does_not_block_the_log() -> None:
    worker, message = Listing(), InHand(import_requested())
    await worker.lister.handle(message)
    assert message.is_done
    assert worker.publications.events == []
