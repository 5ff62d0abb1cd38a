"""Replays: plan one, start it, watch it, and change how it runs."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec
import structlog
from litestar import Response, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import FromPath, HeaderParameter, SkipValidation
from msgspec import Meta, Struct

from services.adapters.catalog.views import ImportPlace
from services.api import bodies
from services.api.bodies import parsed
from services.api.control import PublishesControl, RequestLog
from services.api.imports import KEY
from services.api.lists import DEFAULT_PAGE, Cursor, Limit, key_of, page_of
from services.api.plan_id import BadPlanError, ReplayPlan, plan_of
from services.api.problems import AnyRequest, Problem, database_problems
from services.api.replay_cache import ENDED
from services.api.replay_plans import PlanReport, ReplayPlanner, check_selection, topics_of
from services.api.replay_views import ReplayReport, ReplayView, ReplayViews, place_of
from services.core.events import (
    REPLAY,
    ImportCancelled,
    ImportPaused,
    ImportResumed,
    ReplayRateChanged,
    ReplayRequested,
)
from services.core.replays import DEEPEST

LARGEST_START = 160 * 1024
"""Bytes of a request that holds a plan's id, which may be of the largest plan."""
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


class ReplayStarted(Struct, frozen=True):
    replay_id: str


@dataclass(frozen=True)
class ReplayStarter:
    """For one replay id there is one request at a time."""

    planner: ReplayPlanner
    views: ReplayViews
    requests: RequestLog
    under_way: set[str] = field(default_factory=set)

    async def start(self, body: bytes, key: str | None) -> str:
        """The id of the replay, once Kafka has acknowledged it; raises `Problem`."""
        asked = parsed(body, StartRequest)
        if key is not None and not KEY.fullmatch(key):
            raise Problem(
                "bad_idempotency_key",
                "An Idempotency-Key has 1 to 255 printable ASCII characters, such as a UUID.",
            )
        try:
            plan = plan_of(asked.plan_id)
        except BadPlanError as why:
            raise Problem("bad_plan", f"The plan's id cannot be read: {why}. Plan again.") from None
        replay_id = f"{REPLAY}{uuid4() if key is None else uuid5(NAMESPACE, key)}"
        if replay_id in self.under_way:
            raise Problem(
                "replay_under_way",
                "A request with this Idempotency-Key is in progress. Repeat it in a second.",
                {"Retry-After": "1"},
            )
        self.under_way.add(replay_id)
        try:
            await self._start(replay_id, asked, plan)
        finally:
            self.under_way.discard(replay_id)
        return replay_id

    async def _start(self, replay_id: str, asked: StartRequest, plan: ReplayPlan) -> None:
        await self.requests.check()
        view = self.requests.tail.view
        event = ReplayRequested(
            import_id=replay_id,
            name=asked.name,
            why=asked.why,
            at=datetime.now(UTC),
            round=0,
            select=plan.select,
            scope=plan.scope,
            transfer=plan.transfer,
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
        again = "Plan again, and compare the counts."
        if plan.topic_ids != {topic: log_now.ids[topic] for topic in topics}:
            raise Problem("log_changed", f"The topics are others than were planned on. {again}")
        for topic, partition, start, end in plan.stretches:
            low, high = log_now.kept.get((topic, partition), (0, -1))
            if end > high or topic not in topics:
                raise Problem(
                    "log_changed",
                    f"{topic}/{partition} does not reach to {end}, where the plan ends. {again}",
                )
            if start < low and start < end:
                raise Problem(
                    "plan_expired",
                    f"Retention has removed records that were planned on: {topic}/{partition} "
                    f"begins at {low}, and the plan reads from {start} to {end}. {again}",
                )

    async def _depth(self, plan: ReplayPlan) -> int:
        """How many replays led to this one; raises a `replay_too_deep` problem."""
        replays = [id for id in plan.select.imports if id.startswith(REPLAY)]
        depth = max([(await self.views.progress(id)).depth + 1 for id in replays], default=0)
        if depth > DEEPEST:
            raise Problem(
                "replay_too_deep",
                f"It would replay a replay of a replay, and so on, {depth} times; "
                f"{DEEPEST} are allowed. Select the imports themselves.",
            )
        return depth

    async def change_rate(self, replay_id: str, body: bytes) -> ReplayReport:
        asked = parsed(body, RateRequest)
        await self.requests.check()
        check_not_ended((await self.views.progress(replay_id)).state)
        event = ReplayRateChanged(
            import_id=replay_id, at=datetime.now(UTC), files_per_second=asked.files_per_second
        )
        await self.requests.publish(event)
        return await self.views.report(replay_id)


def check_not_ended(state: str) -> None:
    if state in ENDED:
        raise Problem("replay_ended", f"The replay has ended ({state}). Plan another one.")


def _check_same(known: ReplayRequested, asked: ReplayRequested) -> None:
    """Raise an `other_replay` problem unless it is the same request, whenever it came."""
    own = {name: getattr(known, name) for name in ("at", "round", "depth", "by")}
    if known != msgspec.structs.replace(asked, **own):
        raise Problem(
            "other_replay",
            "This Idempotency-Key started another replay. Use a new key for every new replay.",
        )


SELECT = Schema(
    type=OpenAPIType.OBJECT,
    description="Which files: those that meet every part that is given. At least one is needed.",
    properties={
        "imports": bodies.texts("Of these imports; or of these replays, what they selected."),
        "folders": bodies.texts("That lie in these folders."),
        "files": bodies.texts("With these Drive ids."),
        "outcomes": bodies.texts("stored, unchanged, failed, none."),
        "reasons": bodies.texts("That failed for these reasons."),
        "since": bodies.text("Whose outcome, or finding if there is none, is of this time on."),
        "until": bodies.text("Whose outcome, or finding if there is none, is before this time."),
        "dead_letters": bodies.flag("The records that could not be read, and no files."),
    },
)
PLAN_BODY = bodies.described(
    {
        "select": SELECT,
        "mode": bodies.text("missing (no outcome), failed, all, or verify (compare the objects)."),
        "transfer": bodies.text("check (the default): skip what is there; force: fetch it again."),
    },
    {"select": {"reasons": ["download_failed"]}, "mode": "failed"},
)
START_BODY = bodies.described(
    {
        "plan_id": bodies.text("The id of a plan."),
        "name": bodies.text("What it is called, such as the incident."),
        "why": bodies.text("The reason. It is kept for ever."),
        "files_per_second": bodies.number("At most so many; without it, as fast as possible."),
        "most": bodies.number("At most so many files."),
    },
    {"plan_id": "AX…", "name": "outage", "why": "The store was full."},
)
RATE_BODY = bodies.described(
    {"files_per_second": bodies.number("Null is as fast as possible.")}, {"files_per_second": 50}
)
Views = NamedDependency[SkipValidation[ReplayViews]]
Control = NamedDependency[SkipValidation[PublishesControl[ReplayReport]]]
Starter = NamedDependency[SkipValidation[ReplayStarter]]
CONTROL = database_problems(
    "unknown_replay", "replay_ended", "control_contested", "kafka_unavailable"
)


@post(
    "/replays/plan",
    status_code=200,
    operation_class=PLAN_BODY,
    summary="Plan a replay",
    responses=database_problems(
        "bad_body",
        "log_changed",
        "no_filter",
        "filters_conflict",
        "empty_time_range",
        "no_such_import",
        "no_such_reason",
        "kafka_unavailable",
    ),
)
async def plan_replay(
    request: AnyRequest, replay_planner: NamedDependency[SkipValidation[ReplayPlanner]]
) -> PlanReport:
    """Count exactly what a replay would do. Nothing is published."""
    return await replay_planner.plan(await request.body())


@post(
    "/replays",
    status_code=202,
    operation_class=START_BODY,
    request_max_body_size=LARGEST_START,
    summary="Start a replay that was planned",
    responses=database_problems(
        "bad_body",
        "bad_plan",
        "bad_idempotency_key",
        "replay_under_way",
        "log_changed",
        "plan_expired",
        "empty_time_range",
        "filters_conflict",
        "other_replay",
        "replay_too_deep",
        "no_filter",
        "unknown_replay",
        "kafka_unavailable",
    ),
    response_description="Kafka has acknowledged the request. `Location` is where to watch it.",
)
async def start_replay(
    request: AnyRequest,
    replay_starter: Starter,
    key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            description="Requests with the same key start one replay, so repeating is safe.",
        ),
    ] = None,
) -> Response[ReplayStarted]:
    """Work again on what the plan selected, up to the ends of the log that it names."""
    replay_id = await replay_starter.start(await request.body(), key)
    return Response(ReplayStarted(replay_id), headers={"Location": f"/replays/{replay_id}"})


