"""The SQL of images: which of them a list has, in which order, and where a page begins.

That of a list is text: SQLAlchemy took longer to put the statement together than PostgreSQL to
answer it. The text has only what is written here; whatever was asked is a parameter.

Every condition and every order has an index of just its expression, with the id behind it
(`rows.py`). So a page that is filtered and ordered by one thing is a walk along one index, of no
more rows than it shows. For the rest, PostgreSQL chooses by its statistics.
"""

from collections.abc import Iterator, Mapping
from typing import Any, LiteralString, NamedTuple

from msgspec import UNSET
from sqlalchemy import Select

from services.adapters.catalog.queries.columns import fields_of
from services.adapters.catalog.rows import (
    CONTENT_TYPE,
    IMAGE_NAME,
    IMAGE_TYPE,
    IN_STORE,
    images,
)
from services.adapters.catalog.views.images import (
    ImageDetails,
    ImageFilter,
    ImageOrder,
    ImagePlace,
)

FIELDS: LiteralString = (
    f"id, name, google_drive_id, size, mime_type, storage_path, created_at, {CONTENT_TYPE}, "
    "width, height"
)
BY_NAME: LiteralString = IMAGE_NAME.format("name")
KEYS: Mapping[ImageOrder, LiteralString] = {
    "id": "id",
    "google_drive_id": "google_drive_id",
    "name": BY_NAME,
    "size": "size",
    "created_at": "created_at",
}
KEYS_OF_IMPORT: Mapping[ImageOrder, LiteralString] = {
    **KEYS,
    "google_drive_id": "file_id",
    "imported_at": "outcome_at",
    # Not their indexes: an import's images lie together there, and the walk to them may be long.
    "id": "id + 0",
    "created_at": "created_at + interval '0'",
}
VALUES: Mapping[ImageOrder, LiteralString] = {
    "id": "id",
    "google_drive_id": "google_drive_id",
    "name": '"left"(name, 200)',
    "size": "size",
    "created_at": "created_at",
    "imported_at": "outcome_at",
}
"""What an `ImagePlace` holds."""
UNIQUE: tuple[ImageOrder, ...] = ("id", "google_drive_id")
CONDITIONS: Mapping[str, LiteralString] = {
    "folder_id": "folder_id = %(folder_id)s",
    "folder_ids": "folder_id = ANY(%(folder_ids)s::text[])",
    "content_type": f"{IMAGE_TYPE} = %(content_type)s",
    "name": f"starts_with({BY_NAME}, {IMAGE_NAME.format('%(name)s')})",
    "min_size": "size >= %(min_size)s",
    "max_size": "size <= %(max_size)s",
    "since": "created_at >= %(since)s",
    "until": "created_at < %(until)s",
}
OF_IMPORT: LiteralString = (
    "images JOIN (SELECT import_id, file_id, state, outcome_at FROM import_files) AS f "
    "ON file_id = google_drive_id"
)


class Query(NamedTuple):
    text: LiteralString
    values: Mapping[str, Any]


def page(wanted: ImageFilter, after: ImagePlace | None, limit: int) -> Query:
    """`ListedImage`s, their fields in order."""
    key, unique = _keys(wanted)[wanted.sorted_by], wanted.sorted_by in UNIQUE
    conditions, values = [*_conditions(wanted)], _values(wanted)
    if after is not None:
        sign: LiteralString = "<" if wanted.descending else ">"
        if after.included:
            sign += "="
        value: LiteralString = "%(after)s"
        if wanted.sorted_by == "name":
            value = IMAGE_NAME.format(value)
        conditions.append(
            f"{key} {sign} {value}"
            if unique
            else f"({key}, {_id(wanted)}) {sign} ({value}, %(after_id)s)"
        )
        values |= {"after": after.value, "after_id": after.id}
    values["limit"] = limit
    fields = FIELDS if wanted.import_id is None else f"{FIELDS}, outcome_at"
    text = f"SELECT {fields} FROM {_from(wanted)}{_where(conditions)} ORDER BY {_order(wanted)}"
    return Query(f"{text} LIMIT %(limit)s", values)


