"""The images: the list, one image, and where its bytes are."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter, SkipValidation
from litestar.response import Redirect
from litestar.response.base import ASGIResponse
from msgspec import Meta
from msgspec.structs import replace

from services.adapters.catalog.port import ReadsCatalog
from services.adapters.catalog.views.images import (
    Image,
    ImageDetails,
    ImageFilter,
    ImageOrder,
    ImagePlace,
    ListedImage,
)
from services.adapters.store.urls import ObjectUrls
from services.api.image_filter import IMAGE_FILTER, LONGEST_NAME, listing_of
from services.api.import_views import ImportViews
from services.api.keys import READ, SCOPE
from services.api.lists import LONGEST_PAGE, Cursor, json_list, key_of, page_of
from services.api.problems import AnyRequest, Problem, bad_parameter, database_problems
from services.core.events import Id, Natural, Time

I = TypeVar("I", bound=Image)  # noqa: E741
PLACES: Mapping[ImageOrder, Any] = {
    "id": tuple[Natural, Natural, bool],
    "google_drive_id": tuple[Id, Natural, bool],
    "name": tuple[Annotated[str, Meta(max_length=LONGEST_NAME)], Natural, bool],
    "size": tuple[Natural, Natural, bool],
    "created_at": tuple[Time, Natural, bool],
    "imported_at": tuple[Time, Id, bool],
}
"""What a cursor holds."""


@dataclass(frozen=True)
class Pictures:
    """The catalog's pictures, shown with a `storage_path` that opens in a browser as given.

    In a public store it is the object's own address. In a private store it is an address at
    `api_url` (the API as browsers reach it), which redirects to a signed one. `sign` makes the
    access token that a path needs where the API asks for keys.
    """

    catalog: ReadsCatalog
    imports: ImportViews
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
        shown = {"name": image.name, "content_type": image.content_type}
        return self.urls.signed_url(image.storage_path, **shown)

    async def image(self, google_drive_id: str) -> ImageDetails:
        """As the catalog has it."""
        image = await self.catalog.image(google_drive_id)
        if image is None:
            raise Problem("unknown_image", "There is no stored image with this Drive id.")
        return image

    async def check_import(self, wanted: ImageFilter) -> None:
        """Of a list without images: raise an `unknown_import` problem if it is of no import."""
        if wanted.import_id is not None:
            await self.imports.progress(wanted.import_id)

    async def every_image(self, wanted: ImageFilter) -> AsyncIterator[Sequence[ListedImage]]:
        """In pages, as they are shown."""
        is_empty = True
        async for page in self.catalog.every_image(wanted):
            is_empty = False
            yield [self.shown(image) for image in page]
        if is_empty:
            await self.check_import(wanted)


Stored = NamedDependency[SkipValidation[Pictures]]


async def total_count(catalog: ReadsCatalog, wanted: ImageFilter) -> dict[str, str]:
    counted = await catalog.count_images(wanted)
    return {"Total-Count": "unknown" if counted is None else str(counted)}


@get(
    "/images",
    opt={SCOPE: READ},
    summary="List the stored images",
    dependencies=IMAGE_FILTER,
    responses={
        200: ResponseSpec(
            list[ListedImage],
            description="The images that match every filter. With `limit`, the answer is one page, "
            'with a `Link: <…>; rel="next"` header if more follow. Without `limit`, all images are '
            "streamed. A streamed list is not a snapshot: images stored in the meantime may be "
            "missing, and none appears twice. If the list does not end in `]`, it is incomplete. "
            "With `count=true`, `Total-Count` is the number of all that match, or `unknown` if "
            "counting them took longer than two seconds.",
            generate_examples=False,
        ),
        **database_problems("bad_cursor", "unknown_import"),
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
    count: Annotated[
        bool,
        QueryParameter(description="Whether to count all images that match, in `Total-Count`."),
    ] = False,
) -> ASGIResponse:
    """`storage_path` is a URL that opens in a browser as it is."""
    if limit is None and cursor:
        raise bad_parameter("limit", "is required with a cursor")
    listing = listing_of(wanted)
    key = key_of(cursor, listing, PLACES[wanted.sorted_by])
    after = None if key is None else ImagePlace(*key)
    headers = await total_count(pictures.catalog, wanted) if count else {}
    if limit is None:
        return await json_list(pictures.every_image(wanted), headers)
    rows = await pictures.catalog.images(wanted, after=after, limit=limit + 1)
    if not rows:
        await pictures.check_import(wanted)
    page = page_of(rows, limit, request, listing, wanted.place_of)
    page.content = [pictures.shown(image) for image in page.content]
    page.headers.update(headers)
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