@get("/replays", summary="The replays, newest first", responses=database_problems("bad_cursor"))
async def list_replays(
    request: AnyRequest, replay_views: Views, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response[list[ReplayView]]:
    """A page, with `Link: <…>; rel="next"` if more follow."""
    before = key_of(cursor, "replays", ImportPlace)
    rows = await replay_views.newest(before=before, limit=limit + 1)
    return page_of(rows, limit, request, "replays", place_of)


@get(
    "/replays/{replay_id:str}", summary="One replay", responses=database_problems("unknown_replay")
)
async def get_replay(replay_id: FromPath[str], replay_views: Views) -> ReplayReport:
    """Its state, its counts (selected = stored + unchanged + failed + pending) beside its plan, how
    far each partition is, and some of what has no outcome yet."""
    return await replay_views.report(replay_id)


@post(
    "/replays/{replay_id:str}/pause", status_code=202, summary="Pause a replay", responses=CONTROL
)
async def pause_replay(replay_id: FromPath[str], replay_control: Control) -> ReplayReport:
    """Work on its files stops. Pausing it twice is pausing it once."""
    return await replay_control.apply(replay_id, ImportPaused)


@post(
    "/replays/{replay_id:str}/resume", status_code=202, summary="Resume a replay", responses=CONTROL
)
async def resume_replay(replay_id: FromPath[str], replay_control: Control) -> ReplayReport:
    """What has no outcome yet is worked on again."""
    return await replay_control.apply(replay_id, ImportResumed)


@post(
    "/replays/{replay_id:str}/cancel", status_code=202, summary="Cancel a replay", responses=CONTROL
)
async def cancel_replay(replay_id: FromPath[str], replay_control: Control) -> ReplayReport:
    """It ends for good. What it has done stays."""
    return await replay_control.apply(replay_id, ImportCancelled)


@patch(
    "/replays/{replay_id:str}",
    status_code=202,
    operation_class=RATE_BODY,
    summary="Change how fast a replay works",
    responses=database_problems("bad_body", "unknown_replay", "replay_ended", "kafka_unavailable"),
)
async def change_replay_rate(
    request: AnyRequest, replay_id: FromPath[str], replay_starter: Starter
) -> ReplayReport:
    """Takes effect while it runs."""
    return await replay_starter.change_rate(replay_id, await request.body())
