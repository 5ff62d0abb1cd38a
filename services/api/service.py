"""The application: what its routes depend on, and what runs beside them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from services.adapters.catalog.port import ReadsCatalog
from services.adapters.catalog.replica import ReplicaWatch
from services.adapters.kafka.bounds import LogBoundsReader
from services.adapters.kafka.dead_letters import DeadLetterReader
from services.adapters.kafka.newest import NewestReader
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import ReadsLog
from services.adapters.kafka.tail import Tail
from services.adapters.metrics import DeadLetterMetrics, registered
from services.adapters.process import Running
from services.adapters.store.urls import ObjectUrls
from services.api import (
    control,
    health,
    images,
    imports,
    journey,
    keys,
    preview,
    retry,
    system,
    thumbnails,
)
from services.api.boundary import Boundary
from services.api.import_cache import ImportCache
from services.api.import_views import ImportViews
from services.api.lag import LagWatch
from services.api.live import Live
from services.api.lost_requests import LostRequests
from services.api.problems import AnyRequest
from services.api.replay_plans import ReplayPlanner
from services.api.replay_start import ReplayStarter, check_not_ended
from services.api.replay_views import ReplayViews
from services.api.routes import PARTS, routes
from services.api.settings import ApiSettings
from services.api.windows import WindowCache
from services.api.worker_cache import WorkerCache
from services.core.flow.quota import QuotaLimiter, QuotaSettings
from services.core.ports import KeepsObjects, PublishesEvents

ShowsMetrics = Callable[[], AbstractContextManager[None]]
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What the application asks about rarely. `topic_ids` asks Kafka, and blocks. `open_log` opens
    a reader for one question, whose fetches wait for nothing. `follow` calls back whenever the
    indexer has written something, until cancelled. `stopping` is set before the process ends."""

    urls: ObjectUrls
    open_log: Callable[[], ReadsLog]
    topic_ids: Callable[[Sequence[str]], Mapping[str, str]]
    quota: QuotaSettings
    store: KeepsObjects
    pool: thumbnails.DrawsThumbnails
    follow: Callable[[Callable[[], None]], Running]
    open_drive: preview.OpensDrive
    stopping: asyncio.Event
    lag: LagWatch
    windows: Tail[WindowCache]
    replica: ReplicaWatch | None = None
    lacks: str = ""


def create_app(
    settings: ApiSettings,
    publisher: PublishesEvents,
    catalog: ReadsCatalog,
    known: Tail[ImportCache],
    workers: Tail[WorkerCache],
    outside: Outside,
) -> ASGIApp:
    """The application. It runs the tails; whoever made the other parts closes them."""
    readiness = health.Readiness(known, catalog, publisher, workers, outside.replica, outside.lacks)
    requests = control.RequestLog(publisher, known)
    lost = LostRequests(known, catalog, publisher, settings.stalled_after)

    views = ImportViews(catalog, known.view, workers, settings.parked)
    replays = ReplayViews(catalog, known, workers)
    live = Live(views, replays, known, outside.windows, outside.stopping)
    previews = _previews(workers.view, outside)
    shown_small = thumbnails.Thumbnails(outside.store, outside.pool)
    parts = {
        "keys": settings.keys,
        "readiness": readiness,
        "pictures": partial(_pictures, settings, views, outside.urls),
        "thumbnails": shown_small,
        "system": system.SystemViews(
            outside.lag, workers, outside.windows, outside.quota, outside.replica
        ),
        "live": live,
        "previews": previews,
        **_of_imports(requests, views, outside.open_log),
        **_of_replays(requests, replays, outside),
    }
    runs = (
        *(known.run, workers.run, outside.windows.run, previews.run, lost.watch),
        *(outside.lag.run, readiness.watch, readiness.publish_status),
        *(live.run, live.end_with, lambda: outside.follow(live.changed)),
        *([outside.replica.run] if outside.replica else []),
    )
    return Boundary(_WithParts(parts, runs, _metrics(shown_small, outside.lag)), settings)


@dataclass(frozen=True)
class _WithParts:
    """The routes with what they depend on, and what runs beside them."""

    parts: Mapping[str, object]
    runs: Sequence[Callable[[], Running]]
    metrics: ShowsMetrics

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
        await routes()(scope, receive, send)


@asynccontextmanager
async def _running(
    runs: Sequence[Callable[[], Running]], metrics: ShowsMetrics
) -> AsyncIterator[None]:
    together = asyncio.gather(*(run() for run in runs), return_exceptions=True)
    with metrics():
        yield  # one that fails ends no other
    together.cancel()
    await asyncio.gather(together, return_exceptions=True)


def _pictures(
    settings: ApiSettings, views: ImportViews, urls: ObjectUrls, request: AnyRequest
) -> images.Pictures:
    public_url = settings.public_url or str(request.base_url)
    sign = partial(settings.keys.token, keys.caller_of(request.scope))
    return images.Pictures(views.catalog, views, urls, public_url, sign)


def _metrics(shown_small: thumbnails.Thumbnails, lag: LagWatch) -> ShowsMetrics:
    return partial(registered, shown_small.metrics, DeadLetterMetrics(lag.dead_letters))


def _previews(workers: WorkerCache, outside: Outside) -> preview.Previews:
    limiter = QuotaLimiter(outside.quota, "preview", preview.our_part(workers), log.warning)
    return preview.Previews(outside.open_drive, outside.quota, limiter)


def _of_imports(
    requests: control.RequestLog, views: ImportViews, open_log: Callable[[], ReadsLog]
) -> dict[str, object]:
    return {
        "letters": DeadLetterReader(open_log),
        "topics": NewestReader(open_log),
        "views": views,
        "journeys": journey.Journeys(views, open_log),
        "starter": imports.ImportStarter(requests.publisher, requests.tail),
        "control": control.PublishesControl(requests, views),
        "retry": retry.ImportRetry(requests, views),
    }


def _of_replays(
    requests: control.RequestLog, views: ReplayViews, outside: Outside
) -> dict[str, object]:
    bounds = LogBoundsReader(lambda: RangeReader(outside.open_log), outside.topic_ids)
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
