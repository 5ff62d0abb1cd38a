"""Palettes, and a canvas on which a scene looks the same at 48 and at 3,000 pixels.

All randomness comes from the caller's seeded generator, so a picture's bytes are the same on every
run with the same version of Pillow.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw

Colour = tuple[int, ...]
Point = tuple[float, float]

# Shapes are drawn at twice the size, then reduced. Large pictures would take too much memory.
_OVERSAMPLED_UP_TO = 1600


@dataclass(frozen=True)
class Palette:
    """`sky` goes from the zenith down; land and water fade from `far` to `near`."""

    sky: tuple[Colour, ...]
    far: Colour
    near: Colour
    light: Colour  # sun or moon
    accent: Colour


# The sky; then far, near, light and accent. A print's first colour is its paper.
_CODES = """
dawn: 35477d 6c5b7b c06c84 f67280 f8b195; b0768a 2a2440 fff1c9 f8b195
dawn: 274060 5c7aa8 a9b4c8 f2cfae ffe5c4; 93a3b8 1e2f40 fff6de f2a65a
day: 2f80c2 6db3e2 b6dcf2 e8f4f8; 9fc0cf 2d5d4b fffbe6 f4a261
day: 3a7ca5 81c3d7 d9f0f4 f7f9f2; a7c6b5 3a6b35 fffdf0 e9c46a
dusk: 1a1a40 4c2a6b a2365e ee6c4d ffc857; 8a3b62 150f2a ffe8a3 ff9f5b
dusk: 16324f 2f6690 7d8ca3 e8a87c f4c095; 5f7893 0d2233 ffe9c9 e27d60
night: 050814 0b1533 1b2a55 33507c; 2b4468 04070f f4f1de 7ee8b5
night: 0a0618 1d1240 3b2368 6a3d8a; 43306b 070412 fdf4d8 c77dff
print: f4ede0 e63946 f1a208 1d3557; 457b9d 1b1b2f fffaf0 a8dadc
print: f7f3e9 2a9d8f e9c46a e76f51; f4a261 264653 fffdf5 8ab17d
print: eef4ed 134074 8da9c4 ffb703; 0b2545 13315c ffffff fb8500
print: fff8f0 9a031e fb8b24 0f4c5c; e36414 5f0f40 fffdf8 84a98c
"""


def palettes(*hours: str) -> list[Palette]:
    lines = (line.split(": ") for line in _CODES.strip().splitlines())
    chosen = [codes.replace(";", "").split() for hour, codes in lines if hour in hours]
    colours = [[tuple(bytes.fromhex(code)) for code in codes] for codes in chosen]
    return [Palette(tuple(each[:-4]), *each[-4:]) for each in colours]


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """A colour between `a` (share 0) and `b` (share 1)."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))


def ridge(rng: random.Random, roughness: float) -> list[float]:
    """A skyline of 257 heights between about -1 and 1, by midpoint displacement."""
    heights = [rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6)]
    for level in range(8):
        reach, finer = 0.8 * roughness**level, heights[:1]
        for left, right in pairwise(heights):
            finer += ((left + right) / 2 + rng.uniform(-reach, reach), right)
        heights = finer
    return heights


# Pillow's gradient reaches its end only in the corners; this one is dark at the edge.
_LIGHT = Image.radial_gradient("L").point([max(0, 255 - round(v * 1.42)) for v in range(256)])


@lru_cache(maxsize=16)
def _light(across: int, strength: float) -> Image.Image:
    """The mask of a glow. A scene of many glows uses few sizes, so most are made already."""
    light = _LIGHT.resize((across, across), Image.Resampling.BILINEAR)
    return light.point([round(strength * value * value / 255) for value in range(256)])


