"""The shared part of files: rendered once, when first needed, with its checksums half computed."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self

from drive_emulator.content.containers import MIN_PADDING, Container, Part
from drive_emulator.content.documents import Document
from drive_emulator.content.paintings import LARGE_WIDTH, Painting, encode

JOINED_UP_TO = 1024 * 1024
_PAINTING = threading.Lock()
"""One picture at a time: a large one takes tens of megabytes while it is being rendered."""

_WIDTHS = (2400, 1800, 1400, 1200, 960, 720, 480, 320, 200, 120, 64, 40, 24)
_BYTES_PER_PIXEL = 0.17  # about what a painting takes: where to start looking for a width
LARGE_QUALITY = 96


class Digest(Protocol):
    """What hashlib gives."""

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
    """Files that differ in their suffix alone. `known_size` is exact where it was asked for."""

    container: Container
    make: Callable[[], RenderedBlob]
    known_size: int | None = None
    is_image: bool = True
    _made: RenderedBlob | None = None

    @property
    def ready(self) -> bool:
        """Whether `contents` answers at once."""
        return self._made is not None

    @property
    def contents(self) -> RenderedBlob:
        """Rendered on first use; any thread may ask."""
        if self._made is None:
            with _PAINTING:
                if self._made is None:
                    self._made = self.make()
        return self._made

    @property
    def size(self) -> int:
        """Of each whole file, in bytes."""
        if self.known_size is not None:
            return self.known_size
        return self.contents.prefix_length + self.container.suffix_length


class BlobCache:
    """Every stock by what it is made of, so that trees which ask for the same share it."""

    def __init__(self) -> None:
        self._blobs: dict[tuple[str, int | str], Blob] = {}

    def natural(self, painting: Painting) -> Blob:
        """The painting as it comes: tens to hundreds of kilobytes."""
        return self._blob(
            (painting.title, "natural"),
            lambda: Blob(painting.container, lambda: _natural(painting)),
        )

    def large(self, painting: Painting, container: Container) -> Blob:
        """The painting as a camera would deliver it: megabytes, in the given format."""
        return self._blob(
            (painting.title, f"large {container.extension}"),
            lambda: Blob(container, lambda: _large(painting, container)),
        )

    def sized(self, painting: Painting, size: int, fallback: Container) -> Blob:
        """The painting as a file of exactly `size` bytes; `fallback` where its format cannot."""
        container = painting.container
        if container.even_only and size % 2:
            container = fallback
        return self._blob(
            (painting.title, size),
            lambda: Blob(container, lambda: _sized(painting, container, size), size),
        )

    def document(self, document: Document) -> Blob:
        """A file that is no image."""
        container = document.container
        return self._blob(
            (container.extension, "document"),
            lambda: Blob(container, lambda: _contents([document.content]), is_image=False),
        )

    def literal(self, content: bytes, container: Container) -> Blob:
        """A file of exactly these bytes and none of its own: files may be equal."""
        whole = replace(container, prefix=_no_parts, suffix=_no_suffix)
        key = (container.extension, hashlib.blake2b(content).hexdigest())
        return self._blob(
            key, lambda: Blob(whole, lambda: _contents([content]), len(content), is_image=False)
        )

    def empty(self, container: Container) -> Blob:
        """A file of no bytes that calls itself an image."""
        nothing = Container(container.mime_type, container.extension, _no_parts, _no_suffix)
        return self._blob(
            (container.extension, "empty"), lambda: Blob(nothing, lambda: _contents([]), 0)
        )

    def _blob(self, key: tuple[str, int | str], make: Callable[[], Blob]) -> Blob:
        if key not in self._blobs:
            self._blobs[key] = make()
        return self._blobs[key]


def _no_parts(_encoded: bytes, _padding: int) -> list[Part]:
    return []


def _no_suffix(_tag: bytes) -> bytes:
    return b""


def _natural(painting: Painting) -> RenderedBlob:
    picture = painting.render(painting.natural_width)
    encoded = encode(picture, painting.container)
    return _contents(painting.container.prefix(encoded, 0), picture.size)


def _large(painting: Painting, container: Container) -> RenderedBlob:
    picture = painting.render(LARGE_WIDTH)
    encoded = encode(picture, container, LARGE_QUALITY)
    return _contents(container.prefix(encoded, 0), picture.size)


def _sized(painting: Painting, container: Container, size: int) -> RenderedBlob:
    for width in _widths(size):
        picture = painting.render(width)
        encoded = encode(picture, container)
        bare = sum(map(len, container.prefix(encoded, 0))) + container.suffix_length
        if bare == size or bare + MIN_PADDING <= size:
            return _contents(container.prefix(encoded, size - bare), picture.size)
    raise ValueError(f"no picture fits into {size} bytes")


def _widths(size: int) -> Iterator[int]:
    """From the largest width that should fit the size, down to a stamp's."""
    likely = (size / _BYTES_PER_PIXEL * 1.5) ** 0.5
    for width in _WIDTHS:
        if width <= max(likely, _WIDTHS[-1]):
            yield width


def _contents(parts: list[Part], dimensions: tuple[int, int] = (0, 0)) -> RenderedBlob:
    length = sum(map(len, parts))
    if length <= JOINED_UP_TO:  # one write to the socket; above, the filler's memory is shared
        parts = [b"".join(parts)]
    md5, sha1 = hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False)
    sha256 = hashlib.sha256()
    for part in parts:
        md5.update(part)
        sha1.update(part)
        sha256.update(part)
    return RenderedBlob(tuple(parts), length, *dimensions, md5, sha1, sha256)
