"""Replays: plan one, start it, watch it, and change how it runs."""

from typing import Annotated

from litestar import Response, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import FromPath, HeaderParameter, SkipValidation
from msgspec import Struct

from services.adapters.catalog.views.imports import ImportPlace
from services.api import bodies
from services.api.control import PublishesControl
from services.api.keys import ADMIN, READ, SCOPE, By
from services.api.lists import DEFAULT_PAGE, Cursor, Limit, key_of, page_of
from services.api.problems import BODY, AnyRequest, database_problems
from services.api.replay_plans import PlanReport, ReplayPlanner
from services.api.replay_start import ReplayStarter
from services.api.replay_views import ReplayReport, ReplayView, ReplayViews, place_of
from services.core.events import ImportCancelled, ImportPaused, ImportResumed

LARGEST_START = 160 * 1024
"""Bytes of a request that holds a plan's id, which may be of the largest plan."""


class ReplayStarted(Struct, frozen=True):
    replay_id: str


SELECT = Schema(
    type=OpenAPIType.OBJECT,
    description="Which files to replay. A file must match every filter; at least one is required.",
    properties={
        "imports": bodies.texts(
            "Files of these imports, or files that these replays selected, by id."
        ),
        "folders": bodies.texts("Files in these folders, by Drive id."),
        "files": bodies.texts("These files, by Drive id."),
        "outcomes": bodies.texts("Files with these outcomes: stored, unchanged, failed or none."),
        "reasons": bodies.texts("Files that failed for these reasons."),
        "since": bodies.text(
            "Files with an outcome at or after this time. Files without one count from when found."
        ),
        "until": bodies.text(
            "Files with an outcome before this time. Files without one count from when found."
        ),
        "dead_letters": bodies.flag(
            "Select dead letters instead of files, by imports, reasons and time."
        ),
    },
)
PLAN_BODY = bodies.described(
    {
        "select": SELECT,
        "mode": bodies.text("missing (no outcome), failed, all, or verify (compare the objects)."),
        "transfer": bodies.text("check (default) skips stored files; force downloads them again."),
        "target": bodies.text(
            "Copy the outcomes to the topic `feeds.TARGET`, for one consumer, and do nothing else."
        ),
    },
    {"select": {"reasons": ["download_failed"]}, "mode": "failed"},
)
START_BODY = bodies.described(
    {
        "plan_id": bodies.text("The id of the plan, from POST /replays/plan."),
        "name": bodies.text("A short name, such as the incident."),
        "why": bodies.text("Why the replay is needed. It is kept permanently."),
        "files_per_second": bodies.number("The highest rate. Without it, there is no limit."),
        "most": bodies.number("The highest number of files."),
    },
    {"plan_id": "AX…", "name": "outage", "why": "The store was full."},
)
RATE_BODY = bodies.described(
    {"files_per_second": bodies.number("The new highest rate, or null for no limit.")},
    {"files_per_second": 50},
)
Views = NamedDependency[SkipValidation[ReplayViews]]
Control = NamedDependency[SkipValidation[PublishesControl[ReplayReport]]]
Starter = NamedDependency[SkipValidation[ReplayStarter]]
CONTROL = database_problems(
    "cross_site",
    "unsupported_encoding",
    "unknown_replay",
    "replay_ended",
    "control_contested",
    "kafka_unavailable",
)


@post(
    "/replays/plan",
    opt={SCOPE: ADMIN},
    status_code=200,
    operation_class=PLAN_BODY,
    summary="Plan a replay",
    responses=database_problems(
        *BODY,
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
    return await replay_planner.plan(await bodies.body_of(request))


@post(
    "/replays",
    opt={SCOPE: ADMIN},
    status_code=202,
    operation_class=START_BODY,
    request_max_body_size=LARGEST_START,
    summary="Start a planned replay",
    responses=database_problems(
        *BODY,
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
        "kafka_unavailable",
    ),
    response_description="The replay is accepted. `Location` is its URL.",
)
async def start_replay(
    request: AnyRequest,
    replay_starter: Starter,
    by: By,
    key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            description="Requests with the same key start only one replay, so retries are safe.",
        ),
    ] = None,
) -> Response[ReplayStarted]:
    """Work again on what the plan selected, up to the ends of the log that it names."""
    replay_id = await replay_starter.start(await bodies.body_of(request), key, by)
    return Response(ReplayStarted(replay_id), headers={"Location": f"/replays/{replay_id}"})


@get(
    "/replays",
    opt={SCOPE: READ},
    summary="List replays, newest first",
    responses=database_problems("bad_cursor"),
)
async def list_replays(
    request: AnyRequest, replay_views: Views, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response[list[ReplayView]]:
    """A page, with `Link: <…>; rel="next"` if more follow."""
    before = key_of(cursor, "replays", ImportPlace)
    rows = await replay_views.newest(before=before, limit=limit + 1)
    return page_of(rows, limit, request, "replays", place_of)


@get(
    "/replays/{replay_id:str}",
    opt={SCOPE: READ},
    summary="One replay",
    responses=database_problems("unknown_replay"),
)
async def get_replay(replay_id: FromPath[str], replay_views: Views) -> ReplayReport:
    """Its state, its counts (selected = stored + unchanged + failed + pending) beside its plan, how
    far each partition is, and some of what has no outcome yet."""
    return await replay_views.report(replay_id)


@post(
    "/replays/{replay_id:str}/pause",
    opt={SCOPE: ADMIN},
    status_code=202,
    summary="Pause a replay",
    responses=CONTROL,
)
async def pause_replay(replay_id: FromPath[str], replay_control: Control, by: By) -> ReplayReport:
    """Work on its files stops. Pausing it twice is pausing it once."""
    return await replay_control.apply(replay_id, ImportPaused, by)


@post(
    "/replays/{replay_id:str}/resume",
    opt={SCOPE: ADMIN},
    status_code=202,
    summary="Resume a replay",
    responses=CONTROL,
)
async def resume_replay(replay_id: FromPath[str], replay_control: Control, by: By) -> ReplayReport:
    """What has no outcome yet is worked on again."""
    return await replay_control.apply(replay_id, ImportResumed, by)


@post(
    "/replays/{replay_id:str}/cancel",
    opt={SCOPE: ADMIN},
    status_code=202,
    summary="Cancel a replay",
    responses=CONTROL,
)
async def cancel_replay(replay_id: FromPath[str], replay_control: Control, by: By) -> ReplayReport:
    """It ends for good. What it has done stays."""
    return await replay_control.apply(replay_id, ImportCancelled, by)


@patch(
    "/replays/{replay_id:str}",
    opt={SCOPE: ADMIN},
    status_code=202,
    operation_class=RATE_BODY,
    summary="Change the rate of a replay",
    responses=database_problems(
        *BODY, "bad_body", "unknown_replay", "replay_ended", "kafka_unavailable"
    ),
)
async def change_replay_rate(
    request: AnyRequest, replay_id: FromPath[str], replay_starter: Starter, by: By
) -> ReplayReport:
    """The new rate takes effect immediately."""
    return await replay_starter.change_rate(replay_id, await bodies.body_of(request), by)
