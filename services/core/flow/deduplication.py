"""Doing a thing once: a lock per key while it is done, and a memory of what was done lately."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from services.core.flow.occupancy import OTHER, within

T = TypeVar("T", bound=Hashable)


class KeyedLock:
    """One holder at a time for each key. Remembers a key only while its lock is held or awaited.
    A message that waits is at `place`, in the words of `occupancy.py`."""

    def __init__(self, place: str = OTHER) -> None:
        self._locks = WeakValueDictionary[Hashable, asyncio.Lock]()
        self._place = place

    def holding(self, key: Hashable) -> "_Turn":
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return _Turn(lock, self._place)


class _Turn:
    """A block under a lock. A class, because a generator would cost several times as much."""

    __slots__ = ("_lock", "_place")

    def __init__(self, lock: asyncio.Lock, place: str) -> None:
        self._lock, self._place = lock, place

    async def __aenter__(self) -> None:
        if not self._lock.locked():
            await self._lock.acquire()
            return
        with within(self._place):
            await self._lock.acquire()

    async def __aexit__(self, *_why: object) -> None:
        self._lock.release()


class LruSet(Generic[T]):
    """Forgets the least recently used: adding an item, or finding it, uses it."""

    def __init__(self, capacity: int = 20_000) -> None:
        self._capacity = capacity
        self._items: OrderedDict[T, None] = OrderedDict()

    def __contains__(self, item: T) -> bool:
        if item not in self._items:
            return False
        self._items.move_to_end(item)
        return True

    def add(self, item: T) -> None:
        self._items[item] = None
        self._items.move_to_end(item)
        if len(self._items) > self._capacity:
            self._items.popitem(last=False)
