"""What limits the speed now: one reason and one sentence. Pure.

Files are found by listers, copied by transfers, and written to the tables by an indexer. The limit
is looked for where work piles up. There, it is whatever most of the work in hand waits for; what is
slow must not be mistaken for what is merely not asked often enough.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from services.api.worker_cache import SILENT_AFTER
from services.core.errors import AUTOMATED_QUERIES, DAILY_LIMIT, DRIVE_RATE_LIMITED
from services.core.events import AFTER_CRASHES, Waiting, WorkerStatus
from services.core.flow.occupancy import DRIVE, KAFKA, MEMORY, OTHER, PACE, QUOTA, SAME_FILE, STORE

LimitReason = Literal[
    "google_quota",
    "drive",
    "store",
    "memory",
    "too_few_workers",
    "replay_rate",
    "same_file",
    "after_crashes",
    "kafka",
    "database",
    "fault",
    "nothing_to_do",
    "unknown",
]
STANDBY = "standby"
SLOW_SECONDS = {DRIVE: 0.5, STORE: 0.2}
"""From here on it is the other side that is slow. Below, more requests at once would help."""
FULL, BUSY = 0.8, 0.9
BOTH_LINES = "drive_to_store_line"
AT: Mapping[str, str] = {"drive_line": DRIVE, "store_line": STORE}
QUOTA_REASONS = {DRIVE_RATE_LIMITED, DAILY_LIMIT, AUTOMATED_QUERIES}
REASONS: Mapping[str, LimitReason] = {
    DRIVE: "drive",
    STORE: "store",
    "kafka_unavailable": "kafka",
    "database_unavailable": "database",
}
STAGES = ("lister", "transfer", "indexer")
NOUN = {"lister": "page", "transfer": "file"}
PACED = "A replay keeps to its limit of files per second, or waits for the transfers."
RAISED = (
    "A transfer raises that number itself as long as that helps, within the range of "
    "TRANSFER_CONCURRENCY. "
)
NAME = {DRIVE: "Google Drive", STORE: "the object store", KAFKA: "Kafka"}


class SpeedLimit(Struct, frozen=True, kw_only=True):
    """What limits the speed now. Act on `reason`; show `message`."""

    reason: LimitReason
    message: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The workers of one service that run, added up. `at` says how much of the work in hand is at
    each place on average, `seconds` how long it is there."""

    service: str
    workers: Sequence[WorkerStatus]
    at: Mapping[str, float]
    seconds: Mapping[str, float]

    @property
    def slots(self) -> int:
        return sum(worker.concurrency for worker in self.workers)

    @property
    def in_hand(self) -> float:
        return sum(self.at.values())

    @property
    def busy(self) -> float:
        return sum(worker.busy for worker in self.workers) / len(self.workers)

    @property
    def refused(self) -> bool:
        """Whether Google makes us slower than our share."""
        uses = [worker.quota for worker in self.workers if worker.quota]
        return any((use.allowed or 0) < (use.limit or 0) for use in uses)


def speed_limit(
    workers: Sequence[WorkerStatus], unfinished: Mapping[str, int | None], now: datetime
) -> SpeedLimit:
    """`unfinished` has the messages that each service has not finished. It lacks those of which
    Kafka or, for the indexer, the database does not tell."""
    heard = [worker for worker in workers if _is_heard(worker, now)]
    slots = sum(worker.concurrency for worker in heard if worker.service == "transfer")
    to_copy = unfinished.get("transfer")
    if to_copy is None:
        message = "Kafka is not responding. Work continues when it is back."
        return SpeedLimit(reason="kafka", message=message)
    # With less than that the transfers wait for the listers.
    service = "transfer" if to_copy >= max(1, slots) else None
    service = service or next((name for name in STAGES if unfinished.get(name)), None)
    if service is not None:
        return _of(service, heard)
    if unfinished.get("indexer") is None:
        message = "The database is not responding, so no results can be written."
        return SpeedLimit(reason="database", message=message)
    return SpeedLimit(reason="nothing_to_do", message="There is nothing to do.")


def _is_heard(worker: WorkerStatus, now: datetime) -> bool:
    """A status from the future comes from a wrong clock and must not count for ever."""
    return worker.state != "stopped" and abs(now - worker.at) <= SILENT_AFTER


def _of(service: str, heard: Iterable[WorkerStatus]) -> SpeedLimit:
    ours = [worker for worker in heard if worker.service == service]
    if not ours:
        message = f"No {service} is running. Start one, and the work continues."
        return SpeedLimit(reason="too_few_workers", message=message)
    running = [worker for worker in ours if worker.state != "waiting"]
    if not running:
        return _waiting(ours)
    if service == "indexer":
        message = "Everything is copied. The indexer is still writing the results to the database."
        return SpeedLimit(reason="database", message=message)
    return _after_crashes(running) or _running(_stage(service, running))


def _after_crashes(running: Iterable[WorkerStatus]) -> SpeedLimit | None:
    said = (worker.limited_by for worker in running if worker.limited_by)
    why = next((why for why in said if why.reason == AFTER_CRASHES), None)
    return SpeedLimit(reason="after_crashes", message=why.message) if why else None


