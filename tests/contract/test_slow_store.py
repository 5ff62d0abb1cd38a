"""Uploads over a slow line, to a real store: they take as long as they take."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from services.adapters.store.objects import ObjectStore
from services.core.errors import TryAgain
from services.core.flow.line import Line, LineSpec
from tests.contract.test_object_store import JPEG, Shelf, chunks, real_shelf
from tests.fakes.patience import undisturbed
from tests.fault_proxy import FaultProxy, Mode, fault_proxy

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
STILL = ("store_unreachable", "The object store did not answer.")
PATIENCE = 1.5
"""Seconds, instead of a minute."""
STALL = PATIENCE / 3
"""A pause of this machine that may pass for one of the line."""
BODY = bytes(range(256)) * 1000


@pytest.fixture
def shelf(servers: Mapping[str, str]) -> Iterator[Shelf]:
    with real_shelf(servers) as shelf:
        yield shelf


def behind(shelf: Shelf, proxy: FaultProxy) -> ObjectStore:
    assert shelf.settings is not None
    return ObjectStore(replace(shelf.settings, endpoint_url=f"http://127.0.0.1:{proxy.port}"))


def place(shelf: Shelf) -> tuple[str, int]:
    assert shelf.settings is not None
    parts = urlsplit(shelf.settings.endpoint_url)
    return parts.hostname or "", parts.port or 0


def to_the_store() -> Line:
    spec = LineSpec(name="to the store", limits="store_line", still=STILL, patience=PATIENCE)
    return Line(spec)


async def send(line: Line, store: ObjectStore, key: str, body: bytes = BODY) -> None:
    async with line.carrying(len(body)):
        await store.put(key, body, content_type=JPEG)


async def test_many_uploads_at_once_all_arrive_and_are_sent_once(shelf: Shelf) -> None:
    """Each would take longer than the line's patience; the line never stands still for so long."""

    async def upload() -> None:
        line = to_the_store()
        line.window = float(16 * len(BODY))
        with fault_proxy(*place(shelf), up=1_000_000) as proxy:
            store, since = behind(shelf, proxy), time.monotonic()
            await asyncio.gather(*(send(line, store, f"k{n}") for n in range(16)))
            assert time.monotonic() - since > 2 * PATIENCE
            assert proxy.up.carried < 16 * len(BODY) * 1.05

    await undisturbed(upload, STALL)
    assert {len(kept.body) for kept in shelf.kept().values()} == {len(BODY)}
    assert len(shelf.kept()) == 16


async def test_a_store_that_falls_silent_is_given_up_and_goes_on(shelf: Shelf) -> None:
    line = to_the_store()
    with fault_proxy(*place(shelf), up=50_000_000) as proxy:
        store = behind(shelf, proxy)
        proxy.set_mode(Mode.SILENT)
        since = time.monotonic()
        silent = [asyncio.create_task(send(line, store, f"k{n}", b"x")) for n in range(3)]
        await asyncio.wait(silent, timeout=60)
        assert time.monotonic() - since >= PATIENCE
        for task in silent:
            assert isinstance(task.exception(), TryAgain)
        proxy.set_mode(Mode.PASS)

        async def again() -> None:
            await asyncio.gather(*(send(line, store, f"k{n}", b"x") for n in range(3)))

        await undisturbed(again, STALL)
    assert len(shelf.kept()) == 3


async def test_a_large_file_in_parts_goes_on_as_long_as_its_bytes_pass(shelf: Shelf) -> None:
    parts = [bytes([n]) * 1_000_000 for n in range(12)]
    with fault_proxy(*place(shelf), up=4_000_000) as proxy:

        async def upload() -> None:
            async with to_the_store().carrying(10_000_000):
                await behind(shelf, proxy).put_stream("big", chunks(*parts), content_type=JPEG)

        await undisturbed(upload, STALL)
    assert shelf.kept()["big"].body == b"".join(parts)
