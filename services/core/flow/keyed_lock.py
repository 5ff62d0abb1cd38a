"""A lock per key: one holder at a time for one key, others side by side."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class KeyedLock:
    """Remembers a key only while somebody holds or awaits its lock."""

    def __init__(self) -> None:
        self._locks = WeakValueDictionary[Hashable, asyncio.Lock]()

    @asynccontextmanager
    async def holding(self, key: Hashable) -> AsyncIterator[None]:
        """Hold the key's lock for the block; first come, first served."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield
