"""The application: its routes, their dependencies, and what runs beside them.

The api publishes events and reads; it writes no row.
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
from services.api import health, images, imports
from services.api.addresses import ImageAddresses
from services.api.boundary import Boundary, json_only
from services.api.errors import PROBLEM_DETAILS
from services.api.health import Readiness
from services.api.import_cache import ImportCache
from services.api.metrics import PROMETHEUS, Metrics
from services.api.problems import AnyRequest
from services.api.progress import ImportViews
from services.api.reference import ReferencePage
from services.api.settings import ApiSettings
from services.api.start import ImportStarter
from services.api.submission import LARGEST_BODY
from services.api.worker_cache import WorkerCache
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
    Metrics,
)


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The outside world of the api. Whoever makes them closes them; the tails are run here."""

    publisher: PublishesEvents
    catalog: ReadsCatalog
    imports: Tail[ImportCache]
    workers: Tail[WorkerCache]
    urls: ObjectUrls


def create_app(outside: Dependencies, settings: ApiSettings) -> ASGIApp:
    """The application, ready to be served."""
    readiness = Readiness(outside.imports, outside.catalog)
    given = {
        "catalog": outside.catalog,
        "readiness": readiness,
        "views": ImportViews(outside.catalog, outside.imports.view, outside.workers, _now),
        "starter": ImportStarter(outside.publisher, outside.imports, _now),
    }

    def addresses(request: AnyRequest) -> ImageAddresses:
        return ImageAddresses(outside.urls, settings.public_url or str(request.base_url))

    app = Litestar(
        ROUTES,
        dependencies={
            **{name: _given(value) for name, value in given.items()},
            "addresses": Provide(addresses, sync_to_thread=False),
        },
        guards=[json_only],
        middleware=[PROMETHEUS.middleware],
        plugins=[PROBLEM_DETAILS],
        lifespan=[lambda _app: _running(outside, readiness)],
        openapi_config=_openapi(),
        request_max_body_size=LARGEST_BODY,
        logging_config=None,
    )
    return Boundary(app, settings.allowed_hosts)


def _given(value: object) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)


def _now() -> datetime:
    return datetime.now(UTC)


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Drivestream",
        version=VERSION,
        description="Copies every image of a public Google Drive folder into object storage, and "
        "shows what became of each. Errors are problem+json (RFC 9457) with a stable code. "
        "HEAD works wherever GET does.",
        path="/schema",
        render_plugins=[ReferencePage(), JsonRenderPlugin(), YamlRenderPlugin()],
        use_handler_docstrings=True,
    )


@asynccontextmanager
async def _running(outside: Dependencies, readiness: Readiness) -> AsyncIterator[None]:
    background = [
        asyncio.create_task(outside.imports.run()),
        asyncio.create_task(outside.workers.run()),
        asyncio.create_task(readiness.watch()),
        asyncio.create_task(readiness.publish_status(outside.publisher)),
    ]
    try:
        yield
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
