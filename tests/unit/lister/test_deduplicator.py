"""A page asked for twice is listed once, and no page is lost by that."""

import asyncio

import pytest

from services.core.events import PageRequested
from services.lister.deduplicator import PageDeduplicator
from tests.fakes.samples import a_request
from tests.fakes.virtual_time import virtual_time


async def is_new(pages: PageDeduplicator, asked: PageRequested) -> bool:
    async with pages.holding(asked) as to_do:
        return to_do


async def test_a_page_is_known_once_it_is_done() -> None:
    pages = PageDeduplicator()
    assert await is_new(pages, a_request())
    assert await is_new(pages, a_request())
    pages.done(a_request())
    again = a_request(path=("by", "another", "way"), token="of another run")
    assert not await is_new(pages, again)


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
async def test_another_import_folder_epoch_round_pass_or_page_asks_again(
    change: dict[str, object],
) -> None:
    pages = PageDeduplicator()
    pages.done(a_request())
    assert await is_new(pages, a_request(**change))


@virtual_time
async def test_a_page_that_is_in_hand_is_waited_for_and_need_not_be_done_again() -> None:
    pages, order = PageDeduplicator(), []

    async def one(name: str) -> None:
        async with pages.holding(a_request()) as to_do:
            order.append((name, to_do))
            await asyncio.sleep(1)
            pages.done(a_request())

    await asyncio.gather(one("first"), one("second"), one("third"))
    assert order == [("first", True), ("second", False), ("third", False)]


@pytest.mark.parametrize("cancelled", [True, False])
@virtual_time
async def test_whoever_waited_for_a_page_that_came_to_nothing_does_it(cancelled: bool) -> None:
    pages = PageDeduplicator()

    async def fails() -> None:
        async with pages.holding(a_request()):
            await asyncio.sleep(1)
            raise ConnectionError

    failing = asyncio.create_task(fails())
    await asyncio.sleep(0.5)
    waiting = asyncio.create_task(is_new(pages, a_request()))
    await asyncio.sleep(0.1)
    if cancelled:
        failing.cancel()
    assert await waiting
    await asyncio.gather(failing, return_exceptions=True)


async def test_memory_is_bounded_and_what_was_used_least_recently_is_forgotten() -> None:
    pages = PageDeduplicator(capacity=2)
    for name in ("a", "b", "a", "c"):
        pages.done(a_request(folder_id=name))
    known = [n for n in "abc" if not await is_new(pages, a_request(folder_id=n))]
    assert known == ["a", "c"]
