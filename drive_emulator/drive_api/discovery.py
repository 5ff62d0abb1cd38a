"""Drive's discovery document, read from the installed google-api-python-client.

It is Google's own file; only its addresses are replaced by the emulator's.
"""

import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.errors import api_error
from drive_emulator.http.messages import Request

PATHS = ("/discovery/v1/apis/drive/v3/rest", "/$discovery/rest")
_DOCUMENT = Path("discovery_cache", "documents", "drive.v3.json")


def routes() -> list[Route]:
    return [Route("GET", path, "discovery", send_document, public=True) for path in PATHS]


async def send_document(context: RequestContext) -> None:
    await context.send_json(describe_api(context.request))


def describe_api(request: Request) -> dict[str, Any]:
    """The document with the request's own address; `ApiError` 404 if there is none."""
    if request.path == PATHS[1] and request.params.get("version", "v3") != "v3":
        raise api_error(404, "notFound", "the emulator only serves Drive v3")
    document = installed()
    if document is None:
        message = "install google-api-python-client: the discovery document comes with it"
        raise api_error(404, "notFound", message)
    root = f"{request.origin}/"
    addresses = {
        "rootUrl": root,
        "mtlsRootUrl": root,
        "baseUrl": f"{root}{document['servicePath']}",
    }
    return {**document, **addresses}


@cache
def installed() -> Mapping[str, Any] | None:
    """The document of the installed client; None if it is not installed."""
    spec = importlib.util.find_spec("googleapiclient")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, _DOCUMENT)
        if path.is_file():
            document: dict[str, Any] = msgspec.json.decode(path.read_bytes())
            return document
    return None
