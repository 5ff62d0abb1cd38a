"""From a page asked for to the facts in the log, in an order that a crash cannot falsify."""

from collections.abc import Sequence

import pytest

from services.core import events as e
from services.core.errors import RateLimited, SetAside, Stop, TryAgain
from services.core.ports import Entry, Page
from services.core.retry import RetryPolicy
from services.lister.service import Lister
from tests.fakes.drive import FakeDrive
from tests.fakes.messages import InHand, Publications
from tests.fakes.samples import NOW, a_request

POLICY = RetryPolicy(attempts=3, first_wait=0.0)
AGAIN = TryAgain("drive_unreachable", "No answer.")


class Worker:
    """A lister whose outside is in memory."""

    def __init__(self, *, page_size: int = 2, publications: Publications | None = None) -> None:
        self.drive = FakeDrive(page_size=page_size)
        self.publications = publications or Publications()
        self.lister = Lister(self.drive, self.publications, policy=POLICY)

    async def list_page(self, asked: e.PageRequested) -> None:
        message = InHand(asked)
        await self.lister.list_page(message)
        assert message.is_done

    async def list_all(self, asked: e.PageRequested) -> None:
        """As Kafka would: every page that is asked for comes back as a message."""
        waiting = [asked]
        while waiting:
            before = len(self.publications.events)
            await self.list_page(waiting.pop(0))
            news = self.publications.events[before:]
            waiting += [event for event in news if isinstance(event, e.PageRequested)]

    def published(self, kind: type[e.Event]) -> list[e.Event]:
        return [event for event in self.publications.events if isinstance(event, kind)]


def import_requested() -> e.ImportRequested:
    return e.ImportRequested(
        import_id="import-1", folder_id="root-1", folder_url="…", requested_at=NOW
    )


async def test_an_import_requested_becomes_one_page_requested() -> None:
    worker, message = Worker(), InHand(import_requested())
    await worker.lister.start(message)
    assert worker.publications.events == [a_request()]
    assert message.is_done


async def test_control_events_are_done_without_effect() -> None:
    worker, message = Worker(), InHand(e.ImportPaused(import_id="import-1", epoch=1, at=NOW))
    await worker.lister.start(message)
    assert worker.publications.events == []
    assert message.is_done


async def test_a_tree_is_listed_whole_and_every_folder_closed() -> None:
    worker = Worker()
    for parent, child in ((None, "root-1"), ("root-1", "sub"), ("sub", "subsub")):
        worker.drive.add_folder(child, parent=parent)
        for number in range(5):
            worker.drive.add_file(child, f"{child}-{number}", b"x")
    await worker.list_all(a_request())
    found = {
        file.file_id for file in worker.published(e.FileFound) if isinstance(file, e.FileFound)
    }
    assert found == {f"{f}-{n}" for f in ("root-1", "sub", "subsub") for n in range(5)}
    manifests = [m for m in worker.published(e.PageListed) if isinstance(m, e.PageListed)]
    assert {m.folder_id for m in manifests if m.closes} == {"root-1", "sub", "subsub"}


async def test_files_come_first_then_the_manifest_and_the_next_page_last() -> None:
    worker = Worker()
    worker.drive.add_folder("root-1")
    worker.drive.add_folder("sub", parent="root-1")
    for number in range(3):
        worker.drive.add_file("root-1", f"file-{number}", b"x")
    await worker.list_page(a_request())
    kinds = [[type(event).__name__ for event in batch] for batch in worker.publications.batches]
    assert kinds == [["FileFound"], ["PageListed", "PageRequested"], ["PageRequested"]]
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
    worker, message = Worker(publications=publications), InHand(a_request())
    for number in range(3):
        worker.drive.add_file("root-1", f"file-{number}", b"x")
    with pytest.raises(ConnectionError):
        await worker.lister.list_page(message)
    assert not message.is_done
    lost = -1  # the broker is back; the same process gets the message again
    await worker.lister.list_page(message)
    assert message.is_done
    assert worker.drive.listed == [("root-1", None)] * 2
    assert isinstance(publications.events[-1], e.PageRequested)


async def test_a_folder_met_twice_is_listed_once() -> None:
    worker = Worker()
    worker.drive.add_folder("sub")
    await worker.list_page(a_request(folder_id="sub", ancestors=("a",)))
    await worker.list_page(a_request(folder_id="sub", ancestors=("b",)))
    assert worker.drive.listed == [("sub", None)]
    assert len(worker.published(e.PageListed)) == 1