class Canvas:
    """x and y run from 0 to 1; radii and widths are shares of the shorter side."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._scale = 2 if max(size) <= _OVERSAMPLED_UP_TO else 1
        self.width, self.height = size[0] * self._scale, size[1] * self._scale
        self.short = min(self.width, self.height)
        self.aspect = size[0] / size[1]
        self.image = Image.new("RGB", (self.width, self.height))
        self._pen = ImageDraw.Draw(self.image)
        self._veiled = ImageDraw.Draw(self.image, "RGBA")  # mixes colours, at twice the cost

    def fill(self, stops: Sequence[Colour], top: float = 0.0, bottom: float = 1.0) -> None:
        column = Image.new("RGB", (1, len(stops)))
        column.putdata(stops)
        first, last = round(top * self.height), round(bottom * self.height)
        self.image.paste(self._stretched(column, max(1, last - first)), (0, first))

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        self._pen.polygon([(x * self.width, y * self.height) for x, y in points], colour)

    def below(self, heights: Sequence[float], colour: Colour, floor: float = 1.0) -> None:
        """Everything between a skyline, evenly spaced over x, and `floor`."""
        step = 1 / (len(heights) - 1)
        outline = [(index * step, y) for index, y in enumerate(heights)]
        self.polygon([(0.0, floor), *outline, (1.0, floor)], colour)

    def disc(self, at: Point, radius: float, colour: Colour, alpha: int = 255) -> None:
        pen, ink = self._ink(colour, alpha)
        pen.ellipse(self._box(at, radius), ink)

    def pie(self, at: Point, radius: float, start: int, colour: Colour) -> None:
        """A quarter of a circle, from `start` degrees clockwise from the right."""
        self._pen.pieslice(self._box(at, radius), start, start + 90, colour)

    def rectangle(self, corner: Point, size: Point, colour: Colour, alpha: int = 255) -> None:
        left, top = corner[0] * self.width, corner[1] * self.height
        box = (left, top, left + size[0] * self.width, top + size[1] * self.height)
        pen, ink = self._ink(colour, alpha)
        pen.rectangle(box, ink)

    def glow(self, at: Point, radius: float, colour: Colour, strength: float = 1.0) -> None:
        """A soft light that fades to nothing at `radius`."""
        across = max(2, round(2 * radius * self.short))
        light = _light(across, strength)
        left, top = round(at[0] * self.width), round(at[1] * self.height)
        left, top = left - across // 2, top - across // 2
        self.image.paste(colour, (left, top, left + across, top + across), light)

    def mist(self, top: float, bottom: float, colour: Colour, strength: float) -> None:
        """A veil that thickens downwards."""
        first, last = round(top * self.height), round(bottom * self.height)
        veil = Image.linear_gradient("L").crop((0, 0, 1, 256))
        veil = veil.point([round(value * strength) for value in range(256)])
        veil = self._stretched(veil, max(1, last - first))
        self.image.paste(colour, (0, first, self.width, first + veil.height), veil)

    def finish(self, grain: int = 0) -> Image.Image:
        """The picture at its final size, with film grain of ±`grain` levels."""
        picture = self.image.reduce(self._scale)
        if not grain:
            return picture
        noise = random.Random("grain").randbytes(self.size[0] * self.size[1])
        layer = Image.frombytes("L", self.size, noise)
        layer = layer.point([round((value - 127.5) * grain / 127.5) + 128 for value in range(256)])
        return ImageChops.add(picture, Image.merge("RGB", (layer, layer, layer)), 1, -128)

    def _ink(self, colour: Colour, alpha: int) -> tuple[ImageDraw.ImageDraw, Colour]:
        return (self._pen, colour) if alpha == 255 else (self._veiled, (*colour, alpha))

    def _stretched(self, column: Image.Image, height: int) -> Image.Image:
        # In two steps: interpolating across equal pixels would be slow and useless.
        tall = column.resize((1, height), Image.Resampling.BILINEAR)
        return tall.resize((self.width, height), Image.Resampling.NEAREST)

    def _box(self, at: Point, radius: float) -> tuple[float, float, float, float]:
        x, y, reach = at[0] * self.width, at[1] * self.height, radius * self.short
        return x - reach, y - reach, x + reach, y + reach
