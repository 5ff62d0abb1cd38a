"""Where the folders and files of a tree are: what every layout tells, and one by arithmetic.

Everything in a tree has an ordinal: 0 is the root folder, the other folders follow, then the
files. Ordinals run from the newest to the oldest, so that Drive's order of a listing is the order
of ordinals, and a page begins wherever the last one ended, without a search.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from drive_emulator.content.blobs import Blob
from drive_emulator.tree.entry import FOLDER, Entry

NEWEST_MS = 1_780_272_000_000  # 2026-06-01T00:00:00Z: nothing in a tree is younger
_SPAN_MS = 2 * 365 * 86_400_000  # a tree's files spread over two years
_HASHED = 2_654_435_761  # Knuth's multiplier: a cheap, even scatter of consecutive numbers


class Layout(Protocol):
    """The geometry of one tree."""

    @property
    def folders(self) -> int: ...

    @property
    def files(self) -> int: ...

    @property
    def inherited_from(self) -> Collection[int]:
        """Folders whose contents are not simply shared: what is in them has to look upwards."""
        ...

    @property
    def pictures(self) -> int:
        """Image files that anybody can fetch and nobody threw away."""
        ...

    @property
    def blobs(self) -> Collection[Blob]:
        """What those pictures are made of."""
        ...

    def picture_bytes(self) -> int | None:
        """Of all of them; None while sizes depend on pictures that are not rendered yet."""
        ...

    def parent(self, ordinal: int) -> int | None:
        """None for the root."""
        ...

    def subfolders(self, folder: int) -> range: ...

    def files_in(self, folder: int) -> range: ...

    def entry(self, ordinal: int) -> Entry: ...


@dataclass(frozen=True)
class GeneratedLayout:
    """Every folder has `fan_out` folders down to `depth`; all hold as many files, or one more.

    Nothing is stored: folders are numbered as in a heap, files in runs of equal length.
    """

    title: str
    depth: int
    fan_out: int
    pictures: int
    others: int
    blobs: tuple[Blob, ...]
    documents: tuple[Blob, ...]
    shared: bool = True

    @property
    def inherited_from(self) -> frozenset[int]:
        return frozenset() if self.shared else frozenset({0})

    @cached_property
    def folders(self) -> int:
        return folder_count(self.depth, self.fan_out)

    @cached_property
    def files(self) -> int:
        return self.pictures + self.others

    def picture_bytes(self) -> int | None:
        if not sizes_known(self.blobs):
            return None
        rounds, rest = divmod(self.pictures, len(self.blobs))
        last_round = range(self.pictures - rest, self.pictures)
        whole = rounds * sum(blob.size for blob in self.blobs)
        return whole + sum(self._picture(number).size for number in last_round)

    def parent(self, ordinal: int) -> int | None:
        if ordinal < self.folders:
            return (ordinal - 1) // self.fan_out if ordinal else None
        return ((ordinal - self.folders + 1) * self.folders - 1) // self.files

    def subfolders(self, folder: int) -> range:
        first = folder * self.fan_out + 1
        return range(min(first, self.folders), min(first + self.fan_out, self.folders))

    def files_in(self, folder: int) -> range:
        first = self.folders + folder * self.files // self.folders
        return range(first, self.folders + (folder + 1) * self.files // self.folders)

    def entry(self, ordinal: int) -> Entry:
        modified = self._modified(ordinal)
        number = ordinal - self.folders
        if number < 0:
            name = f"Folder {(ordinal - 1) % self.fan_out + 1:04d}" if ordinal else self.title
            return Entry(name, FOLDER, None, modified, modified, self.shared or ordinal > 0)
        blob, word = self._blob(number)
        name = f"{word} {number + 1:07d}.{blob.container.extension}"
        created = modified + 86_400_000  # uploaded the day after it was taken
        return Entry(name, blob.container.mime_type, blob, modified, created)

    def _blob(self, number: int) -> tuple[Blob, str]:
        others_before = number * self.others // self.files
        if (number + 1) * self.others // self.files > others_before:
            return self.documents[others_before % len(self.documents)], "document"
        return self._picture(number - others_before), "picture"

    def _picture(self, number: int) -> Blob:
        # Each round goes through all stocks, from a start of its own: neighbours always differ.
        count = len(self.blobs)
        turn, place = divmod(number, count)
        stride = 61 if count % 61 else 67
        return self.blobs[(place * stride + turn * _HASHED) % count]

    def _modified(self, ordinal: int) -> int:
        step = _SPAN_MS // (self.folders + self.files)
        return NEWEST_MS - ordinal * step - ordinal * _HASHED % 2**32 % step


def sizes_known(blobs: Collection[Blob]) -> bool:
    """Whether the bytes of all of them can be told without rendering any."""
    return all(blob.known_size is not None or blob.ready for blob in blobs)


def folder_count(depth: int, fan_out: int) -> int:
    """Folders of a full tree, its root included."""
    return depth + 1 if fan_out == 1 else (fan_out ** (depth + 1) - 1) // (fan_out - 1)
