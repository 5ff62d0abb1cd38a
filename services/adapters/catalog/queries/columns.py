"""What the fields of each answer are selected from."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.dialects.postgresql import array

from services.adapters.catalog.rows import (
    images,
    import_files,
    import_folders,
    imports,
    replay_files,
    replays,
)
from services.adapters.catalog.views.files import FileDetails, ImportFile, ManifestRow
from services.adapters.catalog.views.images import ImageDetails
from services.adapters.catalog.views.imports import FailedFolder, ImportProgress
from services.adapters.catalog.views.replays import ReplayFile, ReplayProgress

_FILE = import_files.c
_PLACE = (_FILE.topic, _FILE.partition, _FILE.offset)
_FILE_SOURCES: Mapping[str, ColumnElement[Any]] = {
    **dict(_FILE.items()),
    "google_drive_id": _FILE.file_id,
    "reason": case((_FILE.state == "skipped", _FILE.skip_reason), else_=_FILE.reason),
    "size": func.coalesce(_FILE.size, _FILE.stored_size),
    "round": func.coalesce(_FILE.round, 0),
    "attempts": func.coalesce(_FILE.attempts, 0),
    "updated_at": func.coalesce(_FILE.outcome_at, _FILE.metadata_at),
    # A row with one outcome has its place in columns of their own.
    "outcomes": case(
        (func.cardinality(_FILE.outcomes) > 0, _FILE.outcomes),
        (_FILE.topic.is_not(None), array([func.concat_ws("/", *_PLACE)])),
        else_=_FILE.outcomes,
    ),
}
_ENDING = func.concat("/", _FILE.object_key)
_SAME_OBJECT = func.right(images.c.storage_path, func.length(_ENDING)) == _ENDING
_CONTENT_TYPE = func.coalesce(images.c.content_type, images.c.mime_type)
SOURCES: Mapping[type[Struct], Mapping[str, ColumnElement[Any]]] = {
    ImageDetails: {**dict(images.c.items()), "content_type": _CONTENT_TYPE},
    ImportProgress: dict(imports.c.items()),
    ImportFile: _FILE_SOURCES,
    FileDetails: _FILE_SOURCES,
    ManifestRow: {
        **_FILE_SOURCES,
        "size": func.coalesce(_FILE.stored_size, _FILE.size),
        "sha256": func.coalesce(_FILE.sha256, case((_SAME_OBJECT, images.c.sha256))),
        "content_type": case((_SAME_OBJECT, _CONTENT_TYPE)),
    },
    FailedFolder: dict(import_folders.c.items()),
    ReplayProgress: dict(replays.c.items()),
    ReplayFile: {
        **dict(replay_files.c.items()),
        "google_drive_id": replay_files.c.file_id,
        "name": func.coalesce(_FILE.name, ""),
    },
}


def fields_of(kind: type[Struct]) -> Select[Any]:
    """Selects the fields of an answer, under their names, with a path joined."""
    sources = {name: SOURCES[kind][name] for name in kind.__struct_fields__}
    if "path" in sources:
        sources["path"] = func.array_to_string(sources["path"], "/")
    return select(*(source.label(name) for name, source in sources.items()))
