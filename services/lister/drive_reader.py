"""Drive asked with patience: what passes is waited for, what stays is one item's trouble."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import structlog

from services.core import events as e
from services.core.errors import CoolDown, RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.flow.circuit_breaker import Standstill, for_all, nap
from services.core.flow.retry import RetryPolicy, attempted
from services.core.ports import Entry, Page, ReadsFolders, Target
from services.core.reasons import DRIVE_UNREACHABLE
from services.lister.passes import page_size
from services.lister.shortcuts import Unseen

T = TypeVar("T")
Alive = Callable[[], bool]
Ask = Callable[[], Awaitable[T]]
UNREACHABLE_AT_MOST = 3
"""Attempts without a connection before everything waits, loudly."""
LOOK_UPS_AT_ONCE = 8
LOOK_UP_ATTEMPTS = 5
"""Of one shortcut's target: a page can have a thousand, and none of them holds the folder up."""
log = structlog.get_logger("lister")


class LeftError(Exception):
    """The message is somebody else's by now: nothing more is to be done about it here."""


class _Waited(Stop):
    """Nothing is to be had from Drive, and nobody need act: it is waited for."""


class Asking:
    """`ReadsFolders`, asked until there is an answer.

    Trouble with one item is tried again as the policy says, and then a `SetAside`. No connection,
    Google's wall, the day's limit and a limit of the rate that does not end are no one item's
    trouble: everything waits at the `standstill`. Any other `Stop` (a key that Google refuses)
    is told as a `SetAside`: it fails the import, in words, instead of making it wait for ever.
    """

    def __init__(self, drive: ReadsFolders, policy: RetryPolicy, standstill: Standstill) -> None:
        self._drive = drive
        self._policy = policy
        self._of_one = replace(policy, attempts=min(policy.attempts, LOOK_UP_ATTEMPTS))
        self._standstill = standstill
        self._look_ups = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

    async def page(self, asked: e.PageRequested, alive: Alive) -> Page:
        """The page. Raises `SetAside`, or `LeftError` once the message is not alive."""

        def ask() -> Awaitable[Page]:
            return self._drive.list_page(
                asked.folder_id,
                token=asked.token,
                resource_key=asked.resource_key,
                page_size=page_size(asked),
                ids_only=asked.confirms,
            )

        return await self._answer(ask, self._policy, alive)

    async def folder(self, asked: e.PageRequested, alive: Alive) -> Entry:
        """The folder itself, as an item. Raises as `page`."""

        def ask() -> Awaitable[Entry]:
            return self._drive.look_up(asked.folder_id, resource_key=asked.resource_key)

        return await self._answer(ask, self._policy, alive)

    async def targets(self, wanted: Sequence[Target], alive: Alive) -> dict[str, Entry | Unseen]:
        """Each target as it is now, or why it could not be seen; `LeftError` as above."""
        there = await asyncio.gather(*(self._target(target, alive) for target in wanted))
        if None in there:
            raise LeftError
        return {t.id: found for t, found in zip(wanted, there, strict=True) if found is not None}

    async def _target(self, target: Target, alive: Alive) -> Entry | Unseen | None:
        def ask() -> Awaitable[Entry]:
            return self._drive.look_up(target.id, resource_key=target.resource_key)

        async with self._look_ups:
            try:
                return await self._answer(ask, self._of_one, alive)
            except SetAside as why:
                return Unseen(why.reason, why.message)
            except LeftError:
                return None

    async def _answer(self, ask: Ask[T], policy: RetryPolicy, alive: Alive) -> T:
        answer = await self._standstill.outlast(lambda: _tried(ask, policy, alive), alive=alive)
        if answer is None:
            raise LeftError
        return answer


async def _tried(ask: Ask[T], policy: RetryPolicy, alive: Alive) -> T:
    async def sleep(seconds: float) -> None:
        await nap(seconds, alive)
        if not alive():
            raise LeftError

    try:
        answer, _ = await attempted(policy, sleep, lambda attempt: _foreseen(ask, attempt))
    except SetAside as why:
        if isinstance(why.__cause__, RateLimited):
            raise for_all(why) from why
        raise
    except (CoolDown, _Waited):
        raise
    except Stop as why:
        raise SetAside(why.reason, why.message) from why
    return answer


async def _foreseen(ask: Ask[T], attempt: int) -> T:
    try:
        return await ask()
    except TryAgain as why:
        if why.reason == DRIVE_UNREACHABLE and attempt >= UNREACHABLE_AT_MOST:
            raise _Waited(why.reason, why.message) from why
        raise
    except Verdict:
        raise
    except Exception as why:
        # One folder that we do not understand must not stop the others, again and again.
        log.error("lister.unforeseen", exc_info=True)
        raise SetAside(
            "unforeseen", f"Something went wrong that nobody foresaw: {type(why).__name__}."
        ) from why
