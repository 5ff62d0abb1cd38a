"""A page asked for twice is listed once, and a page is never lost by it."""

import asyncio

import pytest

from services.core.events import PageRequested
from services.lister.deduplicator import Seen
from tests.fakes.samples import a_request


async def is_new(seen: Seen, asked: PageRequested) -> bool:
    async with seen.turn(asked) as new:
        return new


async def test_a_page_is_known_once_it_is_noted() -> None:
    seen = Seen()
    assert await is_new(seen, a_request())
    assert await is_new(seen, a_request())
    seen.note(a_request())
    assert not await is_new(seen, a_request(path=("by", "another", "way"), token="of another run"))


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
    seen = Seen()
    seen.note(a_request())
    assert await is_new(seen, a_request(**change))


async def test_who_comes_while_it_is_in_hand_waits_and_need_not_do_it() -> None:
    seen, order = Seen(), []

    async def one(name: str) -> None:
        async with seen.turn(a_request()) as new:
            order.append((name, new))
            await asyncio.sleep(0.01)
            seen.note(a_request())

    async with asyncio.timeout(10):
        await asyncio.gather(one("first"), one("second"), one("third"))
    assert order == [("first", True), ("second", False), ("third", False)]


async def test_who_waited_for_one_that_came_to_nothing_does_it() -> None:
    seen = Seen()

    async def fails() -> None:
        async with seen.turn(a_request()):
            await asyncio.sleep(0.01)
            raise ConnectionError

    failing = asyncio.ensure_future(fails())
    await asyncio.sleep(0)
    assert await is_new(seen, a_request())
    with pytest.raises(ConnectionError):
        await failing


async def test_memory_is_bounded_and_the_oldest_is_forgotten_first() -> None:
    seen = Seen(remembered=2)
    for name in ("a", "b", "a", "c"):
        seen.note(a_request(folder_id=name))
    known = [n for n in "abc" if not await is_new(seen, a_request(folder_id=n))]
    assert known == ["a", "c"]
