"""A test about real time is made again where the machine stood still, and only there."""

import pytest

from tests.fakes.patience import TRIES, undisturbed


async def test_a_failure_on_a_machine_that_works_is_a_failure() -> None:
    tries: list[int] = []

    async def fails() -> None:
        tries.append(1)
        raise AssertionError("too late")

    with pytest.raises(AssertionError):
        await undisturbed(fails, stall=60)
    assert len(tries) == 1


async def test_a_failure_while_nobody_could_work_says_nothing() -> None:
    tries: list[int] = []

    async def fails_twice() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise TimeoutError

    await undisturbed(fails_twice, stall=-1)
    assert len(tries) == 3
    tries.clear()

    async def always_fails() -> None:
        tries.append(1)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await undisturbed(always_fails, stall=-1)
    assert len(tries) == TRIES
