"""The kinds of items that can be written down, and what their bytes are made of."""

from drive_emulator.content import documents
from drive_emulator.content.blobs import Blob, BlobCache
from drive_emulator.content.containers import GIF, JPEG, PNG, WEBP, Container
from drive_emulator.content.documents import Document
from drive_emulator.content.paintings import PAINTINGS, Painting

DOCUMENTS: dict[str, Document] = {
    "text": documents.TEXT,
    "html": documents.HTML,
    "csv": documents.CSV,
    "pdf": documents.PDF,
    "zip": documents.ZIP,
    "mp4": documents.MP4,
}
KINDS = ("picture", *DOCUMENTS, "empty", "folder", "shortcut", "native")

_FORMATS: dict[str, Container] = {
    "jpg": JPEG,
    "jpeg": JPEG,
    "png": PNG,
    "gif": GIF,
    "webp": WEBP,
}
_OF_ONE_SIZE = 4
_PAINTINGS: dict[str, list[Painting]] = {
    each.extension: [painting for painting in PAINTINGS if painting.container is each]
    for each in (JPEG, PNG, GIF, WEBP)
}


def blob_for_kind(
    blobs: BlobCache, kind: str, name: str, number: int, size: int | None, text: str | None
) -> Blob | None:
    """The bytes of a file of that kind; None for what has none.

    A picture is in the format that its name ends in, JPEG where that says nothing; `number` picks
    the painting. A `text` is the whole content, with nothing of the file's own after it.
    """
    if text is not None:
        return blobs.literal(text.encode(), DOCUMENTS[kind].container)
    if kind == "picture":
        paintings = _PAINTINGS[_format(name).extension]
        if size is None:
            return blobs.natural(paintings[number % len(paintings)])
        # Every painting is rendered anew for every size: tests want few, and soon.
        return blobs.sized(paintings[number % _OF_ONE_SIZE], size, JPEG)
    if kind == "empty":
        return blobs.empty(_format(name))
    return blobs.document(DOCUMENTS[kind]) if kind in DOCUMENTS else None


def _format(name: str) -> Container:
    return _FORMATS.get(name.rpartition(".")[2].casefold(), JPEG)
