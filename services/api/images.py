"""The pictures: the list, one picture, and where its bytes are."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter, SkipValidation
from litestar.response.base import ASGIResponse

from services.adapters.catalog.views import Image, ImageDetails, ImageFilter, ReadsCatalog
from services.api.addresses import ImageAddresses
from services.api.paging import LONGEST_PAGE, Cursor, cursor_of, key_of, next_link, page_of
from services.api.problems import ParameterFault, Problem, problem_responses
from services.api.streaming import ListResponse, json_list

ORDERS = ("id", "newest")
REDIRECT_SECONDS = 300
DATABASE = ("database_unavailable", "database_not_ready", "database_busy", "database_slow")

Catalog = NamedDependency[SkipValidation[ReadsCatalog]]
Wanted = NamedDependency[SkipValidation[ImageFilter]]
Addresses = NamedDependency[SkipValidation[ImageAddresses]]


def image_filter(
    order: Annotated[
        str, QueryParameter(description="`newest` starts with the last one stored.", enum=ORDERS)
    ] = "id",
    of_import: Annotated[
        str | None, QueryParameter(name="import", description="Only pictures of this import.")
    ] = None,
    folder: Annotated[
        str | None, QueryParameter(description="Only pictures directly in this Drive folder.")
    ] = None,
) -> ImageFilter:
    """What the query asks for."""
    if order not in ORDERS:
        raise _bad_parameter("order", f"must be one of {', '.join(ORDERS)}")
    return ImageFilter(import_id=of_import, folder_id=folder, newest_first=order == "newest")


@get(
    "/images",
    operation_id="listImages",
    summary="The stored pictures",
    dependencies={"wanted": Provide(image_filter, sync_to_thread=False)},
    responses={
        200: ResponseSpec(
            list[Image],
            description="The pictures, ordered by id. With `limit` it is one page, with a header "
            '`Link: <…>; rel="next"` if more follow. Without `limit` it is all of them, streamed. '
            "A streamed list is not a snapshot: pictures that are stored while it is read may be "
            "missing, and none comes twice. A list that does not end in `]` was broken off.",
            generate_examples=False,
        ),
        **problem_responses("bad_parameter", "bad_cursor", *DATABASE),
    },
)
async def list_images(
    catalog: Catalog,
    addresses: Addresses,
    wanted: Wanted,
    limit: Annotated[
        int | None,
        QueryParameter(ge=1, le=LONGEST_PAGE, description="The size of a page; without it, all."),
    ] = None,
    cursor: Cursor = None,
) -> ASGIResponse:
    """`storage_path` is an address that opens in a browser as given."""
    if limit is None:
        if cursor is not None:
            raise _bad_parameter("limit", "is needed with a cursor")
        pages = _shown(catalog.every_image(wanted), addresses)
        return await ListResponse.opened(json_list(pages))
    order = "newest" if wanted.newest_first else "id"
    listing = f"images:{order}"
    after = key_of(cursor, listing, int)
    rows = await catalog.images(wanted, after=after, limit=limit + 1)
    page, more = page_of(rows, limit)
    asked = {
        "limit": limit,
        "order": order if wanted.newest_first else None,
        "import": wanted.import_id,
        "folder": wanted.folder_id,
    }
    link = next_link("/images", asked, cursor_of(listing, page[-1].id)) if more else {}
    shown = [addresses.shown(image) for image in page]
    return ASGIResponse(body=msgspec.json.encode(shown), headers=dict(link))


@get(
    "/images/{google_drive_id:str}",
    operation_id="getImage",
    summary="One picture",
    responses={**problem_responses("bad_parameter", "unknown_image", *DATABASE)},
)
async def get_image(
    google_drive_id: FromPath[str], catalog: Catalog, addresses: Addresses
) -> ImageDetails:
    """Everything that is known of a picture, by its Drive id."""
    return addresses.shown(await _found(catalog, google_drive_id))


@get(
    "/images/{google_drive_id:str}/content",
    status_code=302,
    operation_id="getImageContent",
    summary="The picture itself",
    description="Redirects to the object in the store. In a private store the address is signed, "
    "and valid for at least an hour.",
    response_description="`Location` is where the bytes are.",
    responses={**problem_responses("bad_parameter", "unknown_image", *DATABASE)},
)
async def get_content(
    google_drive_id: FromPath[str], catalog: Catalog, addresses: Addresses
) -> ASGIResponse:
    """The bytes never pass through the api."""
    address = addresses.object_url(await _found(catalog, google_drive_id))
    headers = {"Location": address, "Cache-Control": f"private, max-age={REDIRECT_SECONDS}"}
    return ASGIResponse(status_code=302, media_type="text/plain", headers=headers)


async def _found(catalog: ReadsCatalog, google_drive_id: str) -> ImageDetails:
    image = await catalog.image(google_drive_id)
    if image is None:
        raise Problem("unknown_image", "No picture with this Drive id is stored.")
    return image


async def _shown(
    pages: AsyncIterator[Sequence[Image]], addresses: ImageAddresses
) -> AsyncIterator[Sequence[Image]]:
    async for page in pages:
        yield [addresses.shown(image) for image in page]


def _bad_parameter(parameter: str, why: str) -> Problem:
    return Problem("bad_parameter", f"{parameter} {why}.", errors=(ParameterFault(parameter, why),))
