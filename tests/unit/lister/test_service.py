"""From a page asked for to its facts in the log, in an order that survives a crash."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from services.core import events as e
from services.core.errors import CoolDown, RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.ports import FOLDER_TYPE, Entry, Page
from services.lister.passes import PASSES
from tests.fakes.drive import FakeDrive
from tests.fakes.listing import Listing
from tests.fakes.messages import Publications
from tests.fakes.samples import NOW, RECEIVED, a_request, an_image
from tests.fakes.virtual_time import now, virtual_time

UNAVAILABLE = TryAgain("drive_unavailable", "Google Drive answers 503.")
IMPORT = e.ImportRequested(
    import_id="import-1", epoch=4, folder_id="root-1", folder_url="…", requested_at=NOW
)


async def test_an_import_requested_becomes_its_folders_name_and_then_its_first_page() -> None:
    worker = Listing()
    worker.drive.add_folder("root-1", name="Summer in Tirol")
    await worker.handle(IMPORT)
    named, page = worker.publications.events
    assert isinstance(named, e.FolderNamed)
    assert (named.import_id, named.epoch) == (IMPORT.import_id, IMPORT.epoch)
    assert (named.folder_id, named.name) == ("root-1", "Summer in Tirol")
    assert page == a_request(epoch=IMPORT.epoch)
    assert [len(batch) for batch in worker.publications.batches] == [1, 1]


async def test_the_first_page_is_asked_for_as_the_import_was() -> None:
    worker = Listing()
    asked = msgspec.structs.replace(IMPORT, resource_key="0-k", mode=e.Mode.CHECK, round=2)
    await worker.handle(asked)
    assert worker.published(e.PageRequested) == [
        a_request(epoch=IMPORT.epoch, resource_key="0-k", mode=e.Mode.CHECK, round=2)
    ]


@pytest.mark.parametrize(
    "why",
    [
        SetAside("not_found", "It does not exist."),
        Stop("key_refused", "Google rejected the API key. Check GOOGLE_API_KEY."),
        None,
    ],
)
@virtual_time
async def test_without_a_name_the_import_begins_with_its_first_page_all_the_same(
    why: Verdict | None,
) -> None:
    worker = Listing()
    worker.drive.items["root-1"] = Entry(id="root-1", name="", mime_type=FOLDER_TYPE)
    if why is not None:
        worker.drive.look_up_troubles["root-1"].append(why)
    await worker.handle(IMPORT)
    assert worker.publications.events == [a_request(epoch=IMPORT.epoch)]
    assert now() == 0


@virtual_time
async def test_a_refused_key_fails_the_import_in_words_and_waits_for_nothing() -> None:
    worker = Listing(FakeDrive(key_is_right=False))
    await worker.handle(IMPORT)
    (page,) = worker.publications.events
    await worker.handle(page)
    (failed,) = worker.published(e.FolderFailed)
    assert (failed.reason, failed.folder_id) == ("key_refused", "root-1")
    assert "GOOGLE_API_KEY" in failed.message
    assert now() == 0


@virtual_time
async def test_an_import_that_begins_during_an_outage_still_gets_its_name() -> None:
    worker = Listing()
    worker.drive.add_folder("root-1", name="Summer in Tirol")
    worker.drive.down = UNAVAILABLE
    handling = asyncio.create_task(worker.handle(IMPORT))
    await asyncio.sleep(3600)
    assert worker.publications.events == []
    worker.drive.down = None
    await handling
    assert len(worker.published(e.FolderNamed)) == 1


@virtual_time
async def test_a_name_that_drive_alone_cannot_tell_holds_up_no_import() -> None:
    async def answers() -> bool:
        return True

    worker = Listing(check=answers)
    worker.drive.look_up_troubles["root-1"].extend([UNAVAILABLE] * 100)
    await worker.handle(IMPORT)
    assert worker.publications.events == [a_request(epoch=IMPORT.epoch)]
    assert now() < 60


async def test_control_events_have_no_effect() -> None:
    worker = Listing()
    await worker.handle(e.ImportPaused(import_id="import-1", epoch=1, at=NOW))
    assert worker.publications.events == []


@pytest.mark.parametrize("event", [IMPORT, a_request(epoch=4)])
async def test_what_the_runner_sets_aside_fails_its_folder_with_the_reason_it_was_given(
    event: e.Message,
) -> None:
    worker = Listing()
    await worker.lister.set_aside(event, RECEIVED, SetAside("worker_died", "It kills its worker."))
    (failed,) = worker.publications.events
    assert isinstance(failed, e.FolderFailed)
    assert (failed.import_id, failed.folder_id, failed.epoch) == ("import-1", "root-1", 4)
    assert (failed.reason, failed.message) == ("worker_died", "It kills its worker.")
    assert worker.drive.listed == []
    assert worker.drive.looked_up == []


async def test_a_control_event_that_is_set_aside_fails_nothing() -> None:
    worker = Listing()
    paused = e.ImportPaused(import_id="import-1", epoch=1, at=NOW)
    await worker.lister.set_aside(paused, RECEIVED, SetAside("worker_died", "It kills its worker."))
    assert worker.publications.events == []


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
    worker = Listing(publications=publications)
    for number in range(3):
        worker.drive.add_file("root-1", f"file-{number}", b"x")
    with pytest.raises(ConnectionError):
        await worker.handle(a_request())
    lost = -1  # the broker is back; the same process gets the message again
    await worker.handle(a_request())
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
    next_worker = Listing(worker.drive, worker.publications)
    await next_worker.handle(a_request())
    twice = [*worker.published(e.PageRequested)]
    assert twice == [following, following]
    for asked in twice:
        await next_worker.handle(asked)
    await next_worker.list_all(worker.published(e.PageRequested)[-1])
    assert worker.closed == {"root-1"}
    assert len(worker.drive.listed) == 20 + 20 + 1  # two passes, and the page of the crash


async def test_a_listing_that_says_it_is_incomplete_is_repeated_and_then_fails() -> None:
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


async def test_a_token_that_expired_starts_another_pass_and_loses_nothing() -> None:
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
            return await super().list_page(
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


@virtual_time
async def test_a_short_trouble_is_not_noticed() -> None:
    worker = Listing()
    worker.drive.add_file("root-1", "file-1", b"x")
    worker.drive.list_troubles["root-1"].extend([UNAVAILABLE, UNAVAILABLE])
    await worker.handle(a_request())
    assert [type(event) for event in worker.publications.events] == [e.FileFound, e.PageListed]


@virtual_time
async def test_a_folder_that_cannot_be_listed_fails_in_words() -> None:
    worker = Listing()
    worker.drive.list_troubles["root-1"].append(SetAside("not_found", "It does not exist."))
    await worker.handle(a_request(epoch=4))
    (failed,) = worker.publications.events
    assert isinstance(failed, e.FolderFailed)
    assert (failed.reason, failed.epoch, failed.folder_id) == ("not_found", 4, "root-1")
    assert failed.message == "It does not exist."
    assert now() == 0


class BrokenFolder(FakeDrive):
    """It answers 500 for one folder, and works for all others."""

    async def list_page(self, folder_id: str, **how: Any) -> Page:
        if folder_id == "broken":
            raise UNAVAILABLE
        return await super().list_page(folder_id, **how)


@virtual_time
async def test_a_folder_that_fails_alone_while_others_are_listed_is_set_aside() -> None:
    worker = Listing(BrokenFolder())
    broken = asyncio.create_task(worker.handle(a_request(folder_id="broken")))
    number = 0
    while not broken.done():
        number += 1
        worker.drive.add_file(f"folder-{number}", f"file-{number}", b"x")
        await worker.handle(a_request(folder_id=f"folder-{number}"))
        await asyncio.sleep(1)
    (failed,) = worker.published(e.FolderFailed)
    assert (failed.folder_id, failed.reason) == ("broken", "drive_unavailable")
    assert len(worker.closed) == number
    assert now() < 120


@pytest.mark.parametrize(
    "why",
    [
        UNAVAILABLE,
        TryAgain("drive_unreachable", "No connection."),
        RateLimited("drive_rate_limited", "Slower.", retry_after=60.0),
        CoolDown("automated_queries", "A robot.", 600.0),
        CoolDown("daily_limit_exceeded", "Used up.", 3600.0),
    ],
)
@virtual_time
async def test_what_is_no_folders_fault_is_waited_out_and_said(why: Verdict) -> None:
    worker = Listing()
    worker.drive.add_file("root-1", "file-1", b"x")
    worker.drive.down = why
    handling = asyncio.create_task(worker.handle(a_request()))
    await asyncio.sleep(6 * 3600)
    assert worker.publications.events == []
    waiting = worker.breaker.waiting_for
    assert waiting is not None
    assert (waiting.reason, waiting.message) == (why.reason, why.message)
    worker.drive.down = None
    await handling
    assert [type(event) for event in worker.publications.events] == [e.FileFound, e.PageListed]
    assert worker.breaker.waiting_for is None


@pytest.mark.parametrize(
    "why",
    [
        UNAVAILABLE,
        TryAgain("drive_unavailable", "No answer.", retry_after=600.0),
        CoolDown("automated_queries", "A robot.", 600.0),
    ],
)
@virtual_time
async def test_a_page_that_is_cancelled_ends_at_once_and_is_listed_by_the_next_owner(
    why: Verdict,
) -> None:
    worker = Listing()
    worker.drive.add_file("root-1", "file-1", b"x")
    worker.drive.down = why
    handling = asyncio.create_task(worker.handle(a_request()))
    await asyncio.sleep(100)
    assert worker.breaker.holds(handling)
    handling.cancel()
    await asyncio.wait({handling})
    assert (handling.cancelled(), now()) == (True, 100)
    assert worker.publications.events == []
    worker.drive.down = None
    await worker.handle(a_request())  # it was not taken for done
    assert worker.closed == {"root-1"}
