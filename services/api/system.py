"""What the system does now: how far behind it is, who works on what, how fast, and what limits it.

It answers while Kafka or the database is away, with what was known last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import Struct

from services.adapters.catalog.replica import ReplicaWatch
from services.adapters.kafka.tail import Tail
from services.api.keys import READ, SCOPE
from services.api.lag import INDEXER, Lag, LagWatch, PartitionLag
from services.api.problems import problem_specs
from services.api.rates import Rates
from services.api.speed_limit import SpeedLimit, speed_limit
from services.api.windows import CURRENT_FOR, WindowCache
from services.api.worker_cache import SILENT_AFTER, WorkerCache
from services.core.events import QuotaUse, Waiting, WorkerStatus
from services.core.flow.quota import QuotaSettings

MOST_WORKERS = 500
ALIVE = ("running", "waiting")
WorkerState = Literal["running", "waiting", "stopped", "silent"]
LISTER_GROUPS = ("lister-requests", "lister", "lister-replays")


class Worker(Struct, frozen=True, kw_only=True):
    """One process. It is `silent` if it has not reported for 30 seconds.

    `holds` are its partitions, each as `TOPIC/PARTITION`. It works on `in_flight` messages of at
    most `concurrency`. `in_hand` says how many of them, on average of the last seconds, are at
    `drive`, `store` or `kafka`, or wait for `quota` or `memory`, and `call_seconds` how long one is
    there. `busy` is the part of the time in which it computed or waited for a processor. `memory_*`
    are bytes.
    """

    id: str
    service: str
    state: WorkerState
    reported_at: datetime
    waiting_for: Waiting | None
    limited_by: Waiting | None
    holds: Sequence[str]
    in_flight: int
    concurrency: int
    in_hand: dict[str, float]
    call_seconds: dict[str, float]
    oldest_unfinished_seconds: float
    busy: float
    memory_used: int
    memory_limit: int
    quota: QuotaUse | None


class QuotaPart(Struct, frozen=True, kw_only=True):
    """One kind of work. `share` is its part of the whole, from 0 to 1. `limit` is the share of the
    workers that run, `allowed` what Google's refusals leave of it; both are null without a limit.
    All are per minute; `used` counts the last one."""

    work: str
    share: float
    limit: int | None
    allowed: int | None
    used: int
    waiting: int


class Quota(Struct, frozen=True, kw_only=True):
    """Google's quota as the settings of the API say it, per minute: null without a limit."""

    unit: Literal["units", "requests"]
    limit: int | None
    used: int
    parts: Sequence[QuotaPart]


class System(Struct, frozen=True, kw_only=True):
    """`unknown` names, in whole sentences, what is not known or not current. `lag_as_of` is when
    Kafka has answered last."""

    as_of: datetime
    limit: SpeedLimit
    lag: Sequence[PartitionLag]
    lag_as_of: datetime | None
    workers: Sequence[Worker]
    workers_known: int
    quota: Quota
    rates: Rates
    dead_letters: int | None
    unknown: Sequence[str]


@dataclass(frozen=True)
class SystemViews:
    lag: LagWatch
    workers: Tail[WorkerCache]
    windows: Tail[WindowCache]
    quota: QuotaSettings
    replica: ReplicaWatch | None = None

    async def now(self) -> System:
        lag = await self.lag.newest()
        now = datetime.now(UTC)
        known = self.workers.view.newest(now)
        shown = sorted(known, key=lambda w: (w.state == "stopped", w.service, w.worker_id))
        rates = self.windows.view.rates(now)
        return System(
            as_of=now,
            limit=speed_limit(known, _unfinished(lag), now),
            lag=lag.partitions,
            lag_as_of=lag.as_of,
            workers=[_worker(status, now) for status in shown[:MOST_WORKERS]],
            workers_known=len(known),
            quota=_quota(self.quota, [w for w in known if _state(w, now) in ALIVE]),
            rates=rates,
            dead_letters=lag.dead_letters,
            unknown=[*lag.unknown, *self._not_current(rates, now)],
        )

    def _not_current(self, rates: Rates, now: datetime) -> list[str]:
        said = [self.replica.trouble] if self.replica and self.replica.trouble else []
        if not self.workers.state.caught_up:
            said.append("`workers.status` cannot be read, so the workers are not current.")
        if not self.windows.state.caught_up:
            said.append("`stats.windows` cannot be read, so the rates are not current.")
        elif rates.as_of is None:
            said.append("The monitor has published no rates yet.")
        elif now - rates.as_of > CURRENT_FOR:
            seconds = (now - rates.as_of).total_seconds()
            said.append(f"The monitor has published no rates for {seconds:.0f} s.")
        return said


def _unfinished(lag: Lag) -> dict[str, int | None]:
    return {
        "lister": lag.unfinished(*LISTER_GROUPS),
        "transfer": lag.unfinished("transfer"),
        "indexer": lag.unfinished(INDEXER),
    }


def _state(status: WorkerStatus, now: datetime) -> WorkerState:
    if status.state == "stopped":
        return "stopped"
    if abs(now - status.at) > SILENT_AFTER:
        return "silent"
    return "waiting" if status.state == "waiting" else "running"


def _worker(status: WorkerStatus, now: datetime) -> Worker:
    return Worker(
        id=status.worker_id,
        service=status.service,
        state=_state(status, now),
        reported_at=status.at,
        waiting_for=status.waiting_for,
        limited_by=status.limited_by,
        holds=status.holds,
        in_flight=status.in_flight,
        concurrency=status.concurrency,
        in_hand=status.in_hand,
        call_seconds=status.call_seconds,
        oldest_unfinished_seconds=status.oldest_unfinished_seconds,
        busy=status.busy,
        memory_used=status.memory_used,
        memory_limit=status.memory_limit,
        quota=status.quota,
    )


def _quota(settings: QuotaSettings, workers: Sequence[WorkerStatus]) -> Quota:
    parts = []
    for work, share in settings.shares.items():
        uses = [w.quota for w in workers if w.service == work and w.quota]
        limited = bool(settings.per_minute)
        parts.append(
            QuotaPart(
                work=work,
                share=share,
                limit=sum(use.limit or 0 for use in uses) if limited else None,
                allowed=sum(use.allowed or 0 for use in uses) if limited else None,
                used=sum(use.used for use in uses),
                waiting=sum(use.waiting for use in uses),
            )
        )
    return Quota(
        unit="requests" if settings.counts_requests else "units",
        limit=settings.per_minute or None,
        used=sum(part.used for part in parts),
        parts=parts,
    )


@get(
    "/system",
    opt={SCOPE: READ},
    summary="Show what the system does, and what limits its speed",
    responses=problem_specs("bad_parameter"),
)
async def get_system(system: NamedDependency[SkipValidation[SystemViews]]) -> System:
    """The lag of every reader, the workers, the quota, the rates of the last hour, and what limits
    the speed now. It answers while Kafka or the database is away: `unknown` says what is not
    current then."""
    return await system.now()
