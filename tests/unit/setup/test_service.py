"""Set-up waits for what is not there, and raises what is refused."""

import asyncio

import pytest

from services.adapters.store.bucket import StoreUnavailableError
from services.core.errors import Stop
from services.setup.service import Step, set_up


async def test_a_server_that_comes_late_is_waited_for_and_named() -> None:
    troubles = [StoreUnavailableError("refused"), StoreUnavailableError("refused")]
    said: list[str] = []

    def act() -> str:
        if troubles:
            raise troubles.pop()
        return "bucket made"

    await set_up([Step("the object store", "http://s3", act)], say=said.append, wait=0.001)
    assert said[0] == "Waiting for the object store at http://s3: refused"
    assert said[-1] == "the object store: bucket made"


async def test_a_refusal_ends_it_at_once() -> None:
    def act() -> str:
        raise Stop("store_refused", "The key is refused.")

    with pytest.raises(Stop, match="The key is refused"):
        await set_up([Step("the object store", "http://s3", act)], say=lambda _: None)


async def test_one_server_does_not_wait_for_another() -> None:
    said: list[str] = []
    missing = Step("Kafka", "k", _missing)
    there = Step("PostgreSQL", "p", lambda: "tables made")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await set_up([missing, there], say=said.append, wait=0.01)
    assert "PostgreSQL: tables made" in said


def _missing() -> str:
    raise StoreUnavailableError("refused")
