"""The pictures: the list, one picture, and where its bytes are."""

import asyncio
from collections.abc import Callable
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
from services.api.keys import READ, SCOPE
from services.api.lists import LONGEST_PAGE, Cursor, json_list, key_of, page_of
from services.api.problems import AnyRequest, Problem, bad_parameter, database_problems

I = TypeVar("I", bound=Image)  # noqa: E741
ORDERS = ("id", "newest")


@dataclass(frozen=True)
class Pictures:
    """The catalog's pictures, shown with a `storage_path` that opens in a browser as given.

    In a public store it is the object's own address. In a private store it is an address at
    `api_url` (the API as browsers reach it), which redirects to a signed one. `sign` makes the
    access token that a path needs where the API asks for keys.
    """

    catalog: ReadsCatalog
    urls: ObjectUrls
    api_url: str
    sign: Callable[[str], str | None]

    def shown(self, image: I) -> I:
        if self.urls.public:
            return replace(image, storage_path=self.object_url(image))
        path = f"/images/{quote(image.google_drive_id, safe='')}/content"
        token = self.sign(f"/images/{image.google_drive_id}/content")
        query = f"?access_token={token}" if token else ""
        return replace(image, storage_path=self.api_url.rstrip("/") + path + query)

    def object_url(self, image: Image) -> str:
        if self.urls.public:
            return self.urls.public_url(image.storage_path)
        return self.urls.signed_url(image.storage_path, name=image.name, mime_type=image.mime_type)

    async def image(self, google_drive_id: str) -> ImageDetails:
        """As the catalog has it."""
        image = await self.catalog.image(google_drive_id)
        if image is None:
            raise Problem("unknown_image", "There is no stored image with this Drive id.")
        return image


Stored = NamedDependency[SkipValidation[Pictures]]


def image_filter(
    order: Annotated[
        str,
        QueryParameter(
            description="`newest` puts the most recently stored image first.", enum=ORDERS
        ),
    ] = "id",
    of_import: Annotated[
        str | None, QueryParameter(name="import", description="Only images of this import.")
    ] = None,
    folder: Annotated[
        str | None,
        QueryParameter(description="Only images directly in this Drive folder, by its id."),
    ] = None,
) -> ImageFilter:
    if order not in ORDERS:
        raise bad_parameter("order", f"must be one of {', '.join(ORDERS)}")
    return ImageFilter(import_id=of_import, folder_id=folder, newest_first=order == "newest")


@get(
    "/images",
    opt={SCOPE: READ},
    summary="List the stored images",
    dependencies={"wanted": Provide(image_filter, sync_to_thread=False)},
    responses={
        200: ResponseSpec(
            list[Image],
            description="The images, by id. With `limit`, the answer is one page, with a "
            '`Link: <…>; rel="next"` header if more follow. Without `limit`, all images are '
            "streamed. A streamed list is not a snapshot: images stored in the meantime may be "
            "missing, and none appears twice. If the list does not end in `]`, it is incomplete.",
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
        QueryParameter(
            ge=1, le=LONGEST_PAGE, description="The page size. Without it, the list is complete."
        ),
    ] = None,
    cursor: Cursor = None,
) -> ASGIResponse:
    """`storage_path` is a URL that opens in a browser as it is."""
    if limit is None:
        if cursor:
            raise bad_parameter("limit", "is required with a cursor")
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
    opt={SCOPE: READ},
    summary="Get an image",
    responses=database_problems("unknown_image"),
)
async def get_image(google_drive_id: FromPath[str], pictures: Stored) -> ImageDetails:
    """Everything that is known about an image, by its Drive id."""
    return pictures.shown(await pictures.image(google_drive_id))


@get(
    "/images/{google_drive_id:str}/content",
    opt={SCOPE: READ},
    status_code=302,
    summary="Download an image",
    description="Redirects to the object in the store. For a private bucket, the URL is signed and "
    "valid for at least an hour.",
    response_description="`Location` is the URL of the image.",
    responses=database_problems("unknown_image"),
)
async def get_image_content(google_drive_id: FromPath[str], pictures: Stored) -> Redirect:
    """The bytes never pass through the api."""
    image = await pictures.image(google_drive_id)
    # In a thread: the keys that sign it may have to be fetched first.
    address = await asyncio.to_thread(pictures.object_url, image)
    return Redirect(address, headers={"Cache-Control": "private, max-age=300"})