def sections(wanted: ImageFilter, every: int, image: str | None) -> Query:
    """The first image of each section, the last of all, and the one that is looked for: its number
    from 1, its place, whether it is the last, and whether it is looked for. PostgreSQL walks along
    the list once, and keeps none of its rows: it looks one ahead for the end."""
    is_wanted: LiteralString = "false" if image is None else "google_drive_id = %(image)s"
    numbered = (
        f"SELECT row_number() OVER w AS n, {VALUES[wanted.sorted_by]} AS value, "
        f"{_id(wanted)} AS place_id, lead(1) OVER w IS NULL AS is_last, {is_wanted} AS is_wanted "
        f"FROM {_from(wanted)}{_where([*_conditions(wanted)])} "
        f"WINDOW w AS (ORDER BY {_order(wanted)})"
    )
    text = (
        f"SELECT * FROM ({numbered}) AS numbered WHERE n %% %(every)s = 1 OR is_last OR is_wanted"
    )
    return Query(text, _values(wanted) | {"every": every, "image": image})


def folders(import_id: str, after: str | None, limit: int) -> Query:
    """`ImageFolder`s, their fields in order."""
    text = (
        "WITH listed AS (SELECT folder_id, path FROM import_folders WHERE import_id = "
        "%(import_id)s AND folder_id > %(after)s ORDER BY folder_id LIMIT %(limit)s), "
        f"counted AS (SELECT folder_id, count(*) AS images FROM {OF_IMPORT} WHERE import_id = "
        f"%(import_id)s AND {IN_STORE} GROUP BY folder_id) "
        "SELECT folder_id, path, coalesce(images, 0) FROM listed LEFT JOIN counted "
        "USING (folder_id) ORDER BY folder_id"
    )
    return Query(text, {"import_id": import_id, "after": after or "", "limit": limit})


def below(import_id: str, folder_id: str) -> Query:
    """The ids of a folder of an import and of all below it. Of twins, which have the same path, it
    has what is below either: paths are of names."""
    text: LiteralString = (
        "SELECT inner_one.folder_id FROM import_folders AS top JOIN import_folders AS inner_one "
        "USING (import_id) WHERE import_id = %(import_id)s AND top.folder_id = %(folder_id)s AND "
        "(inner_one.folder_id = top.folder_id OR cardinality(inner_one.path) > "
        "cardinality(top.path) AND inner_one.path[1:cardinality(top.path)] = top.path)"
    )
    return Query(text, {"import_id": import_id, "folder_id": folder_id})


def count(wanted: ImageFilter) -> Query:
    text = f"SELECT count(*) FROM {_from(wanted)}{_where([*_conditions(wanted)])}"
    return Query(text, _values(wanted))


def one(google_drive_id: str) -> Select[Any]:
    return fields_of(ImageDetails).where(images.c.google_drive_id == google_drive_id)


def _keys(wanted: ImageFilter) -> Mapping[ImageOrder, LiteralString]:
    return KEYS if wanted.import_id is None else KEYS_OF_IMPORT


def _id(wanted: ImageFilter) -> LiteralString:
    return "file_id" if wanted.sorted_by == "imported_at" else "id"


def _order(wanted: ImageFilter) -> LiteralString:
    key, way = _keys(wanted)[wanted.sorted_by], " DESC" if wanted.descending else ""
    return f"{key}{way}" if wanted.sorted_by in UNIQUE else f"{key}{way}, {_id(wanted)}{way}"


def _from(wanted: ImageFilter) -> LiteralString:
    return "images" if wanted.import_id is None else OF_IMPORT


def _conditions(wanted: ImageFilter) -> Iterator[LiteralString]:
    if wanted.import_id is not None:
        yield f"import_id = %(import_id)s AND {IN_STORE}"
    for name, condition in CONDITIONS.items():
        if _asked(wanted, name) is not None:
            yield condition


def _where(conditions: list[LiteralString]) -> LiteralString:
    together: LiteralString = " AND "
    return f" WHERE {together.join(conditions)}" if conditions else ""


def _values(wanted: ImageFilter) -> dict[str, Any]:
    names = ("import_id", *CONDITIONS)
    return {name: value for name in names if (value := _asked(wanted, name)) is not None}


def _asked(wanted: ImageFilter, name: str) -> Any:
    value = getattr(wanted, name)
    if value is UNSET or (name == "folder_id" and wanted.folder_ids is not UNSET):
        return None
    return value
