"""A page that is requested twice is listed once, and no page is lost by that."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from services.core.events import FileFound, Message, PageListed
from services.core.ports import Page
from tests.fakes.drive import FakeDrive
from tests.fakes.listing import Listing
from tests.fakes.messages import Publications
from tests.fakes.samples import a_request
from tests.fakes.virtual_time import now, virtual_time


class SlowDrive(FakeDrive):
    """Each page takes a second."""

    async def list_page(self, folder_id: str, **how: Any) -> Page:
        await asyncio.sleep(1)
        return await super().list_page(folder_id, **how)


def a_listing(publications: Publications | None = None) -> Listing:
    listing = Listing(SlowDrive(), publications)
    listing.drive.add_file("root-1", "file-1", b"x")
    return listing


@virtual_time
async def test_a_page_is_known_however_the_folder_was_reached() -> None:
    listing = a_listing()
    await listing.handle(a_request())
    await listing.handle(a_request(path=("by", "another", "way"), token="of another run"))
    assert listing.drive.listed == [("root-1", None)]


@pytest.mark.parametrize(
    "change",
    [
        {"import_id": "i2"},
        {"folder_id": "f2"},
        {"epoch": 1},
        {"round": 1},
        {"pass_number": 1},
        {"page_number": 1},
    ],
)
@virtual_time
async def test_another_import_folder_epoch_round_pass_or_page_is_listed_too(
    change: dict[str, Any],
) -> None:
    listing = a_listing()
    listing.drive.add_file("f2", "file-2", b"x")
    await listing.handle(a_request())
    await listing.handle(a_request(**change))
    assert len(listing.drive.listed) == 2


@virtual_time
async def test_requests_for_one_page_at_once_list_it_once_and_end_together() -> None:
    listing = a_listing()
    await asyncio.gather(*(listing.handle(a_request()) for _ in range(3)))
    assert (len(listing.drive.listed), now()) == (1, 1)
    assert [type(event) for event in listing.publications.events] == [FileFound, PageListed]


@virtual_time
async def test_a_request_that_waits_for_a_cancelled_one_lists_the_page_itself() -> None:
    listing = a_listing()
    first = asyncio.create_task(listing.handle(a_request()))
    second = asyncio.create_task(listing.handle(a_request()))
    await asyncio.sleep(0.5)
    first.cancel()
    await second
    assert first.cancelled()
    assert listing.closed == {"root-1"}


@virtual_time
async def test_a_request_that_waits_for_a_failed_one_lists_the_page_itself() -> None:
    errors = [ConnectionError("no broker")]

    def lose(_events: Sequence[Message]) -> None:
        if errors:
            raise errors.pop()

    listing = a_listing(Publications(lose))
    first = asyncio.create_task(listing.handle(a_request()))
    await asyncio.sleep(0.5)
    await listing.handle(a_request())
    with pytest.raises(ConnectionError):
        await first
    assert listing.closed == {"root-1"}
