"""Copy every file found, many at once, and tell how each one went."""

import time
from datetime import UTC, datetime
from uuid import UUID

import structlog

from services.core.errors import RateLimited, SetAside, Verdict
from services.core.events import FileFailed, FileFound, FileStored
from services.core.flow.circuit_breaker import ALONE_AT_MOST, Standstill, for_all, nap
from services.core.flow.keyed_lock import Turns
from services.core.flow.lru_set import Recent
from services.core.flow.retry import RetryPolicy, attempted
from services.core.ports import PublishesEvents, Received
from services.core.reasons import DRIVE_UNREACHABLE
from services.core.wire import event_id
from services.transfer.copy import Copied, Copier, Effort, failed, stored
from services.transfer.current_version import Pursuit

log = structlog.get_logger("transfer")


class LeftError(Exception):
    """The message is somebody else's by now: nothing more is to be done about it here."""


class Transfer:
    """From a `FileFound` in hand to its outcome in the log."""

    def __init__(
        self,
        copier: Copier,
        publisher: PublishesEvents,
        *,
        bucket: str,
        policy: RetryPolicy,
        standstill: Standstill,
    ) -> None:
        self._copier = copier
        self._publisher = publisher
        self._bucket = bucket
        self._policy = policy
        self._standstill = standstill
        self._stored = Recent[UUID]()
        self._in_hand = Turns()
        self.in_flight = 0

    async def handle(self, message: Received) -> None:
        """Copy the file, publish the outcome, and only then let Kafka forget the message.

        A file can be found again: by a shortcut, by another pass over its folder, by a lister that
        crashed. What is in the log as stored already is passed over, as far as this process
        remembers, and what is in hand is waited for.
        """
        file = message.event
        if not isinstance(file, FileFound):
            message.done()
            return
        self.in_flight += 1
        try:
            identity = event_id(file)
            async with self._in_hand.of(identity):
                if identity in self._stored or await self._handled(file, message):
                    message.done()
                else:
                    message.leave()
        finally:
            self.in_flight -= 1

    async def _handled(self, file: FileFound, message: Received) -> bool:
        """False once the message is no longer ours."""
        try:
            outcome = await self._outlasted(file, message)
        except LeftError:
            return False
        if outcome is None:
            return False
        await self._publisher.publish([outcome])
        if isinstance(outcome, FileStored):
            self._stored.note(event_id(file))
        return True

    async def _outlasted(
        self, file: FileFound, message: Received
    ) -> FileStored | FileFailed | None:
        since = time.monotonic()
        try:
            return await self._standstill.outlast(
                lambda: self._outcome(file, message), alive=lambda: message.alive
            )
        except SetAside as why:
            seconds = time.monotonic() - since
            return failed(
                file, why, Effort(at=datetime.now(UTC), attempts=ALONE_AT_MOST, seconds=seconds)
            )

    async def _outcome(self, file: FileFound, message: Received) -> FileStored | FileFailed:
        since, attempts, pursuit = time.monotonic(), 0, Pursuit(self._copier, file)

        async def act(attempt: int) -> Copied:
            nonlocal attempts
            attempts = attempt
            return await _foreseen(pursuit)

        async def sleep(seconds: float) -> None:
            await nap(seconds, lambda: message.alive)
            if not message.alive:
                raise LeftError

        def effort() -> Effort:
            seconds = time.monotonic() - since
            return Effort(at=datetime.now(UTC), attempts=attempts, seconds=seconds)

        try:
            copied, _ = await attempted(self._policy, sleep, act)
        except SetAside as why:
            if why.reason == DRIVE_UNREACHABLE or isinstance(why.__cause__, RateLimited):
                # Neither says anything of this file: all wait, and none is parked for it.
                raise for_all(why) from why
            log.warning(
                "transfer.file_failed",
                import_id=file.import_id,
                file_id=file.file_id,
                reason=why.reason,
                why=why.message,
            )
            return failed(pursuit.file, why, effort())
        return stored(pursuit.file, copied, self._bucket, effort())


async def _foreseen(pursuit: Pursuit) -> Copied:
    try:
        return await pursuit.copy()
    except Verdict:
        raise
    except Exception as why:
        # One file that we do not understand must not stop the others, again and again.
        log.error("transfer.unforeseen", file_id=pursuit.file.file_id, exc_info=True)
        raise SetAside(
            "unforeseen", f"Something went wrong that nobody foresaw: {type(why).__name__}."
        ) from why
