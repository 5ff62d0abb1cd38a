"""What files are made of: rendered once, when first needed, with the checksums half computed."""

import hashlib
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self

from drive_emulator.content.containers import GIF, JPEG, MIN_PADDING, PNG, WEBP, Container, Part
from drive_emulator.content.documents import BY_KIND, Document
from drive_emulator.content.paintings import LARGE_WIDTH, PAINTINGS, Painting, encode

KINDS = ("picture", *BY_KIND, "empty", "folder", "shortcut", "native")
JOINED_UP_TO = 1024 * 1024
QUALITY = 84
LARGE_QUALITY = 96
THUMBNAIL_SIDE, THUMBNAIL_QUALITY = 220, 80
_RENDERING = threading.Lock()
"""One picture at a time: rendering a large one takes tens of megabytes."""

_WIDTHS = (2400, 1800, 1400, 1200, 960, 720, 480, 320, 200, 120, 64, 40, 24)
_BYTES_PER_PIXEL = 0.17  # of a typical painting: where to start looking for a width
_SIZED_PAINTINGS = 4
_BY_EXTENSION = {"jpg": JPEG, "jpeg": JPEG, "png": PNG, "gif": GIF, "webp": WEBP}
_PAINTINGS: dict[str, list[Painting]] = {
    each.extension: [painting for painting in PAINTINGS if painting.container is each]
    for each in (JPEG, PNG, GIF, WEBP)
}


class Digest(Protocol):
    """A hash object of hashlib."""

    def copy(self) -> Self: ...
    def update(self, part: Part, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True)
class RenderedBlob:
    """All bytes before a file's suffix, and the hash states after them."""

    parts: tuple[Part, ...]
    prefix_length: int
    width: int
    height: int
    md5: Digest
    sha1: Digest
    sha256: Digest


@dataclass
class Blob:
    """The content of files that differ only in their suffix.

    `known_size` is the size of each file if it can be told without rendering.
    """

    container: Container
    render: Callable[[], RenderedBlob]
    known_size: int | None = None
    is_image: bool = True
    painting: Painting | None = None
    _rendered: RenderedBlob | None = None
    _thumbnail: bytes = b""

    @property
    def ready(self) -> bool:
        return self._rendered is not None

    @property
    def rendered(self) -> RenderedBlob:
        """Rendered on first use, in whichever thread asks."""
        if self._rendered is None:
            with _RENDERING:
                if self._rendered is None:
                    self._rendered = self.render()
        return self._rendered

    @property
    def thumbnail(self) -> bytes:
        """The painting as a small JPEG, made on first use; empty if this is no painting."""
        if self.painting is not None and not self._thumbnail:
            width = round(THUMBNAIL_SIDE * min(1.0, self.painting.aspect))
            self._thumbnail = encode(self.painting.render(width), JPEG, THUMBNAIL_QUALITY)
        return self._thumbnail

    @property
    def size(self) -> int:
        """The size of each whole file, in bytes."""
        if self.known_size is not None:
            return self.known_size
        return self.rendered.prefix_length + self.container.suffix_length


