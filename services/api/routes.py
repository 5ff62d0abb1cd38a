"""The routes, and their OpenAPI document."""

from collections.abc import Callable
from functools import cache
from typing import Any

from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.plugins.prometheus import PrometheusConfig, PrometheusController
from litestar.routes import HTTPRoute

from services.adapters.metrics import add_build_info
from services.api import (
    control,
    dead_letters,
    document,
    health,
    image_sections,
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
    topics,
)
from services.api.compression import Compression
from services.api.parameters import parameters_are_known
from services.api.problems import PROBLEM_DETAILS, AnyRequest
from services.api.reference import ReferencePage
from services.core.version import VERSION

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


def _is_a_document(request: AnyRequest) -> None:
    """Below /schema, Litestar has a page of its own for every path that is none."""
    if request.path_params:
        raise NotFoundException


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
        "/schema",
        route_handlers=[],
        include_in_schema=False,
        opt={keys.SCOPE: keys.OPEN},
        before_request=_is_a_document,
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
    image_sections.list_import_folders,
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
    image_sections.get_image_sections,
    images.get_image,
    images.get_image_content,
    thumbnails.get_image_thumbnail,
    system.get_system,
    topics.list_topic_events,
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
    "topics",
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


@cache
def routes() -> Litestar:
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
            backend="gzip",
            gzip_compress_level=5,
            exclude_opt_key=thumbnails.UNCOMPRESSED,
            middleware_class=Compression,
        ),
        middleware=[PROMETHEUS.middleware],
        plugins=[PROBLEM_DETAILS],
        openapi_config=OPENAPI,
        request_max_body_size=imports.LARGEST_BODY,
        logging_config=None,
    )
    document.complete(app)
    _one_after_another(app)
    return app


def _one_after_another(app: Litestar) -> None:
    """Litestar makes a task of each dependency that needs no other one. Ours wait for nothing, so
    that costs a list of images a fifth of its time."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for _, model in route.route_handler_map.values():
                batches = model.dependency_batches
                model.dependency_batches = [{each} for batch in batches for each in batch]


def openapi_document() -> dict[str, Any]:
    return routes().openapi_schema.to_schema()


def _pictures(request: AnyRequest) -> images.Pictures:
    of: Callable[[AnyRequest], images.Pictures] = request.scope["state"][PARTS]["pictures"]
    return of(request)


def _part(name: str) -> Provide:
    def given(request: AnyRequest) -> object:
        part: object = request.scope["state"][PARTS][name]
        return part

    return Provide(given, sync_to_thread=False)


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))
