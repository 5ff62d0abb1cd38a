"""The pictures: the list, one picture, and where its bytes are."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, TypeVar
from urllib.parse import quote

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter, SkipValidation
from litestar.response import Redirect
from litestar.response.base import ASGIResponse
from msgspec.structs import replace

from services.adapters.catalog.views import Image, ImageDetails, ImageFilter, ReadsCatalog
from services.adapters.store.urls import ObjectUrls
from services.api.lists import LONGEST_PAGE, Cursor, json_list, key_of, page_of
from services.api.problems import AnyRequest, Problem, bad_parameter, database_problems

I = TypeVar("I", bound=Image)  # noqa: E741
ORDERS = ("id", "newest")


@dataclass(frozen=True)
class Pictures:
    """The catalog's pictures, shown with a `storage_path` that opens in a browser as given.

    In a public store it is the object's own address. In a private store it is an address at
    `api_url` (the API as browsers reach it), which redirects to a signed one.
    """

    catalog: ReadsCatalog
    urls: ObjectUrls
    api_url: str

    def shown(self, image: I) -> I:
        if self.urls.public:
            return replace(image, storage_path=self.object_url(image))
        path = f"/images/{quote(image.google_drive_id, safe='')}/content"
        return replace(image, storage_path=self.api_url.rstrip("/") + path)

    def object_url(self, image: Image) -> str:
        if self.urls.public:
            return self.urls.public_url(image.storage_path)
        return self.urls.signed_url(image.storage_path, name=image.name, mime_type=image.mime_type)

    async def image(self, google_drive_id: str) -> ImageDetails:
        """As the catalog has it."""
        image = await self.catalog.image(google_drive_id)
        if image is None:
            raise Problem("unknown_image", "No picture with this Drive id is stored.")
        return image


Stored = NamedDependency[SkipValidation[Pictures]]


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
    if order not in ORDERS:
        raise bad_parameter("order", f"must be one of {', '.join(ORDERS)}")
    return ImageFilter(import_id=of_import, folder_id=folder, newest_first=order == "newest")


@get(
    "/images",
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
        **database_problems("bad_cursor"),
    },
)
async def list_images(
    request: AnyRequest,
    pictures: Stored,
    wanted: NamedDependency[SkipValidation[ImageFilter]],
    limit: Annotated[
        int | None,
        QueryParameter(ge=1, le=LONGEST_PAGE, description="The size of a page; without it, all."),
    ] = None,
    cursor: Cursor = None,
) -> ASGIResponse:
    """`storage_path` is an address that opens in a browser as given."""
    if limit is None:
        if cursor:
            raise bad_parameter("limit", "is needed with a cursor")
        pages = pictures.catalog.every_image(wanted)
        return await json_list([pictures.shown(image) for image in page] async for page in pages)
    listing = "images:newest" if wanted.newest_first else "images:id"
    after = key_of(cursor, listing, int)
    rows = await pictures.catalog.images(wanted, after=after, limit=limit + 1)
    shown = [pictures.shown(image) for image in rows]
    page = page_of(shown, limit, request, listing, lambda image: image.id)
    return page.to_asgi_response(None, request)


@get(
    "/images/{google_drive_id:str}",
    summary="One picture",
    responses=database_problems("unknown_image"),
)
async def get_image(google_drive_id: FromPath[str], pictures: Stored) -> ImageDetails:
    """Everything that is known of a picture, by its Drive id."""
    return pictures.shown(await pictures.image(google_drive_id))


@get(
    "/images/{google_drive_id:str}/content",
    status_code=302,
    summary="The picture itself",
    description="Redirects to the object in the store. In a private store the address is signed, "
    "and valid for at least an hour.",
    response_description="`Location` is where the bytes are.",
    responses=database_problems("unknown_image"),
)
async def get_image_content(google_drive_id: FromPath[str], pictures: Stored) -> Redirect:
    """The bytes never pass through the api."""
    image = await pictures.image(google_drive_id)
    # In a thread: the keys that sign it may have to be fetched first.
    address = await asyncio.to_thread(pictures.object_url, image)
    return Redirect(address, headers={"Cache-Control": "private, max-age=300"})
