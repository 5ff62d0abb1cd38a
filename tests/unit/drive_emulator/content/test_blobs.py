"""Blobs of paintings: decodable, different, and of the requested size."""

import hashlib
import io
from itertools import count

import pytest
from PIL import Image, ImageChops, ImageStat

from drive_emulator.content.blobs import Blob, BlobCache
from drive_emulator.content.containers import JPEG, TAG_LENGTH
from drive_emulator.content.paintings import PAINTINGS, Painting
from drive_emulator.tree.explicit_spec import MIN_SIZE

TAG = b"7" * TAG_LENGTH


def content(blob: Blob) -> bytes:
    return b"".join(blob.rendered.parts) + blob.container.suffix(TAG)


def test_every_painting_fits_the_smallest_size_and_decodes() -> None:
    blobs = BlobCache()
    for painting in PAINTINGS:
        blob = blobs.sized(painting, MIN_SIZE, JPEG)
        whole = content(blob)
        assert len(whole) == MIN_SIZE == blob.size
        with Image.open(io.BytesIO(whole)) as picture:
            picture.load()
            assert picture.size == (blob.rendered.width, blob.rendered.height)


def test_no_two_paintings_look_the_same() -> None:
    seen: list[tuple[Painting, Image.Image]] = []
    for painting in PAINTINGS:
        thumbnail = painting.render(48).resize((24, 24))
        for other, earlier in seen:
            difference = ImageStat.Stat(ImageChops.difference(thumbnail, earlier)).mean
            assert sum(difference) > 3, f"{painting.title} looks like {other.title}"
        seen.append((painting, thumbnail))


def test_a_painting_is_the_same_on_every_run() -> None:
    painting = PAINTINGS[5]
    first, second = (content(BlobCache().natural(painting)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("size", [5_001, 40_000, 102_400, 1_500_000])
def test_a_sized_picture_has_exactly_that_size(size: int) -> None:
    for painting in PAINTINGS[15:19]:  # one of each format
        blob = BlobCache().sized(painting, size, JPEG)
        assert len(content(blob)) == size


def test_checksums_continue_from_the_shared_state() -> None:
    blob = BlobCache().sized(PAINTINGS[0], 20_000, JPEG)
    for kind in ("md5", "sha1", "sha256"):
        state = getattr(blob.rendered, kind).copy()
        state.update(blob.container.suffix(TAG))
        assert state.hexdigest() == hashlib.new(kind, content(blob)).hexdigest()


def test_equal_blobs_are_shared() -> None:
    blobs = BlobCache()
    assert blobs.natural(PAINTINGS[0]) is blobs.natural(PAINTINGS[0])
    assert blobs.sized(PAINTINGS[0], 5_000, JPEG) is not blobs.sized(PAINTINGS[0], 5_002, JPEG)


def test_nothing_is_rendered_before_it_is_needed() -> None:
    calls = count()
    blobs = BlobCache()
    blob = blobs.sized(PAINTINGS[0], 20_000, JPEG)
    made = blob.render
    blob.render = lambda: (next(calls), made())[1]
    assert (blob.size, blob.ready, next(calls)) == (20_000, False, 0)
    assert blob.rendered is blob.rendered
    assert blob.ready
    assert next(calls) == 2


def test_an_empty_file_has_no_bytes_at_all() -> None:
    blob = BlobCache().empty(JPEG)
    assert (content(blob), blob.size) == (b"", 0)
