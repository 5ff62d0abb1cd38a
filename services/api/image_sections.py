"""Where a list of images can be entered, and in which folders an import's images are."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, SkipValidation
from msgspec import Struct

from services.adapters.catalog.views.images import ImageFilter, ImageFolder
from services.api.image_filter import IMAGE_FILTER, LONGEST_ID, listing_of
from services.api.images import Stored
from services.api.imports import Views
from services.api.keys import READ, SCOPE
from services.api.lists import DEFAULT_PAGE, LONGEST_PAGE, Cursor, Limit, cursor_of, key_of, page_of
from services.api.problems import AnyRequest, database_problems

SMALLEST_SECTION = 100
DEFAULT_SECTION = 500


class ImageSectionList(Struct, frozen=True, kw_only=True):
    """A list of images at one moment. With the cursor of a section and `limit={section_size}`,
    `GET /images` returns that section, if the filters and the order are the same. `position` is the
    index of the image that was looked for, from 0; null if the list does not have it."""

    total: int
    section_size: int
    cursors: Sequence[str]
    position: int | None


@get(
    "/images/sections",
    opt={SCOPE: READ},
    summary="List where the sections of a list of images begin",
    dependencies=IMAGE_FILTER,
    responses=database_problems("unknown_import"),
)
async def get_image_sections(
    pictures: Stored,
    wanted: NamedDependency[SkipValidation[ImageFilter]],
    section_size: Annotated[
        int,
        QueryParameter(
            ge=SMALLEST_SECTION, le=LONGEST_PAGE, description="How many images a section has."
        ),
    ] = DEFAULT_SECTION,
    image: Annotated[
        str | None,
        QueryParameter(
            max_length=LONGEST_ID,
            description="The Drive id of an image whose `position` in the list is wanted.",
        ),
    ] = None,
) -> ImageSectionList:
    """The exact length of the list, and a cursor for each section of it, so that a client can read
    any part of a long list without what lies before it. Images that are stored later move no
    section of `order=newest`: they come before the first one."""
    found = await pictures.catalog.image_sections(wanted, every=section_size, image=image)
    if not found.total:
        await pictures.check_import(wanted)
    listing = listing_of(wanted)
    return ImageSectionList(
        total=found.total,
        section_size=section_size,
        cursors=[cursor_of(listing, start) for start in found.starts],
        position=found.position,
    )


@get(
    "/imports/{import_id:str}/folders",
    opt={SCOPE: READ},
    summary="List the folders of an import",
    responses=database_problems("bad_cursor", "unknown_import"),
)
async def list_import_folders(
    request: AnyRequest,
    import_id: FromPath[str],
    views: Views,
    pictures: Stored,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response[list[ImageFolder]]:
    """A page by folder id, with `Link: <…>; rel="next"` if more follow. `path` is empty for the
    folder that was imported. `images` counts what `GET /images` lists for the import and the
    folder."""
    listing = f"folders:{import_id}"
    after = key_of(cursor, listing, str)
    rows = await pictures.catalog.image_folders(import_id, after=after, limit=limit + 1)
    if not rows:
        await views.progress(import_id)
    return page_of(rows, limit, request, listing, lambda folder: folder.folder_id)
