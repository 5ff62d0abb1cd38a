"""Lets a replay publish no faster than it may: at its rate, and not far ahead of the transfer.

What is new lies behind what is published already, so a replay never has more than `AHEAD` files of
a partition before the transfer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from services.adapters.kafka.errors import KafkaUnavailableError
from services.core.flow.occupancy import PACE, within

STEP, AHEAD = 100, 200
LOOK_SECONDS = 0.25
SHORTEST_WAIT, LONGEST_WAIT = 0.01, 1.0
"""Seconds; a new rate takes effect after the longest."""
log = structlog.get_logger("lister")


class Pace:
    """Of one part. `rate` is its files a second, None for no bound. `backlog` says up to where the
    transfer has finished the partition, and where the partition ends."""

    def __init__(
        self, rate: Callable[[], float | None], backlog: Callable[[], Awaitable[tuple[int, int]]]
    ) -> None:
        self._rate = rate
        self._backlog = backlog
        self._ahead: deque[tuple[int, int]] = deque()
        self._credit, self._since = 1.0, _now()

    async def turn(self, wanted: int) -> int:
        """Wait until files may be published; how many, 1 to `STEP`."""
        with within(PACE):
            return await self._turn(wanted)

    async def _turn(self, wanted: int) -> int:
        most = await self._credited(min(wanted, STEP))
        while sum(count for _, count in self._ahead) + most > AHEAD:
            done, _ = await self._looked()
            if self._ahead[0][0] <= done:
                self._ahead.popleft()
            else:
                await asyncio.sleep(LOOK_SECONDS)
        return most

    async def published(self, count: int) -> None:
        """So many files were published just now."""
        _, end = await self._looked()
        self._ahead.append((end, count))

    async def _credited(self, wanted: int) -> int:
        while (rate := self._rate()) is not None:
            now = _now()
            earned = (now - self._since) * rate
            self._credit, self._since = min(self._credit + earned, max(1.0, rate)), now
            if self._credit >= 1:
                most = min(wanted, int(self._credit))
                self._credit -= most
                return most
            missing = (1 - self._credit) / rate if rate > 0 else LONGEST_WAIT
            await asyncio.sleep(min(max(missing, SHORTEST_WAIT), LONGEST_WAIT))
        return wanted

    async def _looked(self) -> tuple[int, int]:
        told = False
        while True:
            try:
                return await self._backlog()
            except KafkaUnavailableError as why:
                if not told:
                    log.warning("lister.backlog_unknown", why=str(why))
                told = True
                await asyncio.sleep(LONGEST_WAIT)


def _now() -> float:
    return asyncio.get_running_loop().time()
