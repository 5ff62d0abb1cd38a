"""The filters and the order of the list of images, as query parameters."""

import re
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, NamedTuple, get_args

import msgspec
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter, SkipValidation
from msgspec import UNSET

from services.adapters.catalog.views.images import ImageFilter, ImageOrder
from services.api.problems import AnyRequest, bad_parameter

LONGEST_NAME = 200
LONGEST_ID = 256
LARGEST_SIZE = 2**63 - 1
FIELDS: tuple[ImageOrder, ...] = get_args(ImageOrder)
NEWEST = "newest"
ORDERS = (NEWEST, *FIELDS, *(f"-{field}" for field in FIELDS))
ORDER = (
    "What to sort by; `-` reverses the order. Names are sorted by their first "
    f"{LONGEST_NAME} characters, without regard to case. `imported_at` is for the images of one "
    "import, and much faster there than `created_at` and `id`. `newest` is `-id`, or "
    "`-imported_at` with `import`: the image that was stored last comes first. Without an order, "
    "the list is sorted by name with `name`, else by `google_drive_id` with `import`, else by "
    "`created_at` or `size` with a filter on that, else by `id`."
)
A_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?=[T ]|$)", re.ASCII)
A_TIME = "must be a time such as 2026-11-25T08:00:00Z, or a date"


class Looks(NamedTuple):
    name: str | None
    content_type: str | None


class Sizes(NamedTuple):
    at_least: int | None
    at_most: int | None


class Folders(NamedTuple):
    folder: str | None
    below: bool


class Times(NamedTuple):
    since: datetime | None
    until: datetime | None


def looks(
    request: AnyRequest,
    name: Annotated[
        str | None,
        QueryParameter(
            min_length=1,
            max_length=LONGEST_NAME,
            description="Only images whose names begin with this, without regard to case. No "
            "character has a special meaning.",
        ),
    ] = None,
    type: Annotated[
        str | None,
        QueryParameter(
            min_length=1,
            max_length=LONGEST_NAME,
            description="Only images whose `content_type` is this, such as `image/jpeg`.",
        ),
    ] = None,
) -> Looks:
    name = name or request.query_params.get("name")  # Litestar reads `null` as none
    # In a query, `+` is a space: `image/svg+xml`. Types have no case; Drive's are in lower case.
    return Looks(name, type.replace(" ", "+").lower() if type else None)


def sizes(
    min_size: Annotated[
        int | None,
        QueryParameter(ge=0, le=LARGEST_SIZE, description="Only images of at least so many bytes."),
    ] = None,
    max_size: Annotated[
        int | None,
        QueryParameter(ge=0, le=LARGEST_SIZE, description="Only images of at most so many bytes."),
    ] = None,
) -> Sizes:
    if min_size is not None and max_size is not None and min_size > max_size:
        raise bad_parameter("min_size", "must not be more than max_size")
    return Sizes(min_size, max_size)


def folders(
    folder: Annotated[
        str | None,
        QueryParameter(
            max_length=LONGEST_ID, description="Only images directly in this Drive folder."
        ),
    ] = None,
    below: Annotated[
        bool,
        QueryParameter(
            description="Whether images in folders below `folder` count as well. It needs `folder` "
            "and `import`."
        ),
    ] = False,
) -> Folders:
    if below and folder is None:
        raise bad_parameter("below", "needs folder")
    return Folders(folder, below)


def times(
    since: Annotated[
        str | None,
        QueryParameter(
            description="Only images stored at or after this time: RFC 3339, or a date, which "
            "begins at midnight UTC. `created_at` is compared."
        ),
    ] = None,
    until: Annotated[
        str | None, QueryParameter(description="Only images stored before this time.")
    ] = None,
) -> Times:
    found = Times(_time("since", since), _time("until", until))
    if found.since and found.until and found.since >= found.until:
        why = f"must be before until, but {since} is not before {until}"
        raise bad_parameter("since", why)
    return found


def image_filter(
    looks: NamedDependency[SkipValidation[Looks]],
    sizes: NamedDependency[SkipValidation[Sizes]],
    times: NamedDependency[SkipValidation[Times]],
    folders: NamedDependency[SkipValidation[Folders]],
    order: Annotated[str | None, QueryParameter(description=ORDER, enum=ORDERS)] = None,
    of_import: Annotated[
        str | None,
        QueryParameter(name="import", description="Only images of this import."),
    ] = None,
) -> ImageFilter:
    if order is not None and order not in ORDERS:
        raise bad_parameter(
            "order", f"must be {NEWEST}, or one of {', '.join(FIELDS)}, with or without - before it"
        )
    if of_import is not None and len(of_import) > LONGEST_ID:  # Litestar would name `of_import`
        raise bad_parameter("import", f"must have at most {LONGEST_ID} characters")
    if order == NEWEST:
        order = "-id" if of_import is None else "-imported_at"
    if order is not None and order.endswith("imported_at") and of_import is None:
        raise bad_parameter("order", "can be imported_at only with import")
    if folders.below and of_import is None:
        raise bad_parameter("below", "needs import")
    return ImageFilter(
        import_id=of_import,
        folder_id=folders.folder,
        below=folders.below or UNSET,
        name=looks.name,
        content_type=looks.content_type,
        min_size=sizes.at_least,
        max_size=sizes.at_most,
        since=times.since,
        until=times.until,
        order=None if order is None else msgspec.convert(order.removeprefix("-"), ImageOrder),
        descending=order is not None and order.startswith("-"),
    )


IMAGE_FILTER = {
    "looks": Provide(looks, sync_to_thread=False),
    "sizes": Provide(sizes, sync_to_thread=False),
    "times": Provide(times, sync_to_thread=False),
    "folders": Provide(folders, sync_to_thread=False),
    "wanted": Provide(image_filter, sync_to_thread=False),
}
"""The dependency `wanted`, with what it depends on."""


def listing_of(wanted: ImageFilter) -> str:
    """What a cursor is of: one that was given with other filters is refused."""
    asked = msgspec.json.encode(wanted)
    return f"images:{blake2b(asked, digest_size=8).hexdigest()}"


def _time(parameter: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if not A_DATE.match(text):  # a week, or digits alone, would be a date of Python's
            raise ValueError
        # In a query, `+` is a space: `08:00:00+01:00`.
        found = datetime.fromisoformat(text.replace(" ", "+"))
        if found.tzinfo is None and len(text) > len("2026-11-25"):
            raise bad_parameter(parameter, "has no time zone; add Z for UTC")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise bad_parameter(parameter, A_TIME) from None
