"""The bucket: the right bytes, each file once, and nothing half done."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from tests.fire.checks.imports import FileRow
from tests.fire.checks.verdict import Verdict, unlike, verdict

ID_LENGTH = 33
"""Of Drive's ids, with which the keys of objects begin."""
IN_HAND = 8
"""`TRANSFER_CONCURRENCY`: files that a transfer has in hand at once."""


@dataclass(frozen=True)
class Object:
    """What its bytes are."""

    size: int
    md5: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Image:
    """A row of `images`."""

    file_id: str
    md5: str | None
    key: str


def right_bytes(
    objects: Mapping[str, Object],
    rows: Iterable[FileRow],
    images: Iterable[Image],
    ever: Mapping[str, Set[str]],
    now: Mapping[str, str],
) -> Verdict:
    """Each object is a version that its file once had in Drive, each row says of its object what
    is so, and `images` has of each file what Drive has now."""

    def wrong() -> Iterator[str]:
        for key, found in objects.items():
            if found.md5 not in ever.get(key[:ID_LENGTH], ()):
                yield f"object {key} has bytes that its file never had: MD5 {found.md5}"
        for row in rows:
            if row.state not in ("stored", "unchanged"):
                continue
            there = objects.get(row.object_key or "")
            where = f"file {row.file_id} of import {row.import_id}"
            if there is None:
                yield f"{where} is {row.state}, and there is no object {row.object_key}"
                continue
            yield from unlike(f"MD5 of {where}", there.md5, row.md5 or there.md5)
            yield from unlike(f"SHA-256 of {where}", there.sha256, row.sha256 or there.sha256)
        for image in images:
            there = objects.get(image.key)
            yield from unlike(f"image {image.file_id}", now.get(image.file_id), image.md5)
            yield from unlike(
                f"object of image {image.file_id}", image.md5, there.md5 if there else "none"
            )

    total = sum(each.size for each in objects.values())
    return verdict(
        "no wrong bytes", f"{len(objects)} objects, {total / 1e6:.0f} MB hashed", wrong()
    )


def once(
    objects: Mapping[str, Object],
    rows: Iterable[FileRow],
    images: Sequence[Image],
    versions: Mapping[str, Set[str]],
    files: Set[str],
) -> Verdict:
    """One row of `images` for each file, one object for each version, and no object but those
    that rows point to."""

    def wrong() -> Iterator[str]:
        ids = [image.file_id for image in images]
        for id in sorted(
            {id for id in ids if ids.count(id) > 1} if len(set(ids)) < len(ids) else ()
        ):
            yield f"images has file {id} more than once"
        yield from (f"images lacks file {id}" for id in sorted(files - set(ids)))
        yield from (f"images has a file that Drive has not: {id}" for id in set(ids) - files)
        held: dict[str, list[str]] = {}
        for key in objects:
            held.setdefault(key[:ID_LENGTH], []).append(key)
        for id, keys in held.items():
            if len(keys) > len(versions.get(id, ())):
                yield f"file {id} has {len(keys)} objects: {keys}"
        pointed = {row.object_key for row in rows} | {image.key for image in images}
        yield from (f"no row points to object {key}" for key in sorted(objects.keys() - pointed))

    told = f"{len(images)} images, {len(objects)} objects"
    return verdict("nothing is doubled", told, wrong())


def no_uploads(uploads: Sequence[str], strikes: int) -> Verdict:
    """Whoever stops in order aborts its uploads. A worker that is killed, or never hears of an
    upload that the store has begun, leaves one for each file in hand: the store removes
    those after a day. `strikes` counts what may have left some."""

    def wrong() -> Iterator[str]:
        if len(uploads) > strikes * IN_HAND:
            yield f"{len(uploads)} uploads are left, and {strikes} strikes explain fewer: {uploads}"

    told = f"{len(uploads)} left for the store to remove, after {strikes} strikes"
    return verdict("no multipart upload is forgotten", told, wrong())
