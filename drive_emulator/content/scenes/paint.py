"""A canvas in unit coordinates: the same scene looks the same at 48 and at 3,000 pixels.

Everything random comes from the caller's seeded generator, so a picture's bytes are the same on
every run with the same Pillow.
"""

import random
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]

# Shapes are drawn at twice the size and reduced: cheap, even antialiasing. Above this width the
# eye does not miss it, and the memory for it would be hundreds of megabytes.
_OVERSAMPLED_UP_TO = 1600


def rgb(code: str) -> Colour:
    """`"ff8800"` as a colour."""
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """From `a` (share 0) to `b` (share 1)."""
    keep = 1.0 - share
    return (
        round(a[0] * keep + b[0] * share),
        round(a[1] * keep + b[1] * share),
        round(a[2] * keep + b[2] * share),
    )


def along(stops: Sequence[Colour], share: float) -> Colour:
    """The colour at `share` (0..1) of an evenly spaced gradient."""
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    first = min(int(place), len(stops) - 2)
    return mix(stops[first], stops[first + 1], place - first)


def ridge(rng: random.Random, roughness: float, levels: int = 8) -> list[float]:
    """A skyline of 2**levels + 1 heights in about -1..1, by midpoint displacement."""
    heights = [rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6)]
    reach = 0.8
    for _ in range(levels):
        finer = [heights[0]]
        for left, right in pairwise(heights):
            finer += ((left + right) / 2 + rng.uniform(-reach, reach), right)
        heights = finer
        reach *= roughness
    return heights


@lru_cache(maxsize=1)
def _disc_falloff() -> Image.Image:
    # Pillow's gradient reaches its end in the corners only; ours must be gone at the edge.
    edge = 75
    reach = [max(0, round((255 - value - edge) * 255 / (255 - edge))) for value in range(256)]
    return Image.radial_gradient("L").point(reach)


@lru_cache(maxsize=8)
def _grain_tile(strength: int) -> Image.Image:
    noise = Image.frombytes("L", (256, 256), random.Random("grain").randbytes(256 * 256))
    return noise.point([round((value - 127.5) * strength / 127.5) + 128 for value in range(256)])


