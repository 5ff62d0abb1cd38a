"""The pool of paintings that every picture of every tree is one of.

A painting is a scene, its colours, a seed, a shape and a format. It can be rendered at any width,
and is found by its theme, so that a folder of mountains shows mountains.
"""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from drive_emulator.content.containers import GIF, JPEG, PNG, WEBP, Container
from drive_emulator.content.scenes import mountains, nights, posters, shores
from drive_emulator.content.scenes.paint import Canvas
from drive_emulator.content.scenes.palettes import DAWN, DAY, DUSK, NIGHT, PRINT, Palette

Scene = Callable[[Canvas, Palette, random.Random], int]

VARIANTS = 7  # paintings of each scene
NATURAL_WIDTHS = (840, 900, 960, 1024, 1080)
LARGE_WIDTH = 3000


@dataclass(frozen=True)
class Painting:
    """`title` is unique; `aspect` is width over height."""

    title: str
    theme: str
    scene: Scene
    palette: Palette
    aspect: float
    container: Container
    natural_width: int

    def render(self, width: int) -> Image.Image:
        """The same picture at any width, in pixels; 30-150 ms at a natural width."""
        size = (width, max(1, round(width / self.aspect)))
        canvas = Canvas(size)
        grain = self.scene(canvas, self.palette, random.Random(self.title))
        # Grain is what lossless formats compress worst, and prints have none anyway.
        return canvas.finish(grain if self.container in (JPEG, WEBP) else 0)


def encode(picture: Image.Image, container: Container, quality: int = 84) -> bytes:
    """The picture as a file of the format, with no metadata."""
    out = io.BytesIO()
    if container is JPEG:
        picture.save(out, "JPEG", quality=quality)
    elif container is PNG:
        picture.save(out, "PNG", compress_level=6)
    elif container is GIF:
        picture.quantize(96, dither=Image.Dither.NONE).save(out, "GIF")
    else:
        picture.save(out, "WEBP", quality=quality, method=2)
    return out.getvalue()


_SCENES: tuple[tuple[str, Scene, tuple[Palette, ...]], ...] = (
    ("mountains", mountains.alps, DAWN + DUSK),
    ("mountains", mountains.snowy_peaks, DAY + DAWN),
    ("mountains", mountains.lake, DAWN + DUSK),
    ("forest", mountains.foggy_forest, DAWN + DAY),
    ("country", mountains.rolling_hills, DAY + DAWN),
    ("night", mountains.northern_lights, NIGHT),
    ("sea", shores.sunset_sea, DUSK + DAWN),
    ("sea", shores.islands, DAWN + DAY),
    ("sea", shores.palms, DUSK + DAWN),
    ("desert", shores.dunes, DUSK + DAY),
    ("country", shores.rainy_hills, DAWN + DAY),
    ("city", nights.skyline, NIGHT + DUSK),
    ("night", nights.planet, NIGHT),
    ("city", nights.bokeh, NIGHT + DUSK),
    ("night", nights.milky_way, NIGHT),
    ("poster", posters.quarter_circles, PRINT),
    ("poster", posters.paper_waves, PRINT),
    ("poster", posters.sunburst, PRINT),
    ("pattern", posters.facets, PRINT),
    ("pattern", posters.arcs, PRINT),
    ("pattern", posters.scales, PRINT),
    ("poster", posters.leaves, PRINT),
    ("pattern", posters.stacked_blocks, PRINT),
)

_WIDE = (1.5, 1.5, 4 / 3, 1.5, 16 / 9, 2 / 3, 1.5)
_PRINTED = (1.0, 3 / 4, 1.5, 2 / 3, 1.0, 4 / 3, 3 / 4)
_FLAT_FORMATS = (JPEG, PNG, WEBP, GIF, JPEG, PNG, WEBP)
_PHOTO_FORMATS = (JPEG, JPEG, JPEG, WEBP, JPEG, JPEG, JPEG)


def _paint_all() -> tuple[Painting, ...]:
    made = []
    for variant in range(VARIANTS):
        for number, (theme, scene, palettes) in enumerate(_SCENES):
            flat = theme in ("poster", "pattern")
            turn = (variant + number) % VARIANTS
            made.append(
                Painting(
                    title=f"{scene.__name__.replace('_', ' ')} {variant + 1}",
                    theme=theme,
                    scene=scene,
                    palette=palettes[variant % len(palettes)],
                    aspect=(_PRINTED if flat else _WIDE)[turn],
                    container=(_FLAT_FORMATS if flat else _PHOTO_FORMATS)[turn],
                    natural_width=NATURAL_WIDTHS[(variant * 3 + number) % len(NATURAL_WIDTHS)],
                )
            )
    return tuple(made)


PAINTINGS = _paint_all()
"""Neighbours are of different scenes, so that any stretch of the pool is varied."""

THEMES = tuple(sorted({painting.theme for painting in PAINTINGS}))
