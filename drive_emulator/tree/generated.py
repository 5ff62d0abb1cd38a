"""What a tree of files is made of: a specification in JSON, checked, and the plan it becomes."""

import random
from typing import Annotated

import msgspec

from drive_emulator.content import documents
from drive_emulator.content.blobs import Blob, BlobCache
from drive_emulator.content.containers import JPEG
from drive_emulator.content.paintings import PAINTINGS
from drive_emulator.tree.explicit_spec import (
    MAX_SIZE,
    MIN_SIZE,
    BadTree,
    ExplicitTreeSpec,
    parse_explicit_tree,
)
from drive_emulator.tree.layout import GeneratedLayout, folder_count
from drive_emulator.tree.tree import title_of

__all__ = ["BadTree", "TreeSpec", "WrittenSpec", "parse_tree", "plan"]

MAX_FOLDERS = 1_000_000
_MAX_STOCKS = 64  # rendered per tree, at some 40 ms each, once
_STOCK_BUDGET = 256 * 1024 * 1024  # bytes hashed per tree before its first listing is complete


class GeneratedTreeSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder of generated pictures.

    `size` is the bytes of every picture, or the smallest and the largest; without it pictures are
    as large as they come (13 to 320 KB). `depth` and `fan_out` give the folders below the root,
    over all of which the files are spread evenly. `other_share` of all files are no images.
    `title` is the root folder's name, `drive` makes it a shared drive of that name (or, if it
    begins with 0A, id), and `owner` is the account that it belongs to. The same name and seed give
    the same ids, always.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    pictures: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
    # Its bounds are checked by hand: msgspec 0.22 crashes in the garbage collector over a type
    # that allows a tuple of fixed length beside a number with bounds.
    size: int | tuple[int, int] | None = None
    depth: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    fan_out: Annotated[int, msgspec.Meta(ge=1, le=MAX_FOLDERS)] = 4
    other_share: Annotated[float, msgspec.Meta(ge=0, le=0.9)] = 0.0
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)] | None = None
    shared: bool = True
    drive: str | None = None
    owner: str = ""


class _Form(msgspec.Struct):
    """Only to see which of the two it is."""

    items: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def parse_tree(text: str | bytes) -> GeneratedTreeSpec | ExplicitTreeSpec:
    """The specification in a JSON text, with `items` a written one; raises `BadTree`."""
    try:
        if msgspec.json.decode(text, type=_Form).items is not msgspec.UNSET:
            return parse_explicit_tree(text)
        spec = msgspec.json.decode(text, type=GeneratedTreeSpec)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise BadTree(f"not a tree: {why}") from None
    if spec.size is not None:
        low, high = size_range(spec.size)
        if low < MIN_SIZE or high > MAX_SIZE:
            bounds = f"{MIN_SIZE:,} to {MAX_SIZE:,}"
            raise BadTree(f"not a tree: a size is {bounds} bytes - at `$.size`")
        if low > high:
            raise BadTree(f"not a tree: the range {low} to {high} is upside down - at `$.size`")
    # A power of a million to the hundredth is refused before it is computed.
    if spec.fan_out > 1 and spec.depth * (spec.fan_out.bit_length() - 1) > 20:
        raise BadTree(f"not a tree: more than {MAX_FOLDERS:,} folders")
    if folder_count(spec.depth, spec.fan_out) > MAX_FOLDERS:
        raise BadTree(f"not a tree: more than {MAX_FOLDERS:,} folders")
    return spec


def size_range(size: int | tuple[int, int]) -> tuple[int, int]:
    """The smallest and the largest picture, in bytes."""
    return (size, size) if isinstance(size, int) else size


def plan(spec: GeneratedTreeSpec, blobs: BlobCache, seed: int) -> GeneratedLayout:
    """The geometry of a tree; `seed` is the emulator's own and changes which pictures it shows."""
    share = spec.other_share
    return GeneratedLayout(
        title=title_of(spec),
        depth=spec.depth,
        fan_out=spec.fan_out,
        pictures=spec.pictures,
        others=round(spec.pictures * share / (1 - share)),
        blobs=_blobs(spec, blobs, random.Random(f"{seed}/{spec.name}/{spec.seed}")),
        documents=tuple(blobs.document(each) for each in documents.ALL),
        shared=spec.shared,
    )


def _blobs(spec: GeneratedTreeSpec, blobs: BlobCache, rng: random.Random) -> tuple[Blob, ...]:
    count = min(_MAX_STOCKS, max(1, spec.pictures))
    if spec.size is None:
        return tuple(blobs.natural(painting) for painting in rng.sample(PAINTINGS, count))
    low, high = size_range(spec.size)
    count = max(1, min(count, 2 * _STOCK_BUDGET // (low + high)))
    chosen = rng.sample(PAINTINGS, count)
    # Evenly over the orders of magnitude: many small files and a few large ones, as in life.
    sizes = [low + round((high - low) * _skewed(rng, low, high)) for _ in chosen]
    return tuple(
        blobs.sized(painting, size, JPEG) for painting, size in zip(chosen, sizes, strict=True)
    )


def _skewed(rng: random.Random, low: int, high: int) -> float:
    share, ratio = rng.random(), high / low
    return float((ratio**share - 1) / (ratio - 1)) if ratio > 1 else 0.0
