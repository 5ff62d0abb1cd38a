"""Starts replays from their plans, and changes how fast they run."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec
import structlog
from msgspec import Meta, Struct

from services.api.bodies import parsed
from services.api.control import RequestLog
from services.api.imports import KEY
from services.api.plan_id import BadPlanError, ReplayPlan, plan_of
from services.api.problems import Problem
from services.api.replay_cache import ENDED
from services.api.replay_plans import ReplayPlanner, check_selection, topics_of
from services.api.replay_views import ReplayReport, ReplayViews
from services.core.events import REPLAY, ReplayRateChanged, ReplayRequested
from services.core.replays import DEEPEST

NAMESPACE = uuid5(NAMESPACE_URL, "drivestream:replays")
Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Prose = Annotated[
    str, Meta(min_length=1, max_length=4_000, pattern=r"^[^\x00-\x08\x0e-\x1f\x7f]+\Z")
]
Rate = Annotated[int, Meta(ge=1, le=1_000_000)]
log = structlog.get_logger()


class StartRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    plan_id: str
    name: Line
    why: Prose
    files_per_second: Rate | None = None
    most: Annotated[int, Meta(ge=1, le=2**53)] | None = None


class RateRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Null is as fast as possible."""

    files_per_second: Rate | None


@dataclass(frozen=True)
class ReplayStarter:
    """For one replay id there is one request at a time."""

    planner: ReplayPlanner
    views: ReplayViews
    requests: RequestLog
    under_way: set[str] = field(default_factory=set)

    async def start(self, body: bytes, key: str | None, by: str) -> str:
        """The id of the replay, once Kafka has acknowledged it; raises `Problem`."""
        asked = parsed(body, StartRequest)
        if key is not None and not KEY.fullmatch(key):
            raise Problem(
                "bad_idempotency_key",
                "The Idempotency-Key must be 1 to 255 printable ASCII characters, such as a UUID.",
            )
        try:
            plan = plan_of(asked.plan_id)
        except BadPlanError as why:
            raise Problem("bad_plan", f"plan_id is not valid: {why}. Make a new plan.") from None
        replay_id = f"{REPLAY}{uuid4() if key is None else uuid5(NAMESPACE, key)}"
        if replay_id in self.under_way:
            raise Problem(
                "replay_under_way",
                "A request with this Idempotency-Key is in progress. Send it again in a second.",
                {"Retry-After": "1"},
            )
        self.under_way.add(replay_id)
        try:
            await self._start(replay_id, asked, plan, by)
        finally:
            self.under_way.discard(replay_id)
        return replay_id

    async def _start(self, replay_id: str, asked: StartRequest, plan: ReplayPlan, by: str) -> None:
        await self.requests.check()
        view = self.requests.tail.view
        event = ReplayRequested(
            import_id=replay_id,
            name=asked.name,
            why=asked.why,
            by=by,
            at=datetime.now(UTC),
            round=0,
            select=plan.select,
            scope=plan.scope,
            transfer=plan.transfer,
            target=plan.target,
            ends=plan.ends,
            files=plan.files,
            bytes=plan.bytes,
            files_per_second=asked.files_per_second,
            most=asked.most,
        )
        known = view.replays.request(replay_id)
        if known is not None:
            _check_same(known, event)
            return
        check_selection(plan.select)
        await self._check_log(plan)
        depth = await self._depth(plan)
        event = msgspec.structs.replace(event, depth=depth, round=view.next_round())
        await self.requests.publish(event)
        # Another process may have been asked with the same key, just before.
        _check_same(view.replays.request(replay_id) or event, event)
        log.info("replay.requested", replay_id=replay_id, files=plan.files, round=event.round)

    async def _check_log(self, plan: ReplayPlan) -> None:
        """Raise a `log_changed` or `plan_expired` problem if the log no longer holds the plan."""
        topics = topics_of(plan.select)
        log_now = await self.planner.bounds(topics)
        again = "Make a new plan, and compare its counts."
        if plan.topic_ids != {topic: log_now.ids[topic] for topic in topics}:
            raise Problem(
                "log_changed", f"Kafka's topics were replaced after the plan was made. {again}"
            )
        kept = {place: bounds for place, bounds in log_now.kept.items() if place[0] in topics}
        if sorted(kept) != sorted((stretch.topic, stretch.partition) for stretch in plan.stretches):
            raise Problem(
                "log_changed", f"The number of partitions changed after the plan was made. {again}"
            )
        for topic, partition, start, end in plan.stretches:
            low, high = kept[topic, partition]
            if end > high:
                raise Problem(
                    "log_changed",
                    f"The plan ends at offset {end} of {topic}/{partition}, which ends at {high}. "
                    f"{again}",
                )
            if start < low and start < end:
                raise Problem(
                    "plan_expired",
                    f"Kafka has deleted records that the plan needs: {topic}/{partition} starts "
                    f"at {low}, and the plan reads from {start} to {end}. {again}",
                )

    async def _depth(self, plan: ReplayPlan) -> int:
        """How many replays led to this one; raises a `replay_too_deep` problem."""
        ids = [id for id in plan.select.imports if id.startswith(REPLAY)]
        replays = await self.views.by_id(ids)
        depth = max([replay.depth + 1 for replay in replays.values()], default=0)
        if depth > DEEPEST:
            raise Problem(
                "replay_too_deep",
                f"This would replay a replay {depth} levels deep, and {DEEPEST} are allowed. "
                "Select the original imports.",
            )
        return depth

    async def change_rate(self, replay_id: str, body: bytes, by: str) -> ReplayReport:
        asked = parsed(body, RateRequest)
        await self.requests.check()
        check_not_ended((await self.views.progress(replay_id)).state)
        event = ReplayRateChanged(
            import_id=replay_id,
            at=datetime.now(UTC),
            by=by,
            files_per_second=asked.files_per_second,
        )
        await self.requests.publish(event)
        return await self.views.report(replay_id)


def check_not_ended(state: str) -> None:
    if state in ENDED:
        raise Problem("replay_ended", f"The replay has ended ({state}). Plan a new one.")


def _check_same(known: ReplayRequested, asked: ReplayRequested) -> None:
    """Raise an `other_replay` problem unless it is the same request, whenever it came."""
    own = {name: getattr(known, name) for name in ("at", "round", "depth", "by")}
    if known != msgspec.structs.replace(asked, **own):
        raise Problem(
            "other_replay",
            "This Idempotency-Key already started another replay. Use a new key for each replay.",
        )
