"""The paintings from which every picture of every tree is made.

A painting is a scene, a palette, a seed, a shape and a format. It can be rendered at any width. Its
theme makes folders plausible: a folder of mountains shows mountains.
"""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from drive_emulator.content import scenes
from drive_emulator.content.canvas import Canvas, Palette, palettes
from drive_emulator.content.containers import GIF, JPEG, PNG, WEBP, Container

Scene = Callable[[Canvas, Palette, random.Random], None]

VARIANTS = 14  # paintings of each scene
NATURAL_WIDTHS = (640, 680, 720, 760, 800)
LARGE_WIDTH = 2560
_GRAIN = 6


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
        """The same picture at any width, in pixels; about 30 ms at a natural width."""
        canvas = Canvas((width, max(1, round(width / self.aspect))))
        self.scene(canvas, self.palette, random.Random(self.title))
        # Film grain makes a photograph, but lossless formats cannot compress it.
        return canvas.finish(_GRAIN if self.container in (JPEG, WEBP) else 0)


def encode(picture: Image.Image, container: Container, quality: int) -> bytes:
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


_SCENES: tuple[tuple[str, Scene, list[Palette]], ...] = (
    ("mountains", scenes.alps, palettes("dawn", "day", "dusk")),
    ("forest", scenes.foggy_forest, palettes("dawn", "day")),
    ("poster", scenes.paper_waves, palettes("print")),
    ("sea", scenes.sunset_sea, palettes("dawn", "day", "dusk")),
    ("night", scenes.northern_lights, palettes("night")),
    ("pattern", scenes.quarter_circles, palettes("print")),
    ("desert", scenes.dunes, palettes("day", "dusk")),
    ("city", scenes.skyline, palettes("dusk", "night")),
)

_PHOTO_ASPECTS = (1.5, 1.5, 4 / 3, 1.5, 16 / 9, 2 / 3, 1.5)
_PRINT_ASPECTS = (1.0, 3 / 4, 1.5, 2 / 3, 1.0, 4 / 3, 3 / 4)
_PHOTO_FORMATS = (JPEG, JPEG, JPEG, WEBP, JPEG, JPEG, JPEG)
_PRINT_FORMATS = (JPEG, PNG, WEBP, GIF, JPEG, PNG, WEBP)


def _all_paintings() -> tuple[Painting, ...]:
    paintings = []
    for variant in range(VARIANTS):
        for number, (theme, scene, colours) in enumerate(_SCENES):
            is_print = theme in ("poster", "pattern")
            turn = (variant + number) % len(_PHOTO_ASPECTS)
            paintings.append(
                Painting(
                    title=f"{scene.__name__.replace('_', ' ')} {variant + 1}",
                    theme=theme,
                    scene=scene,
                    palette=colours[variant % len(colours)],
                    aspect=(_PRINT_ASPECTS if is_print else _PHOTO_ASPECTS)[turn],
                    container=(_PRINT_FORMATS if is_print else _PHOTO_FORMATS)[turn],
                    natural_width=NATURAL_WIDTHS[(variant * 3 + number) % len(NATURAL_WIDTHS)],
                )
            )
    return tuple(paintings)


PAINTINGS = _all_paintings()
"""Neighbours show different scenes, so any stretch of paintings is varied."""
