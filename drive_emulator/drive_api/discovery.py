"""Drive's discovery document, as the installed google-api-python-client brings it.

It is Google's own file, read where it lies: nothing of it is kept here. Only the addresses in it
are made to lead back to the emulator.
"""

import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.errors import ApiError, classic
from drive_emulator.http.messages import Request

PATHS = ("/discovery/v1/apis/drive/v3/rest", "/$discovery/rest")
_DOCUMENT = Path("discovery_cache", "documents", "drive.v3.json")


def routes() -> list[Route]:
    """Where the document is; nobody needs a key to read it."""
    return [Route("GET", path, "discovery", answer, open=True) for path in PATHS]


async def answer(context: RequestContext) -> None:
    """The document for the address of the request."""
    await context.answer(describe_api(context.request))


def describe_api(request: Request) -> dict[str, Any]:
    """Drive's API as it is at the host of the request; `ApiError` 404 where it is not known."""
    if request.path == PATHS[1] and request.params.get("version", "v3") != "v3":
        raise _absent("the emulator speaks Drive v3 alone")
    document = installed()
    if document is None:
        raise _absent("the discovery document comes with google-api-python-client: install it")
    root = f"{request.origin}/"
    moved = {"rootUrl": root, "mtlsRootUrl": root, "baseUrl": f"{root}{document['servicePath']}"}
    return {**document, **moved}


def _absent(why: str) -> ApiError:
    return ApiError(404, classic(404, "notFound", why))


@cache
def installed() -> Mapping[str, Any] | None:
    """The document of the installed client; None where there is none."""
    spec = importlib.util.find_spec("googleapiclient")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, _DOCUMENT)
        if path.is_file():
            document: dict[str, Any] = msgspec.json.decode(path.read_bytes())
            return document
    return None
