"""Facts to test with: valid by default, changed by keyword."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from services.core.events import FileFound, PageRequested, Place
from services.core.ports import Entry, Received

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RECEIVED = Received(place=Place(topic="files.found", partition=3, offset=17))
REDELIVERED = msgspec.structs.replace(RECEIVED, redelivered=True)


def a_file(**changes: Any) -> FileFound:
    """An image as the lister finds it."""
    file = FileFound(
        import_id="import-1",
        file_id="file-1",
        name="pixel.png",
        mime_type="image/png",
        folder_id="folder-1",
        found_at=NOW,
    )
    return msgspec.structs.replace(file, **changes)


def a_request(**changes: Any) -> PageRequested:
    """The first page of an import's root folder."""
    asked = PageRequested(import_id="import-1", folder_id="root-1")
    return msgspec.structs.replace(asked, **changes)


def an_image(number: int = 1, **changes: Any) -> Entry:
    """One child of a folder that is to be imported."""
    values: dict[str, Any] = {
        "id": f"file-{number}",
        "name": f"picture {number}.jpg",
        "mime_type": "image/jpeg",
    }
    return Entry(**(values | changes))