async def test_a_later_page_that_is_delivered_again_is_listed_again() -> None:
    worker = Worker()
    for number in range(3):
        worker.drive.add_file("root-1", f"file-{number}", b"x")
    again = a_request(page_number=1, token="root-1@2")
    await worker.list_page(again)
    await worker.list_page(again)
    assert len(worker.published(e.PageListed)) == 2


async def test_a_listing_that_says_it_is_incomplete_is_tried_anew_and_then_fails() -> None:
    worker = Worker()
    worker.drive.list_troubles["root-1"].extend(
        Page(entries=[Entry(id=str(n), name="", mime_type="image/png")], incomplete=True)
        for n in range(3)
    )
    await worker.list_all(a_request())
    assert len(worker.drive.listed) == 3
    assert len(worker.published(e.FileFound)) == 3
    (failed,) = worker.published(e.FolderFailed)
    assert isinstance(failed, e.FolderFailed)
    assert (failed.reason, failed.pass_number) == ("listing_incomplete", 2)
    assert not any(m.closes for m in worker.published(e.PageListed) if isinstance(m, e.PageListed))


async def test_a_token_that_expired_starts_the_folder_anew_and_loses_nothing() -> None:
    worker = Worker()
    for number in range(3):
        worker.drive.add_file("root-1", f"file-{number}", b"x")
    await worker.list_all(a_request(page_number=1, token="stale"))
    found = {
        file.file_id for file in worker.published(e.FileFound) if isinstance(file, e.FileFound)
    }
    assert found == {"file-0", "file-1", "file-2"}
    assert worker.drive.listed[0] == ("root-1", "stale")
    closing = worker.published(e.PageListed)[-1]
    assert isinstance(closing, e.PageListed)
    assert (closing.pass_number, closing.closes) == (1, True)


async def test_a_passing_trouble_is_not_noticed() -> None:
    worker = Worker()
    worker.drive.add_folder("root-1")
    limited = RateLimited("drive_rate_limited", "Slower.")
    worker.drive.list_troubles["root-1"].extend([AGAIN, limited, limited, AGAIN])
    await worker.list_page(a_request())
    assert [type(event) for event in worker.publications.events] == [e.PageListed]


@pytest.mark.parametrize(
    ("trouble", "reason", "word"),
    [
        ([AGAIN] * 3, "drive_unreachable", "No answer"),
        ([SetAside("not_found", "This folder does not exist.")], "not_found", "not exist"),
        ([Stop("key_refused", "Check GOOGLE_API_KEY.")], "key_refused", "GOOGLE_API_KEY"),
    ],
)
async def test_what_cannot_be_listed_fails_the_folder_in_words(
    trouble: list[TryAgain | SetAside | Stop], reason: str, word: str
) -> None:
    worker = Worker()
    worker.drive.list_troubles["root-1"].extend(trouble)
    await worker.list_page(a_request(epoch=4))
    (failed,) = worker.publications.events
    assert isinstance(failed, e.FolderFailed)
    assert (failed.reason, failed.epoch, failed.folder_id) == (reason, 4, "root-1")
    assert word in failed.message


async def test_a_fault_that_nobody_foresaw_fails_one_folder_and_not_the_process() -> None:
    class Broken(FakeDrive):
        async def list_page(
            self, folder_id: str, *, token: str | None, resource_key: str | None
        ) -> Page:
            raise ZeroDivisionError

    publications = Publications()
    message = InHand(a_request())
    await Lister(Broken(), publications, policy=POLICY).list_page(message)
    (failed,) = publications.events
    assert isinstance(failed, e.FolderFailed)
    assert failed.reason == "unforeseen"
    assert message.is_done


async def test_a_page_of_a_partition_that_is_gone_is_left_to_its_new_owner() -> None:
    worker, message = Worker(), InHand(a_request(), alive=False)
    await worker.lister.list_page(message)
    assert worker.drive.listed == []
    assert (message.is_done, message.is_left) == (False, True)


async def test_an_event_of_another_kind_does_not_block_the_log() -> None:
    worker, message = Worker(), InHand(import_requested())
    await worker.lister.list_page(message)
    assert message.is_done
    assert worker.publications.events == []
