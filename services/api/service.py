"""The application: its routes, their dependencies, and what runs beside them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

import structlog
from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.plugins.prometheus import PrometheusConfig, PrometheusController
from litestar.types import ASGIApp, Receive, Scope, Send

from services.adapters.catalog.views import ReadsCatalog
from services.adapters.kafka.bounds import LogBoundsReader
from services.adapters.kafka.dead_letters import DeadLetterReader
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import Tail
from services.adapters.metrics import add_build_info
from services.adapters.process import Running
from services.adapters.store.urls import ObjectUrls
from services.adapters.thumbnails.metrics import ThumbnailMetrics
from services.api import (
    control,
    dead_letters,
    document,
    health,
    images,
    imports,
    journey,
    keys,
    preview,
    proofs,
    replays,
    retry,
    stream,
    system,
    thumbnails,
)
from services.api.boundary import Boundary
from services.api.lag import LagWatch
from services.api.live import Live
from services.api.live_rates import RateCache
from services.api.lost_requests import LostRequests
from services.api.parameters import parameters_are_known
from services.api.problems import PROBLEM_DETAILS, AnyRequest
from services.api.progress import ImportCache, ImportViews, WorkerCache
from services.api.rates import WindowCache
from services.api.reference import ReferencePage
from services.api.replay_plans import ReplayPlanner
from services.api.replay_start import ReplayStarter, check_not_ended
from services.api.replay_views import ReplayViews
from services.api.settings import ApiSettings
from services.core.flow.quota import QuotaLimiter, QuotaSettings
from services.core.ports import KeepsObjects, PublishesEvents
from services.core.version import VERSION

log = structlog.get_logger()
# By route, not by path: ids in paths would make a new series each. Litestar's middleware does not
# see requests that no route takes, so scanners make no series either.
PROMETHEUS = PrometheusConfig(
    app_name="drivestream",
    prefix="drivestream_api",
    group_path=True,
    exclude_unhandled_paths=True,
    exclude=["^/metrics$", "^/health/", "/events$"],  # a stream lasts as long as its client stays
)
add_build_info()
OPENAPI = OpenAPIConfig(
    title="Drivestream",
    version=VERSION,
    description="Copies every image in a public Google Drive folder to object storage, and shows "
    "what happened to each file. Errors are problem+json (RFC 9457) with a stable code. HEAD works "
    "wherever GET does. Responses of 500 bytes or more are compressed for clients that send "
    "`Accept-Encoding: gzip`. Unknown or repeated query parameters are rejected with 400. Send "
    "bodies as uncompressed UTF-8 JSON; a body with a `Content-Encoding` is rejected with 415. If "
    "the API has keys, send one as `Authorization: Bearer KEY`. The scope `admin` includes "
    "`import`, which includes `read`.",
    components=document.COMPONENTS,
    openapi_router=Router(
        "/schema", route_handlers=[], include_in_schema=False, opt={keys.SCOPE: keys.OPEN}
    ),
    render_plugins=[ReferencePage(path="/"), JsonRenderPlugin(), YamlRenderPlugin()],
    use_handler_docstrings=True,
    operation_id_creator=lambda handler, _method, _path: _camel_case(handler.handler_name),
)
ROUTES = (
    imports.start_import,
    preview.preview_folder,
    imports.list_imports,
    imports.get_import,
    imports.list_import_files,
    stream.stream_all,
    stream.stream_import,
    replays.plan_replay,
    replays.start_replay,
    replays.list_replays,
    replays.get_replay,
    replays.pause_replay,
    replays.resume_replay,
    replays.cancel_replay,
    replays.change_replay_rate,
    control.pause_import,
    control.resume_import,
    control.cancel_import,
    retry.retry_import,
    dead_letters.list_dead_letters,
    journey.get_import_file,
    proofs.get_manifest,
    proofs.get_checksums,
    images.list_images,
    images.get_image,
    images.get_image_content,
    thumbnails.get_image_thumbnail,
    system.get_system,
    health.get_liveness,
    health.get_readiness,
    keys.make_access_token,
    # Not in the OpenAPI document, since the format is Prometheus' own.
    Router(
        "/",
        route_handlers=[PrometheusController],
        include_in_schema=False,
        opt={keys.SCOPE: keys.READ},
    ),
)


DEPENDENCIES = (
    "keys",
    "readiness",
    "system",
    "thumbnails",
    "letters",
    "views",
    "live",
    "previews",
    "journeys",
    "starter",
    "control",
    "retry",
    "replay_views",
    "replay_planner",
    "replay_starter",
    "replay_control",
)
PARTS = "parts"


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What the application asks about rarely. `topic_ids` asks Kafka, and blocks. `follow` calls
    back whenever the indexer has written something, until cancelled. `stopping` is set before the
    process ends."""

    urls: ObjectUrls
    topic_ids: Callable[[Sequence[str]], Mapping[str, str]]
    quota: QuotaSettings
    store: KeepsObjects
    pool: thumbnails.DrawsThumbnails
    rates: Tail[RateCache]
    follow: Callable[[Callable[[], None]], Running]
    open_drive: preview.OpensDrive
    stopping: asyncio.Event
    lag: LagWatch
    windows: Tail[WindowCache]


