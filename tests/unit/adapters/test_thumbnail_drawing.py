"""What becomes of each kind of picture. The red quarter of the samples is at the upper left."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from services.adapters.thumbnails.drawing import MOST_PIXELS, UndrawableError, thumbnail

RED, BLUE = (255, 0, 0), (0, 0, 255)
HEIC = Path(__file__).parents[2] / "turned.heic"
Pixel = tuple[int, ...]


def a_picture(width: int = 400, height: int = 300) -> Image.Image:
    picture = Image.new("RGB", (width, height), BLUE)
    picture.paste(RED, (0, 0, width // 2, height // 2))
    return picture


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def drawn(body: bytes, width: int = 160) -> Image.Image:
    found = Image.open(BytesIO(thumbnail(body, width)))
    assert found.format == "WEBP"
    return found


def near(pixel: Any, wanted: Pixel, by: int = 40) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= by for a, b in zip(pixel, wanted, strict=True))


def shows_the_sample(found: Image.Image, by: int = 40) -> bool:
    width, height = found.size
    red = found.getpixel((width // 4, height // 4))
    blue = found.getpixel((width * 3 // 4, height * 3 // 4))
    return near(red, RED, by) and near(blue, BLUE, by)


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "ICO", "JPEG2000"]
)
def test_every_kind_becomes_a_small_picture(kind: str) -> None:
    found = drawn(saved(a_picture(), kind))
    assert found.size == (160, 120)
    assert shows_the_sample(found.convert("RGB"))


def test_heic_is_drawn_upright() -> None:
    found = drawn(HEIC.read_bytes())
    assert found.size == (160, 213)
    corner = found.getpixel((120, 50))  # the red quarter, after a quarter turn
    assert near(corner, RED)


@pytest.mark.parametrize("mode", ["CMYK", "L", "LA", "RGBA", "P", "1", "I;16", "I", "F", "YCbCr"])
def test_every_mode_becomes_a_picture(mode: str) -> None:
    steps = Image.linear_gradient("L").resize((400, 300))
    if mode == "I;16":
        picture = Image.frombytes("I;16", (1, 256), struct.pack("<256H", *range(0, 65536, 256)))
        picture = picture.resize((400, 256), Image.Resampling.NEAREST)
    else:
        picture = (steps if mode in ("I", "F") else steps.convert("RGB")).convert(mode)
    found = drawn(saved(picture, "TIFF")).convert("L")
    top, bottom = found.getpixel((80, 1)), found.getpixel((80, found.height - 2))
    assert isinstance(top, int)
    assert isinstance(bottom, int)
    assert top < 40
    assert bottom > 215


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_and_forgotten(kind: str, orientation: int) -> None:
    undo: dict[int, Callable[[Image.Image], Image.Image]] = {
        1: lambda it: it,
        2: lambda it: it.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda it: it.transpose(Image.Transpose.ROTATE_180),
        4: lambda it: it.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda it: it.transpose(Image.Transpose.TRANSPOSE),
        6: lambda it: it.transpose(Image.Transpose.ROTATE_90),
        7: lambda it: it.transpose(Image.Transpose.TRANSVERSE),
        8: lambda it: it.transpose(Image.Transpose.ROTATE_270),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = drawn(saved(undo[orientation](a_picture()), kind, exif=exif))
    assert found.size == (160, 120)
    assert shows_the_sample(found)
    assert 0x0112 not in found.getexif()


def test_metadata_do_not_travel() -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    body = saved(a_picture(), "JPEG", exif=exif, icc_profile=profile, comment=b"where I live")
    small = thumbnail(body, 160)
    assert b"where I live" in body
    assert b"where I live" not in small
    assert not {"icc_profile", "exif", "xmp"} & drawn(body).info.keys()


def test_the_colours_of_a_profile_become_srgb() -> None:
    """In Lab, the same numbers are another colour; without its profile it would be shown wrong."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), lab, "RGB", "LAB")
    picture = ImageCms.applyTransform(a_picture(), to_lab)
    assert picture is not None
    found = drawn(saved(picture, "TIFF", icc_profile=lab.tobytes()))
    assert shows_the_sample(found)


@pytest.mark.parametrize("profile", [b"no profile", b"x" * 200])
def test_a_broken_profile_is_no_broken_picture(profile: bytes) -> None:
    assert shows_the_sample(drawn(saved(a_picture(), "PNG", icc_profile=profile)))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_stays_so(mode: str) -> None:
    picture = a_picture().convert(mode)
    picture.putalpha(Image.linear_gradient("L").resize((400, 300)))
    found = drawn(saved(picture, "PNG"))
    assert found.mode == "RGBA"
    top, bottom = (found.getchannel("A").getpixel((80, y)) for y in (0, 119))
    assert isinstance(top, int)
    assert isinstance(bottom, int)
    assert top < 5
    assert bottom > 250


def test_of_a_moving_picture_the_first_frame_is_shown() -> None:
    others = [Image.new("RGB", (400, 300), "green") for _ in range(5)]
    for kind in ("GIF", "WEBP", "PNG", "AVIF"):
        body = saved(a_picture(), kind, save_all=True, append_images=others)
        assert shows_the_sample(drawn(body).convert("RGB"))


@pytest.mark.parametrize(
    ("size", "small"),
    [((100, 50), (100, 50)), ((1, 1), (1, 1)), ((4000, 10), (160, 1)), ((10, 4000), (1, 320))],
)
def test_it_is_never_enlarged_and_never_far_too_tall(size: Pixel, small: Pixel) -> None:
    assert drawn(saved(a_picture(*size), "PNG")).size == small


def a_png(width: int, height: int) -> bytes:
    """One that says it is so large, and holds a few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"\0" * 1000)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("side", [16_000, 25_000, 2**31 - 1])
def test_too_many_pixels_are_refused_before_any_is_decoded(side: int) -> None:
    assert side * side > MOST_PIXELS
    with pytest.raises(UndrawableError, match=r"million pixels|broken"):
        thumbnail(a_png(side, side), 160)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>'


@pytest.mark.parametrize(
    "body", [b"", b"\xff", SVG, b"%PDF-1.7\n", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"plain text" * 99]
)
def test_what_is_no_picture_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(UndrawableError, match="not a picture of a kind"):
        thumbnail(body, 160)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
def test_a_picture_that_is_cut_off_is_refused_in_words(kind: str) -> None:
    body = saved(Image.effect_noise((400, 300), 90).convert("RGB"), kind)
    for length in (len(body) // 2, len(body) * 9 // 10):
        with pytest.raises(UndrawableError):
            thumbnail(body[:length], 160)


def test_a_heic_that_is_cut_off_is_refused_in_words() -> None:
    with pytest.raises(UndrawableError):
        thumbnail(HEIC.read_bytes()[:-200], 160)