def _waiting(workers: Iterable[WorkerStatus]) -> SpeedLimit:
    """What the one that goes on first waits for."""
    last = datetime.max.replace(tzinfo=UTC)
    waits = [(w, w.waiting_for) for w in workers if w.waiting_for]
    waits = [wait for wait in waits if wait[1].reason != STANDBY] or waits
    if not waits:
        message = "All workers are waiting, and none of them says for what."
        return SpeedLimit(reason="unknown", message=message)
    worker, why = min(waits, key=lambda wait: wait[1].until or last)
    return SpeedLimit(reason=_reason(worker.waiting_on, why), message=why.message)


def _reason(system: str, why: Waiting) -> LimitReason:
    if why.reason in QUOTA_REASONS:
        return "google_quota"
    return REASONS.get(system) or REASONS.get(why.reason, "fault")


def _stage(service: str, running: Sequence[WorkerStatus]) -> Stage:
    at: dict[str, float] = {}
    stays: dict[str, float] = {}
    for worker in running:
        for name, count in worker.in_hand.items():
            place = AT.get(name, name)
            at[place] = at.get(place, 0.0) + count
            stays[name] = stays.get(name, 0.0) + count * worker.call_seconds.get(name, 0.0)
    seconds = {name: total / at[name] for name, total in stays.items() if at.get(name)}
    if both := at.pop(BOTH_LINES, 0.0):
        # The turn of a large file comes when another one ends, whichever side that waits for.
        slower = max((DRIVE, STORE), key=lambda name: at.get(name, 0.0))
        at[slower] = at.get(slower, 0.0) + both
    return Stage(service=service, workers=running, at=at, seconds=seconds)


def _running(stage: Stage) -> SpeedLimit:
    if stage.in_hand < 0.05:
        message = f"There is work, and no {stage.service} has reported yet what it waits for."
        return SpeedLimit(reason="unknown", message=message)
    place = max(stage.at, key=lambda name: stage.at[name])
    if place == QUOTA or (place == DRIVE and stage.refused):
        return SpeedLimit(reason="google_quota", message=_quota(stage))
    if place == MEMORY:
        message = f"{_share(stage, MEMORY)} for memory. Raise TRANSFER_MEMORY_MB, or start workers."
        return SpeedLimit(reason="memory", message=message)
    if place == PACE:
        return SpeedLimit(reason="replay_rate", message=PACED)
    if place == SAME_FILE:
        return SpeedLimit(reason="same_file", message=_same_file(stage))
    if stage.busy >= BUSY or place == OTHER:
        return SpeedLimit(reason="too_few_workers", message=_busy(stage))
    line = next((worker.limited_by for worker in stage.workers if worker.limited_by), None)
    seconds = stage.seconds.get(place, 0.0)
    quick = not line and 0 < seconds < SLOW_SECONDS.get(place, 0.0)
    if quick and stage.in_hand >= FULL * stage.slots:
        return SpeedLimit(reason="too_few_workers", message=_full(stage, place, seconds))
    message = line.message if line else _slow(stage, place, seconds)
    return SpeedLimit(reason=REASONS.get(place, "kafka"), message=message)


def _quota(stage: Stage) -> str:
    uses = [worker.quota for worker in stage.workers if worker.quota]
    used, allowed = sum(use.used for use in uses), sum(use.allowed or 0 for use in uses)
    spent = f"{used:,} of {allowed:,} units were used in the last minute."
    if stage.refused:
        return f"Google is rejecting requests, so Drivestream sends fewer of them: {spent}"
    return f"Google's quota: {_share(stage, QUOTA)} for it. {spent}"


def _same_file(stage: Stage) -> str:
    return (
        f"{_share(stage, SAME_FILE)} for another copy of the same file. Imports that hold the same "
        "files take turns at each of them."
    )


def _busy(stage: Stage) -> str:
    them = _them(stage)
    return f"{them} all the processor time there is. Start more workers on other machines."


def _full(stage: Stage, place: str, seconds: float) -> str:
    raised = RAISED if stage.service == "transfer" else ""
    noun = NOUN[stage.service]
    return (
        f"All {stage.slots} {noun}s that the workers can handle at once are in progress, and "
        f"{NAME[place]} answers within {_shown(seconds)}. {raised}Start more workers."
    )


def _slow(stage: Stage, place: str, seconds: float) -> str:
    noun = NOUN[stage.service]
    name = NAME.get(place, place)
    oldest = max(worker.oldest_unfinished_seconds for worker in stage.workers)
    if oldest and seconds > 2 * oldest:
        # It stopped: what is in hand stays, and hardly any answer came lately to divide it by.
        takes = f"has not answered for {_shown(oldest)}"
    else:
        takes = f"takes {_shown(seconds)} for each {noun}" if seconds else "has not answered yet"
    return f"{name[0].upper()}{name[1:]} {takes}. {_share(stage, place)} for it."


def _share(stage: Stage, place: str) -> str:
    part = stage.at.get(place, 0.0) / stage.in_hand
    return f"{part:.0%} of the {NOUN[stage.service]}s in progress wait"


def _them(stage: Stage) -> str:
    many = len(stage.workers)
    return f"The {stage.service} uses" if many == 1 else f"The {many} {stage.service}s use"


def _shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
