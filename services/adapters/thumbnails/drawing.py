"""Draws a thumbnail: a picture of any kind that people keep, made small, upright and sRGB, as WebP
without metadata. The picture may be hostile, so this runs in a process that may die: `child.py`."""

from io import BytesIO

import pi_heif  # type: ignore[import-untyped]
from PIL import AvifImagePlugin, Image, ImageCms, UnidentifiedImageError
from PIL.ExifTags import Base
from PIL.Image import Resampling, Transpose

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "TIFF", "BMP", "ICO", "JPEG2000")
MOST_PIXELS = 250_000_000
"""More than any camera takes. A JPEG of this size needs little memory, since it is decoded small;
all others reach the limit of the process before."""
TALLEST = 2
"""How many times as tall as wide a thumbnail may be. What is taller becomes narrower."""
QUALITY = 75
TURNED = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What makes a picture upright, by its EXIF orientation."""
SRGB = ImageCms.createProfile("sRGB")
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # one processor for one picture
pi_heif.options.DECODE_THREADS = 1
pi_heif.register_heif_opener()
Image.init()  # now, since the process can open no file later
Image.MAX_IMAGE_PIXELS = MOST_PIXELS  # it refuses twice as many by itself, and warns before


class UndrawableError(Exception):
    """Says in a sentence why there is no thumbnail."""


def thumbnail(body: bytes | bytearray, width: int) -> bytes:
    """At most `width` pixels wide, and never enlarged. Raises `UndrawableError`; `MemoryError` if
    the process may not have as much as the picture needs."""
    try:
        with Image.open(BytesIO(body), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise _too_many_pixels()
            return _drawn(picture, width)
    except (UndrawableError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise _too_many_pixels() from None
    except UnidentifiedImageError:
        detail = "It is not a picture of a kind that thumbnails are made of: "
        raise UndrawableError(f"{detail}{', '.join(FORMATS)}.") from None
    except Exception as why:  # noqa: BLE001 - a broken file may raise anything
        raise UndrawableError(f"The picture is broken or cut off: {why}"[:200]) from None


def _too_many_pixels() -> UndrawableError:
    return UndrawableError(f"It has more than {MOST_PIXELS // 1_000_000} million pixels.")


def _drawn(picture: Image.Image, width: int) -> bytes:
    box = (width, width * TALLEST)
    # Pillow turns TIFF by itself.
    turned = picture.format != "TIFF" and _orientation(picture) >= 5
    profile = picture.info.get("icc_profile")
    plain = _plain(picture)
    plain.thumbnail(box[::-1] if turned else box, Resampling.LANCZOS)
    turn = TURNED.get(_orientation(picture))
    upright = plain if turn is None else plain.transpose(turn)
    small = _in_srgb(upright, profile)
    small.info.clear()  # else the profile and XMP would be written
    out = BytesIO()
    small.save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - broken metadata do not make a broken picture
        return 1


def _plain(picture: Image.Image) -> Image.Image:
    """In a mode that can be scaled smoothly."""
    mode = picture.mode
    if mode in ("P", "PA") or "transparency" in picture.info:
        return picture.convert("RGBA")
    if mode.startswith("I;16"):
        return picture.point(lambda value: value / 256).convert("L")
    if mode in ("I", "F"):
        return _stretched(picture)
    return picture.convert("L") if mode == "1" else picture


def _stretched(picture: Image.Image) -> Image.Image:
    """Numbers of no fixed range, as measurements have them: from the darkest to the lightest."""
    low, high = picture.getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    scale = 255 / (high - low) if high > low else 1
    return picture.point(lambda value: value * scale + -low * scale).convert("L")


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """In RGB, with its alpha channel if it has one."""
    alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
    colours = picture.convert({"RGBA": "RGB", "LA": "L"}.get(picture.mode, picture.mode))
    found = _by_profile(colours, profile) if profile else None
    result = found or colours.convert("RGB")
    if alpha is not None:
        result.putalpha(alpha)
    return result


def _by_profile(picture: Image.Image, profile: bytes) -> Image.Image | None:
    """None if the profile is broken, or is of another kind of picture."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.profileToProfile(picture, source, SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
