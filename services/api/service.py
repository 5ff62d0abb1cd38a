"""The api as a whole: its routes, what they are given, and its life from start to stop.

It publishes and reads; it writes no row.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.types import ASGIApp

from services.adapters.catalog.views import ReadsCatalog
from services.adapters.kafka.tail import Tail
from services.adapters.store.urls import ObjectUrls
from services.api import health, images, imports, metrics
from services.api.answers import HANDLERS
from services.api.boundary import Boundary
from services.api.health import Readiness
from services.api.known_imports import KnownImports
from services.api.progress import ImportViews
from services.api.reference import ReferencePage
from services.api.start import ImportStarter
from services.api.submission import LARGEST_BODY
from services.api.workers import KnownWorkers
from services.core.ports import PublishesEvents

SERVICE = "api"
VERSION = "0.1.0"
ROUTES = (
    imports.start_import,
    imports.list_imports,
    imports.get_import,
    imports.list_files,
    images.list_images,
    images.get_image,
    images.get_content,
    health.live,
    health.ready,
    metrics.metrics,
)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The outside, as the api uses it. Whoever makes them closes them; the tails are run here."""

    publisher: PublishesEvents
    catalog: ReadsCatalog
    tail: Tail[KnownImports]
    workers: Tail[KnownWorkers]
    urls: ObjectUrls


def create_app(parts: Parts) -> ASGIApp:
    """The application, ready to be served."""
    readiness = Readiness(parts.tail, parts.catalog)
    given = {
        "catalog": parts.catalog,
        "urls": parts.urls,
        "readiness": readiness,
        "workers": parts.workers,
        "views": ImportViews(parts.catalog, parts.tail.known),
        "starter": ImportStarter(parts.publisher, parts.tail, _now),
    }
    app = Litestar(
        ROUTES,
        dependencies={name: _given(value) for name, value in given.items()},
        exception_handlers=HANDLERS,
        lifespan=[lambda _app: _running(parts, readiness)],
        openapi_config=_openapi(),
        request_max_body_size=LARGEST_BODY,
        logging_config=None,
    )
    return Boundary(app)


def _given(value: object) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)


def _now() -> datetime:
    return datetime.now(UTC)


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Drivestream",
        version=VERSION,
        description="Copies every image of a public Google Drive folder into object storage, and "
        "shows what became of each. Errors are problem+json (RFC 9457) with a stable code.",
        path="/schema",
        render_plugins=[ReferencePage(), JsonRenderPlugin(), YamlRenderPlugin()],
        use_handler_docstrings=True,
    )


@asynccontextmanager
async def _running(parts: Parts, readiness: Readiness) -> AsyncIterator[None]:
    parts.tail.start()
    parts.workers.start()
    company = [
        asyncio.create_task(readiness.watch()),
        asyncio.create_task(readiness.tell(parts.publisher)),
    ]
    try:
        yield
    finally:
        for task in company:
            task.cancel()
        await asyncio.gather(*company, return_exceptions=True)
        await asyncio.gather(*(asyncio.to_thread(t.stop) for t in (parts.tail, parts.workers)))
