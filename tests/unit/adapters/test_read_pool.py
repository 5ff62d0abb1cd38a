"""What becomes of a read that nobody waits for any more."""

import asyncio
import gc
from contextlib import suppress

from services.adapters.catalog.read_pool import in_time


async def test_a_read_that_fails_after_its_reader_has_gone_is_no_error_of_the_loop() -> None:
    unseen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, seen: unseen.append(seen))

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError

    waiting = asyncio.ensure_future(in_time(fails()))
    await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0.01)
    del waiting
    gc.collect()
    assert unseen == []
