"""What a process tells about itself, now and then and when it ends."""

import asyncio
from collections.abc import Sequence

import pytest

from services.adapters.worker_status import keep_telling
from services.core.events import Message, WorkerStatus
from tests.fakes.messages import Publications
from tests.fakes.patience import until
from tests.fakes.samples import NOW


def waiting() -> WorkerStatus:
    return WorkerStatus(
        worker_id="w", service="transfer", state="waiting", waiting_for="a bucket", at=NOW
    )


def states(publications: Publications) -> list[str]:
    return [e.state for e in publications.events if isinstance(e, WorkerStatus)]


async def test_it_is_told_again_and_again_and_once_more_at_the_end() -> None:
    publications = Publications()
    telling = asyncio.ensure_future(keep_telling(publications, waiting, every=0.005))
    await until(lambda: len(publications.events) >= 3)
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling
    assert states(publications)[-2:] == ["waiting", "stopped"]
    last = publications.events[-1]
    assert isinstance(last, WorkerStatus)
    assert last.waiting_for is None


async def test_a_broker_that_is_lost_ends_the_process() -> None:
    def lost(_events: Sequence[Message]) -> None:
        raise ConnectionError("no broker")

    with pytest.raises(ConnectionError):
        await keep_telling(Publications(lost), waiting)
