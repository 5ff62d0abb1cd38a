"""Trees of generated pictures, described by a few numbers instead of a list of items."""

import random
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import msgspec

from drive_emulator.content import documents
from drive_emulator.content.blobs import Blob, BlobCache, sizes_known
from drive_emulator.content.containers import JPEG
from drive_emulator.content.paintings import PAINTINGS
from drive_emulator.tree.entry import FOLDER, NEWEST_MS, Entry
from drive_emulator.tree.explicit_spec import (
    MAX_SIZE,
    MIN_SIZE,
    BadTree,
    ExplicitTreeSpec,
    Seed,
    TreeName,
    parse_explicit_tree,
    root_name,
)
from drive_emulator.validation import decode

MAX_FOLDERS = 1_000_000
_MAX_BLOBS = 64  # rendered per tree, at about 30 ms each, once
_MAX_BLOB_BYTES = 256 * 1024 * 1024  # hashed per tree before its first listing is complete
_PERIOD_MS = 2 * 365 * 86_400_000  # over which a tree's files are spread
_SCATTER = 2_654_435_761  # Knuth's multiplier scatters consecutive numbers evenly


class GeneratedTreeSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder of generated pictures.

    `size` is the bytes of every picture, or the smallest and the largest; without it, pictures have
    their natural sizes. `depth` and `fan_out` describe the folders below the root, over all of
    which the files are spread evenly. `other_share` of all files are not images. `title` names the
    root folder; `drive` makes it a shared drive of that name (or id, if it begins with 0A); `owner`
    is the account that it belongs to. The same name and seed always give the same ids.
    """

    name: TreeName
    pictures: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
    # The bounds are checked by hand: msgspec 0.22 crashes in the garbage collector over a type
    # that allows a tuple of fixed length as well as a number with bounds.
    size: int | tuple[int, int] | None = None
    depth: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    fan_out: Annotated[int, msgspec.Meta(ge=1, le=MAX_FOLDERS)] = 4
    other_share: Annotated[float, msgspec.Meta(ge=0, le=0.9)] = 0.0
    seed: Seed = 0
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)] | None = None
    shared: bool = True
    drive: str | None = None
    owner: str = ""

    @property
    def size_range(self) -> tuple[int, int] | None:
        return (self.size, self.size) if isinstance(self.size, int) else self.size


class _AnyTree(msgspec.Struct):
    items: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def parse_tree(text: str | bytes) -> GeneratedTreeSpec | ExplicitTreeSpec:
    """The tree described by a JSON text, explicit if it has `items`; raises `BadTree`."""
    if decode(text, _AnyTree, "tree", BadTree).items is not msgspec.UNSET:
        return parse_explicit_tree(text)
    spec = decode(text, GeneratedTreeSpec, "tree", BadTree)
    if spec.size_range is not None:
        low, high = spec.size_range
        if low < MIN_SIZE or high > MAX_SIZE:
            bounds = f"{MIN_SIZE:,} to {MAX_SIZE:,}"
            raise BadTree(f"invalid tree: a size is {bounds} bytes - at `$.size`")
        if low > high:
            raise BadTree(f"invalid tree: the range {low} to {high} is reversed - at `$.size`")
    # A million to the power of a hundred is refused before it is computed.
    too_many = spec.fan_out > 1 and spec.depth * (spec.fan_out.bit_length() - 1) > 20
    if too_many or folder_count(spec.depth, spec.fan_out) > MAX_FOLDERS:
        raise BadTree(f"invalid tree: more than {MAX_FOLDERS:,} folders")
    return spec


def folder_count(depth: int, fan_out: int) -> int:
    """The folders of a full tree, including its root."""
    return depth + 1 if fan_out == 1 else (fan_out ** (depth + 1) - 1) // (fan_out - 1)


def generate(spec: GeneratedTreeSpec, cache: BlobCache, seed: int) -> "GeneratedLayout":
    """The layout of a tree; the emulator's `seed` decides which pictures it shows."""
    share = spec.other_share
    return GeneratedLayout(
        title=root_name(spec.title, spec.drive, spec.name),
        depth=spec.depth,
        fan_out=spec.fan_out,
        pictures=spec.pictures,
        others=round(spec.pictures * share / (1 - share)),
        blobs=_blobs(spec, cache, random.Random(f"{seed}/{spec.name}/{spec.seed}")),
        documents=tuple(cache.document(each) for each in documents.GENERATED),
        shared=spec.shared,
    )


def _blobs(spec: GeneratedTreeSpec, cache: BlobCache, rng: random.Random) -> tuple[Blob, ...]:
    count = min(_MAX_BLOBS, max(1, spec.pictures))
    if spec.size_range is None:
        return tuple(cache.natural(painting) for painting in rng.sample(PAINTINGS, count))
    low, high = spec.size_range
    count = max(1, min(count, 2 * _MAX_BLOB_BYTES // (low + high)))
    chosen = rng.sample(PAINTINGS, count)
    # Evenly over the orders of magnitude: many small files and a few large ones, as in reality.
    sizes = [low + round((high - low) * _skewed(rng, low, high)) for _ in chosen]
    return tuple(
        cache.sized(painting, size, JPEG) for painting, size in zip(chosen, sizes, strict=True)
    )


def _skewed(rng: random.Random, low: int, high: int) -> float:
    share, ratio = rng.random(), high / low
    return float((ratio**share - 1) / (ratio - 1)) if ratio > 1 else 0.0


@dataclass(frozen=True)
class GeneratedLayout:
    """Every folder has `fan_out` folders down to `depth`, and as many files as others, or one more.

    Nothing is stored per item: folders are numbered as in a heap, files in ranges of equal length.
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
        complete = rounds * sum(blob.size for blob in self.blobs)
        return complete + sum(self._picture(number).size for number in last_round)

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
        created = modified + 86_400_000  # uploaded the day after
        return Entry(name, blob.container.mime_type, blob, modified, created)

    def _blob(self, number: int) -> tuple[Blob, str]:
        others_before = number * self.others // self.files
        if (number + 1) * self.others // self.files > others_before:
            return self.documents[others_before % len(self.documents)], "document"
        return self._picture(number - others_before), "picture"

    def _picture(self, number: int) -> Blob:
        # Each round goes through all blobs from another start, so neighbours always differ.
        count = len(self.blobs)
        turn, position = divmod(number, count)
        stride = 61 if count % 61 else 67
        return self.blobs[(position * stride + turn * _SCATTER) % count]

    def _modified(self, ordinal: int) -> int:
        step = _PERIOD_MS // (self.folders + self.files)
        return NEWEST_MS - ordinal * step - ordinal * _SCATTER % 2**32 % step