class Canvas:
    """One picture being painted; x and y run from 0 to 1, radii are shares of the shorter side."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._finer = 2 if max(size) <= _OVERSAMPLED_UP_TO else 1
        self.wide, self.high = size[0] * self._finer, size[1] * self._finer
        self.short = min(self.wide, self.high)
        self.aspect = size[0] / size[1]
        self.image = Image.new("RGB", (self.wide, self.high))
        self._pen = ImageDraw.Draw(self.image, "RGBA")

    def fill(self, stops: Sequence[Colour], top: float = 0.0, bottom: float = 1.0) -> None:
        """A vertical gradient between two heights."""
        first, last = round(top * self.high), round(bottom * self.high)
        if last <= first:
            return
        steps = 256
        column = Image.new("RGB", (1, steps))
        column.putdata([along(stops, step / (steps - 1)) for step in range(steps)])
        self.image.paste(self._widen(column, last - first), (0, first))

    def polygon(self, points: Iterable[Point], colour: Colour, alpha: int = 255) -> None:
        """A filled shape."""
        self._pen.polygon([(x * self.wide, y * self.high) for x, y in points], (*colour, alpha))

    def below(self, heights: Sequence[float], colour: Colour, floor: float = 1.0) -> None:
        """Everything between a skyline (y per step, evenly spaced over x) and `floor`."""
        step = 1 / (len(heights) - 1)
        line = [(index * step, y) for index, y in enumerate(heights)]
        self.polygon([(0.0, floor), *line, (1.0, floor)], colour)

    def line(self, points: Iterable[Point], colour: Colour, width: float, alpha: int = 255) -> None:
        """A stroke; `width` is a share of the shorter side."""
        dots = [(x * self.wide, y * self.high) for x, y in points]
        self._pen.line(dots, (*colour, alpha), max(1, round(width * self.short)), "curve")

    def disc(self, at: Point, radius: float, colour: Colour, alpha: int = 255) -> None:
        """A filled circle."""
        self.oval(at, (radius, radius), colour, alpha)

    def oval(self, at: Point, radii: Point, colour: Colour, alpha: int = 255) -> None:
        """A filled, upright ellipse."""
        self._pen.ellipse(self._box(at, radii), (*colour, alpha))

    def pie(self, at: Point, radius: float, turn: tuple[float, float], colour: Colour) -> None:
        """A slice of a circle, from one angle to another, in degrees clockwise from the right."""
        self._pen.pieslice(self._box(at, (radius, radius)), turn[0], turn[1], (*colour, 255))

    def ring(self, at: Point, radius: float, width: float, colour: Colour) -> None:
        """The outline of a circle, drawn inwards."""
        box = self._box(at, (radius, radius))
        self._pen.ellipse(box, None, (*colour, 255), max(1, round(width * self.short)))

    def rectangle(self, corner: Point, other: Point, colour: Colour, alpha: int = 255) -> None:
        """A filled, upright rectangle, given top left and bottom right."""
        box = (
            corner[0] * self.wide,
            corner[1] * self.high,
            other[0] * self.wide,
            other[1] * self.high,
        )
        self._pen.rectangle(box, (*colour, alpha))

    def glow(self, at: Point, radius: float, colour: Colour, strength: float = 1.0) -> None:
        """A soft light that fades to nothing at `radius`."""
        across = max(2, round(2 * radius * self.short))
        light = _disc_falloff().resize((across, across), Image.Resampling.BILINEAR)
        light = light.point([round(strength * value * value / 255) for value in range(256)])
        corner = (round(at[0] * self.wide) - across // 2, round(at[1] * self.high) - across // 2)
        self.image.paste(colour, (*corner, corner[0] + across, corner[1] + across), light)

    def mist(self, top: float, bottom: float, colour: Colour, strength: float) -> None:
        """A veil that thickens downwards."""
        first, last = round(top * self.high), round(bottom * self.high)
        if last <= first:
            return
        veil = Image.linear_gradient("L").crop((0, 0, 1, 256))
        veil = veil.point([round(value * strength) for value in range(256)])
        box = (0, first, self.wide, last)
        self.image.paste(colour, box, self._widen(veil, last - first))

    def soften(self, radius: float) -> None:
        """Blur what is there so far; `radius` is a share of the shorter side."""
        # At a quarter of the size: in a blur nobody sees it, and it costs a fraction.
        small = self.image.reduce(4).filter(ImageFilter.BoxBlur(radius * self.short / 4))
        self.image.paste(small.resize(self.image.size, Image.Resampling.BILINEAR))

    def finish(self, grain: int = 0) -> Image.Image:
        """The picture at its final size, with film grain of ±`grain` levels."""
        picture = self.image.reduce(self._finer)
        if not grain:
            return picture
        tile = _grain_tile(grain)
        noise = Image.new("L", self.size)
        for left in range(0, self.size[0], 256):
            for top in range(0, self.size[1], 256):
                noise.paste(tile, (left, top))
        layer = Image.merge("RGB", (noise, noise, noise))
        return ImageChops.add(picture, layer, 1, -128)

    def _widen(self, column: Image.Image, height: int) -> Image.Image:
        # In two steps: interpolating across equal pixels would cost as much as it is useless.
        tall = column.resize((1, height), Image.Resampling.BILINEAR)
        return tall.resize((self.wide, height), Image.Resampling.NEAREST)

    def _box(self, at: Point, radii: Point) -> tuple[float, float, float, float]:
        x, y = at[0] * self.wide, at[1] * self.high
        across, down = radii[0] * self.short, radii[1] * self.short
        return (x - across, y - down, x + across, y + down)