def create_app(
    settings: ApiSettings,
    publisher: PublishesEvents,
    catalog: ReadsCatalog,
    known: Tail[ImportCache],
    workers: Tail[WorkerCache],
    outside: Outside,
) -> ASGIApp:
    """The application. It runs the tails; whoever made the other parts closes them."""
    readiness = health.Readiness(known, catalog, publisher, workers)
    requests = control.RequestLog(publisher, known)
    lost = LostRequests(known, catalog, publisher, settings.stalled_after)

    def pictures(request: AnyRequest) -> images.Pictures:
        public_url = settings.public_url or str(request.base_url)
        sign = partial(settings.keys.token, keys.caller_of(request.scope))
        return images.Pictures(catalog, outside.urls, public_url, sign)

    views = ImportViews(catalog, known.view, workers, settings.parked)
    live = Live(views, known, outside.rates, outside.stopping)
    previews = _previews(workers.view, outside)
    shown_small = thumbnails.Thumbnails(outside.store, outside.pool)
    parts = {
        "keys": settings.keys,
        "readiness": readiness,
        "pictures": pictures,
        "thumbnails": shown_small,
        "system": system.SystemViews(outside.lag, workers, outside.windows, outside.quota),
        "live": live,
        "previews": previews,
        **_of_imports(requests, views),
        **_of_replays(requests, ReplayViews(catalog, known, workers), outside),
    }
    runs = (
        *(known.run, workers.run, outside.rates.run, previews.run, lost.watch),
        *(outside.windows.run, outside.lag.run),
        *(readiness.watch, readiness.publish_status),
        *(live.run, live.end_with, lambda: outside.follow(live.changed)),
    )
    return Boundary(_WithParts(parts, runs, shown_small.metrics), settings)


@dataclass(frozen=True)
class _WithParts:
    """The routes with what they depend on, and what runs beside them."""

    parts: Mapping[str, object]
    runs: Sequence[Callable[[], Running]]
    metrics: ThumbnailMetrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            tell = cast(Any, send)  # typed for requests only
            await receive()
            async with _running(self.runs, self.metrics):
                await tell({"type": "lifespan.startup.complete"})
                await receive()
            await tell({"type": "lifespan.shutdown.complete"})
            return
        scope.setdefault("state", {})[PARTS] = self.parts
        await _routes()(scope, receive, send)


@cache
def _routes() -> Litestar:
    """Without what they depend on, so that one process can have several applications: making them
    takes 70 ms. They have nothing to start or to stop."""
    app = Litestar(
        ROUTES,
        dependencies={
            "pictures": Provide(_pictures, sync_to_thread=False),
            "by": Provide(keys.caller_name, sync_to_thread=False),
            **{name: _part(name) for name in DEPENDENCIES},
        },
        guards=[keys.scope_is_held, parameters_are_known],
        compression_config=CompressionConfig(
            backend="gzip", gzip_compress_level=5, exclude_opt_key=thumbnails.UNCOMPRESSED
        ),
        middleware=[PROMETHEUS.middleware],
        plugins=[PROBLEM_DETAILS],
        openapi_config=OPENAPI,
        request_max_body_size=imports.LARGEST_BODY,
        logging_config=None,
    )
    document.complete(app)
    return app


def openapi_document() -> dict[str, Any]:
    return _routes().openapi_schema.to_schema()


def _pictures(request: AnyRequest) -> images.Pictures:
    of: Callable[[AnyRequest], images.Pictures] = request.scope["state"][PARTS]["pictures"]
    return of(request)


def _part(name: str) -> Provide:
    def given(request: AnyRequest) -> object:
        part: object = request.scope["state"][PARTS][name]
        return part

    return Provide(given, sync_to_thread=False)


@asynccontextmanager
async def _running(
    runs: Sequence[Callable[[], Running]], metrics: ThumbnailMetrics
) -> AsyncIterator[None]:
    together = asyncio.gather(*(run() for run in runs), return_exceptions=True)
    with metrics.registered():
        yield  # one that fails ends no other
    together.cancel()
    await asyncio.gather(together, return_exceptions=True)


def _previews(workers: WorkerCache, outside: Outside) -> preview.Previews:
    limiter = QuotaLimiter(outside.quota, "preview", preview.our_part(workers), log.warning)
    return preview.Previews(outside.open_drive, outside.quota, limiter)


def _of_imports(requests: control.RequestLog, views: ImportViews) -> dict[str, object]:
    return {
        "letters": DeadLetterReader(requests.tail.open_log),
        "views": views,
        "journeys": journey.Journeys(views, requests.tail.open_log),
        "starter": imports.ImportStarter(requests.publisher, requests.tail),
        "control": control.PublishesControl(requests, views),
        "retry": retry.ImportRetry(requests, views),
    }


def _of_replays(
    requests: control.RequestLog, views: ReplayViews, outside: Outside
) -> dict[str, object]:
    open_log = requests.tail.open_log
    bounds = LogBoundsReader(lambda: RangeReader(open_log), outside.topic_ids)
    planner = ReplayPlanner(
        catalog=views.catalog, requested=requests.tail.view, log=bounds, quota=outside.quota
    )
    controlled = control.PublishesControl(requests, views, check_not_ended)
    return {
        "replay_views": views,
        "replay_planner": planner,
        "replay_starter": ReplayStarter(planner, views, requests),
        "replay_control": controlled,
    }


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))
