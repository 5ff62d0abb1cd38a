"""The pictures: the mission's list, one picture, and where its bytes are."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter, SkipValidation
from litestar.response.base import ASGIResponse

from services.adapters.catalog.views import Image, ImageDetails, ImageFilter, ReadsCatalog
from services.adapters.store.urls import ObjectUrls
from services.api.answers import problem_responses
from services.api.paging import LONGEST_PAGE, Cursor, cursor_of, key_of, next_link, page_of
from services.api.problems import ParameterFault, Problem
from services.api.streaming import ListResponse, json_list

ORDERS = ("id", "newest")
REDIRECT_SECONDS = 300
DATABASE = ("database_unavailable", "database_not_ready", "database_busy", "database_slow")

Catalog = NamedDependency[SkipValidation[ReadsCatalog]]
Urls = NamedDependency[SkipValidation[ObjectUrls]]


@get(
    "/images",
    operation_id="listImages",
    summary="The stored pictures",
    responses={
        200: ResponseSpec(
            list[Image],
            description='The pictures, by id. With `limit` a page, and `Link: <…>; rel="next"` '
            "if more follow; without it all of them, streamed: a list that does not end in `]` "
            "was broken off.",
            generate_examples=False,
        ),
        **problem_responses("bad_parameter", "bad_cursor", *DATABASE),
    },
)
async def list_images(
    catalog: Catalog,
    limit: Annotated[
        int | None,
        QueryParameter(ge=1, le=LONGEST_PAGE, description="A page of so many; all without it."),
    ] = None,
    cursor: Cursor = None,
    order: Annotated[
        str, QueryParameter(description="`newest` has the last stored first.", enum=ORDERS)
    ] = "id",
    of_import: Annotated[
        str | None, QueryParameter(name="import", description="Those of this import.")
    ] = None,
    folder: Annotated[
        str | None, QueryParameter(description="Those right in this Drive folder.")
    ] = None,
) -> ASGIResponse:
    """The mission's list of seven fields."""
    if order not in ORDERS:
        raise _refused("order", f"must be one of {', '.join(ORDERS)}")
    wanted = ImageFilter(import_id=of_import, folder_id=folder, newest_first=order == "newest")
    if limit is None:
        if cursor is not None:
            raise _refused("limit", "is needed with a cursor")
        return await ListResponse.opened(json_list(catalog, wanted))
    listing = f"images:{order}"
    after = key_of(cursor, listing, int)
    rows = await catalog.images(wanted, after=after, limit=limit + 1)
    page, more = page_of(rows, limit)
    asked = {
        "limit": limit,
        "order": None if order == "id" else order,
        "import": of_import,
        "folder": folder,
    }
    link = next_link("/images", asked, cursor_of(listing, page[-1].id)) if more else {}
    return ASGIResponse(body=msgspec.json.encode(page), headers=dict(link))


@get(
    "/images/{google_drive_id:str}",
    operation_id="getImage",
    summary="One picture",
    responses={**problem_responses("bad_parameter", "unknown_image", *DATABASE)},
)
async def get_image(google_drive_id: FromPath[str], catalog: Catalog) -> ImageDetails:
    """All that is known of a picture, by its Drive id."""
    return await _found(catalog, google_drive_id)


@get(
    "/images/{google_drive_id:str}/content",
    status_code=302,
    operation_id="getImageContent",
    summary="The picture itself",
    description="Redirects to the object in the store, by an address that is valid for an hour.",
    response_description="`Location` is where the bytes are.",
    responses={**problem_responses("bad_parameter", "unknown_image", *DATABASE)},
)
async def get_content(google_drive_id: FromPath[str], catalog: Catalog, urls: Urls) -> ASGIResponse:
    """The bytes never pass through the api."""
    image = await _found(catalog, google_drive_id)
    address = urls.url_of(image.storage_path, name=image.name, mime_type=image.mime_type)
    cache = f"private, max-age={REDIRECT_SECONDS}"
    headers = {"Location": address, "Cache-Control": cache}
    return ASGIResponse(status_code=302, media_type="text/plain", headers=headers)


async def _found(catalog: ReadsCatalog, google_drive_id: str) -> ImageDetails:
    image = await catalog.image(google_drive_id)
    if image is None:
        raise Problem("unknown_image", "No picture with this Drive id is stored.")
    return image


def _refused(parameter: str, why: str) -> Problem:
    return Problem("bad_parameter", f"{parameter} {why}.", errors=(ParameterFault(parameter, why),))
