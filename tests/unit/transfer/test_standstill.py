"""Nothing can work: the worker waits, says for what, and goes on by itself."""

import asyncio

import pytest
from structlog.testing import capture_logs

from services.core.errors import SetAside, Stop
from services.transfer.standstill import Standstill
from tests.fakes.patience import until

NO_BUCKET = Stop("no_bucket", "There is no bucket.")


class World:
    """Nothing works in it until `works` is set."""

    def __init__(self, *, works: bool = False) -> None:
        self.works = works
        self.tries = 0

    async def act(self) -> str:
        self.tries += 1
        if not self.works:
            raise NO_BUCKET
        return "done"


async def test_what_works_is_done_once() -> None:
    world = World(works=True)
    assert await Standstill().outlast(world.act) == "done"
    assert world.tries == 1


async def test_it_goes_on_by_itself_when_the_world_works_again() -> None:
    world, standstill = World(), Standstill(0.01, 0.02)
    waiting = asyncio.ensure_future(standstill.outlast(world.act))
    await until(lambda: world.tries >= 3)
    assert not waiting.done()
    assert standstill.waiting_for == "There is no bucket."
    world.works = True
    assert await asyncio.wait_for(waiting, 10) == "done"
    assert standstill.waiting_for is None


async def test_many_files_wait_behind_one_that_tries() -> None:
    world, standstill = World(), Standstill(0.01, 0.01)
    with capture_logs() as lines:
        files = [asyncio.ensure_future(standstill.outlast(world.act)) for _ in range(32)]
        await until(lambda: world.tries >= 32 + 3)
        tries, waits = world.tries, len(lines)
    assert tries <= 32 + waits  # each once, and then one for each wait that is over
    world.works = True
    assert await asyncio.wait_for(asyncio.gather(*files), 10) == ["done"] * 32


async def test_it_says_what_it_waits_for_each_time_it_tries() -> None:
    world, standstill = World(), Standstill(0.01, 0.01)
    with capture_logs() as lines:
        waiting = asyncio.ensure_future(standstill.outlast(world.act))
        await until(lambda: len(lines) >= 3)
        world.works = True
        await waiting
    assert {(line["event"], line["log_level"], line["why"]) for line in lines} == {
        ("transfer.waiting", "error", "There is no bucket.")
    }


async def test_waits_double_up_to_the_longest_and_start_over_after_a_success() -> None:
    world, standstill = World(), Standstill(0.01, 0.02)
    with capture_logs() as lines:
        waiting = asyncio.ensure_future(standstill.outlast(world.act))
        await until(lambda: len(lines) >= 4)
        world.works = True
        await waiting
        world.works = False
        again = asyncio.ensure_future(standstill.outlast(world.act))
        await asyncio.sleep(0)
        world.works = True
        await again
    waits = [line["seconds"] for line in lines if line["event"] == "transfer.waiting"]
    assert waits[:3] == [0.01, 0.02, 0.02]
    assert waits[-1] == 0.01


async def test_files_that_somebody_else_will_do_wait_no_longer_not_even_in_a_long_wait() -> None:
    world, standstill = World(), Standstill(600.0, 600.0)
    alive = True
    files = [
        asyncio.ensure_future(standstill.outlast(world.act, alive=lambda: alive)) for _ in range(8)
    ]
    await until(lambda: world.tries == 8)
    alive = False
    assert await asyncio.wait_for(asyncio.gather(*files), 10) == [None] * 8


async def test_other_verdicts_go_up_at_once() -> None:
    async def act() -> str:
        raise SetAside("not_found", "It is gone.")

    with pytest.raises(SetAside):
        await Standstill().outlast(act)


async def test_what_is_stopped_alone_while_others_succeed_is_set_aside_in_the_end() -> None:
    standstill = Standstill(0.005, 0.005)
    broken = World()
    waiting = asyncio.ensure_future(standstill.outlast(broken.act))
    async with asyncio.timeout(10):
        while not waiting.done():
            await standstill.outlast(World(works=True).act)
            await asyncio.sleep(0.002)
    with pytest.raises(SetAside) as why:
        await waiting
    assert why.value.reason == "no_bucket"
    assert broken.tries > 4


async def test_one_success_of_another_does_not_condemn_a_file() -> None:
    standstill = Standstill(0.005, 0.005)
    world = World()
    waiting = asyncio.ensure_future(standstill.outlast(world.act))
    await until(lambda: world.tries >= 2)
    await standstill.outlast(World(works=True).act)
    await until(lambda: world.tries >= 12)
    assert not waiting.done()
    world.works = True
    assert await asyncio.wait_for(waiting, 10) == "done"