class BlobCache:
    """Every blob by what it is made of, so that trees can share it."""

    def __init__(self) -> None:
        self._blobs: dict[tuple[int | str, str, str], Blob] = {}

    def natural(self, painting: Painting) -> Blob:
        """The painting at its natural size: tens to hundreds of kilobytes."""
        container, width = painting.container, painting.natural_width
        return self._get(
            "natural", painting.title, container, lambda: _painted(painting, width), painting
        )

    def large(self, painting: Painting) -> Blob:
        """The painting as a camera would deliver it: megabytes of JPEG."""
        large = replace(painting, container=JPEG)
        return self._get(
            "large",
            painting.title,
            JPEG,
            lambda: _painted(large, LARGE_WIDTH, LARGE_QUALITY),
            painting,
        )

    def sized(self, painting: Painting, size: int, fallback: Container) -> Blob:
        """The painting as a file of exactly `size` bytes; in `fallback` if its format cannot."""
        container = painting.container
        if container.even_only and size % 2:
            container = fallback
        return self._get(
            size,
            painting.title,
            container,
            lambda: _sized(painting, container, size),
            painting,
            size,
        )

    def document(self, document: Document) -> Blob:
        container = document.container
        blob = self._get("document", "", container, lambda: _rendered([document.content]))
        blob.is_image = False
        return blob

    def literal(self, content: bytes, container: Container) -> Blob:
        """A file of exactly these bytes, without a tag: files with the same bytes are equal."""
        whole = replace(container, prefix=_no_parts, suffix=_no_suffix)
        digest = hashlib.blake2b(content).hexdigest()
        blob = self._get("literal", digest, whole, lambda: _rendered([content]), None, len(content))
        blob.is_image = False
        return blob

    def empty(self, container: Container) -> Blob:
        """A file of no bytes that has the type of an image."""
        nothing = replace(container, prefix=_no_parts, suffix=_no_suffix, even_only=False)
        return self._get("empty", "", nothing, lambda: _rendered([]), None, 0)

    def of_kind(
        self, kind: str, name: str, number: int, size: int | None, text: str | None
    ) -> Blob | None:
        """The blob of a file of one of `KINDS`; None for kinds without bytes.

        A picture has the format that its name ends in, JPEG by default; `number` chooses the
        painting. `text` is the whole content of a text or HTML file, without a tag.
        """
        if text is not None:
            return self.literal(text.encode(), BY_KIND[kind].container)
        container = _BY_EXTENSION.get(name.rpartition(".")[2].casefold(), JPEG)
        if kind == "picture":
            paintings = _PAINTINGS[container.extension]
            if size is None:
                return self.natural(paintings[number % len(paintings)])
            # Each painting is rendered again for every size, so only a few are used.
            return self.sized(paintings[number % _SIZED_PAINTINGS], size, JPEG)
        if kind == "empty":
            return self.empty(container)
        return self.document(BY_KIND[kind]) if kind in BY_KIND else None

    def _get(
        self,
        variant: int | str,
        content: str,
        container: Container,
        render: Callable[[], RenderedBlob],
        painting: Painting | None = None,
        known_size: int | None = None,
    ) -> Blob:
        key = (variant, content, container.extension)
        if key not in self._blobs:
            self._blobs[key] = Blob(container, render, known_size, painting=painting)
        return self._blobs[key]


def _no_parts(_encoded: bytes, _padding: int) -> list[Part]:
    return []


def _no_suffix(_tag: bytes) -> bytes:
    return b""


def _painted(painting: Painting, width: int, quality: int = QUALITY) -> RenderedBlob:
    picture = painting.render(width)
    encoded = encode(picture, painting.container, quality)
    return _rendered(painting.container.prefix(encoded, 0), picture.size)


def _sized(painting: Painting, container: Container, size: int) -> RenderedBlob:
    for width in _widths(size):
        picture = painting.render(width)
        encoded = encode(picture, container, QUALITY)
        bare = sum(map(len, container.prefix(encoded, 0))) + container.suffix_length
        if bare == size or bare + MIN_PADDING <= size:
            return _rendered(container.prefix(encoded, size - bare), picture.size)
    raise ValueError(f"no picture fits into {size} bytes")


def _widths(size: int) -> Iterator[int]:
    """From the largest width that is likely to fit the size, down to a thumbnail's."""
    likely = (size / _BYTES_PER_PIXEL * 1.5) ** 0.5
    for width in _WIDTHS:
        if width <= max(likely, _WIDTHS[-1]):
            yield width


def _rendered(parts: list[Part], dimensions: tuple[int, int] = (0, 0)) -> RenderedBlob:
    length = sum(map(len, parts))
    if length <= JOINED_UP_TO:  # one write to the socket; longer ones share the filler's memory
        parts = [b"".join(parts)]
    md5, sha1 = hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False)
    sha256 = hashlib.sha256()
    for part in parts:
        md5.update(part)
        sha1.update(part)
        sha256.update(part)
    return RenderedBlob(tuple(parts), length, *dimensions, md5, sha1, sha256)


def sizes_known(blobs: Collection[Blob]) -> bool:
    """Whether all sizes can be told without rendering."""
    return all(blob.known_size is not None or blob.ready for blob in blobs)
