"""Nothing can work: the worker waits, says for what, and goes on by itself."""

import asyncio

import pytest

from services.core.errors import CoolDown, SetAside, Stop
from services.core.flow.circuit_breaker import LONGEST_COOL_DOWN, Standstill
from tests.fakes.patience import until

NO_BUCKET = Stop("no_bucket", "There is no bucket.")


class World:
    """Nothing works in it until `works` is set."""

    def __init__(self, *, works: bool = False, why: Stop = NO_BUCKET) -> None:
        self.works = works
        self.tries = 0
        self._why = why

    async def act(self) -> str:
        self.tries += 1
        if not self.works:
            raise self._why
        return "done"


class Told:
    """What a standstill says, wait by wait."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.why: list[Stop] = []

    def __call__(self, why: Stop, seconds: float) -> None:
        self.why.append(why)
        self.waits.append(seconds)


async def tried_again(world: World) -> None:
    tries = world.tries
    await until(lambda: world.tries > tries)


def wall(seconds: float) -> CoolDown:
    return CoolDown("automated_queries", "Google takes us for a robot.", seconds)


async def test_what_works_is_done_once() -> None:
    world = World(works=True)
    assert await Standstill(Told()).outlast(world.act) == "done"
    assert world.tries == 1


async def test_it_goes_on_by_itself_when_the_world_works_again() -> None:
    world, standstill = World(), Standstill(Told(), 0.01, 0.02)
    waiting = asyncio.ensure_future(standstill.outlast(world.act))
    await until(lambda: world.tries >= 3)
    assert not waiting.done()
    assert standstill.waiting_for == "There is no bucket."
    world.works = True
    assert await asyncio.wait_for(waiting, 10) == "done"
    assert standstill.waiting_for is None


async def test_many_files_wait_behind_one_that_tries() -> None:
    told = Told()
    world, standstill = World(), Standstill(told, 0.01, 0.01)
    files = [asyncio.ensure_future(standstill.outlast(world.act)) for _ in range(32)]
    await until(lambda: world.tries >= 32 + 3)
    assert world.tries <= 32 + len(told.waits)  # each once, then one for each wait that is over
    world.works = True
    assert await asyncio.wait_for(asyncio.gather(*files), 10) == ["done"] * 32


async def test_it_says_what_it_waits_for_each_time_it_tries() -> None:
    told = Told()
    world, standstill = World(), Standstill(told, 0.01, 0.01)
    waiting = asyncio.ensure_future(standstill.outlast(world.act))
    await until(lambda: len(told.waits) >= 3)
    world.works = True
    await waiting
    assert set(told.why) == {NO_BUCKET}


async def test_waits_double_up_to_the_longest_and_start_over_after_a_success() -> None:
    told = Told()
    world, standstill = World(), Standstill(told, 0.01, 0.02)
    waiting = asyncio.ensure_future(standstill.outlast(world.act))
    await until(lambda: len(told.waits) >= 4)
    world.works = True
    await waiting
    world.works = False
    again = asyncio.ensure_future(standstill.outlast(world.act))
    await asyncio.sleep(0)
    world.works = True
    await again
    assert told.waits[:3] == [0.01, 0.02, 0.02]
    assert told.waits[-1] == 0.01


@pytest.mark.parametrize("why", [NO_BUCKET, wall(600.0)])
async def test_files_that_somebody_else_will_do_wait_no_longer_not_even_in_a_long_wait(
    why: Stop,
) -> None:
    world, standstill = World(why=why), Standstill(Told(), 600.0, 600.0)
    alive = True
    files = [
        asyncio.ensure_future(standstill.outlast(world.act, alive=lambda: alive)) for _ in range(8)
    ]
    await until(lambda: world.tries > 0)
    alive = False
    assert await asyncio.wait_for(asyncio.gather(*files), 10) == [None] * 8


async def test_who_waits_behind_another_leaves_at_once_too_when_it_is_asked_to() -> None:
    standstill, world = Standstill(Told()), World(why=wall(600.0))
    alive = True
    first = asyncio.ensure_future(standstill.outlast(world.act))
    behind = asyncio.ensure_future(standstill.outlast(world.act, alive=lambda: alive))
    await until(lambda: world.tries == 1)
    await asyncio.sleep(0)
    alive = False
    assert await asyncio.wait_for(behind, 3) is None  # the drain of a partition lasts five seconds
    assert not first.done()
    first.cancel()


async def test_other_verdicts_go_up_at_once() -> None:
    async def act() -> str:
        raise SetAside("not_found", "It is gone.")

    with pytest.raises(SetAside):
        await Standstill(Told()).outlast(act)


async def test_what_is_stopped_alone_while_others_succeed_is_set_aside_in_the_end() -> None:
    standstill = Standstill(Told(), 0.005, 0.005)
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
    standstill = Standstill(Told(), 0.005, 0.005)
    world = World()
    waiting = asyncio.ensure_future(standstill.outlast(world.act))
    await until(lambda: world.tries >= 2)
    await standstill.outlast(World(works=True).act)
    await until(lambda: world.tries >= 12)
    assert not waiting.done()
    world.works = True
    assert await asyncio.wait_for(waiting, 10) == "done"


async def test_a_cool_down_lasts_as_long_as_it_says_and_doubles_up_to_an_hour() -> None:
    told = Told()
    standstill = Standstill(told)
    alive, walls = True, iter([0.01, 0.01, 0.01, 1e9])

    async def act() -> str:
        raise wall(next(walls))

    waiting = asyncio.ensure_future(standstill.outlast(act, alive=lambda: alive))
    await until(lambda: len(told.waits) == 4)
    alive = False
    assert await asyncio.wait_for(waiting, 10) is None
    assert told.waits == [0.01, 0.02, 0.04, LONGEST_COOL_DOWN]


async def test_during_a_cool_down_nobody_knocks_but_one_at_a_time() -> None:
    told = Told()
    world, standstill = World(why=wall(0.01)), Standstill(told)
    items = [asyncio.ensure_future(standstill.outlast(world.act))]
    await until(lambda: len(told.waits) == 1)
    items += [asyncio.ensure_future(standstill.outlast(world.act)) for _ in range(16)]
    await until(lambda: len(told.waits) == 4)
    # The first try, then never more than one for each wait: who came later had to queue.
    assert world.tries <= 1 + len(told.waits)
    world.works = True
    assert await asyncio.wait_for(asyncio.gather(*items), 10) == ["done"] * 17
    assert standstill.waiting_for is None


async def test_what_was_let_in_before_the_wall_came_down_does_not_end_the_cool_down() -> None:
    told = Told()
    standstill, going = Standstill(told), asyncio.Event()

    async def early() -> str:
        await going.wait()
        return "done"

    before = asyncio.ensure_future(standstill.outlast(early))
    await asyncio.sleep(0)
    alive = True
    world = World(why=wall(600.0))
    behind = asyncio.ensure_future(standstill.outlast(world.act, alive=lambda: alive))
    await until(lambda: len(told.waits) == 1)
    going.set()
    assert await before == "done"
    assert standstill.waiting_for == "Google takes us for a robot."
    assert not behind.done()
    alive = False
    assert await asyncio.wait_for(behind, 10) is None


async def test_a_wall_before_one_item_alone_does_not_stop_the_others_for_ever() -> None:
    told = Told()
    standstill, broken = Standstill(told), World(why=wall(0.005))
    waiting = asyncio.ensure_future(standstill.outlast(broken.act))
    async with asyncio.timeout(10):
        while not waiting.done():
            await standstill.outlast(World(works=True).act)
            await asyncio.sleep(0.002)
    with pytest.raises(SetAside) as why:
        await waiting
    assert why.value.reason == "automated_queries"
    assert len(told.waits) <= 6  # the others were kept waiting a few times, not at every try


async def test_a_wall_before_one_item_alone_ends_also_when_nobody_else_is_left() -> None:
    standstill, broken = Standstill(Told()), World(why=wall(0.005))
    waiting = asyncio.ensure_future(standstill.outlast(broken.act))
    async with asyncio.timeout(10):
        for _ in range(2):  # others succeed between two of its tries: so it is singled out
            await tried_again(broken)
            await standstill.outlast(World(works=True).act)
        with pytest.raises(SetAside):
            await waiting


async def test_nothing_is_waited_for_once_all_who_waited_have_left() -> None:
    standstill, wanted = Standstill(lambda _why, _seconds: None), True

    async def never() -> None:
        raise Stop("no_bucket", "There is no bucket.")

    waiting = asyncio.create_task(standstill.outlast(never, alive=lambda: wanted))
    while standstill.waiting_for is None:
        await asyncio.sleep(0.01)
    wanted = False
    await waiting
    assert standstill.waiting_for is None
