"""Mountains, lakes, forests, hills and the northern lights."""

import math
import random

from drive_emulator.content.scenes.paint import Canvas, Colour, Point, along, mix, ridge
from drive_emulator.content.scenes.palettes import Palette


def alps(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Ranges behind ranges, with mist in the valleys and firs in front. Returns the grain."""
    canvas.fill(palette.sky, 0.0, 0.8)
    _sun(canvas, palette, rng, rng.uniform(0.2, 0.42))
    layers = rng.randint(4, 6)
    for layer in range(layers):
        depth = (layer + 1) / layers
        base = 0.38 + 0.5 * depth
        heights = [
            base - (0.17 - 0.07 * depth) * (height + 0.35)
            for height in ridge(rng, 0.6 - 0.08 * depth)
        ]
        colour = mix(palette.far, palette.near, depth**1.4)
        canvas.below(heights, mix(colour, palette.sky[-1], 0.35 * (1 - depth)))
        if layer < layers - 1:
            canvas.mist(base - 0.05, base + 0.16, palette.sky[-1], 0.5 * (1 - depth) + 0.1)
    _firs(canvas, rng, mix(palette.near, (0, 0, 0), 0.45), (0.99, 0.13))
    return 7


def snowy_peaks(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """One great mountain with a lit and a shaded side, over dark foothills."""
    canvas.fill(palette.sky, 0.0, 0.85)
    _clouds(canvas, palette, rng, 0.28)
    for peak in range(rng.randint(3, 4)):
        depth = peak / 3
        top = (rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.34) + 0.12 * depth)
        _peak(canvas, palette, rng, top, depth)
    canvas.mist(0.55, 0.82, palette.sky[-1], 0.65)
    for layer in range(3):
        base = 0.76 + 0.07 * layer
        colour = mix(palette.far, palette.near, 0.55 + 0.2 * layer)
        canvas.below([base - 0.035 * (h + 0.4) for h in ridge(rng, 0.5)], colour)
    _firs(canvas, rng, mix(palette.near, (0, 0, 0), 0.35), (1.0, 0.1))
    return 8


def lake(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Mountains and their reflection, with ripples that cross it."""
    shore = rng.uniform(0.5, 0.6)
    canvas.fill(palette.sky, 0.0, shore)
    sun = _sun(canvas, palette, rng, rng.uniform(0.18, 0.34))
    canvas.fill(tuple(mix(c, palette.near, 0.25) for c in reversed(palette.sky)), shore, 1.0)
    for layer in range(3):
        depth = layer / 2
        reach = 0.3 - 0.09 * layer
        heights = [max(0.02, reach * (h + 0.75) / 1.6) for h in ridge(rng, 0.52)]
        colour = mix(palette.far, palette.near, 0.25 + 0.6 * depth)
        canvas.below([shore - h for h in heights], colour, shore)
        canvas.below([shore + 0.85 * h for h in heights], mix(colour, palette.near, 0.35), shore)
    canvas.mist(shore - 0.08, shore, palette.sky[-1], 0.35)
    for _ in range(70):
        y = shore + (1 - shore) * rng.random() ** 0.8
        near = (y - shore) / (1 - shore)
        x, half = rng.uniform(-0.1, 1.1), rng.uniform(0.03, 0.14) * (0.4 + near)
        shine = palette.light if abs(x - sun[0]) < 0.18 else palette.sky[-1]
        canvas.line([(x - half, y), (x + half, y)], shine, 0.0015 + 0.002 * near, 60)
    return 7


def foggy_forest(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Rows of firs that fade into the fog."""
    canvas.fill(palette.sky[1:], 0.0, 1.0)
    canvas.glow((rng.uniform(0.25, 0.75), rng.uniform(0.15, 0.4)), 0.75, palette.light, 0.75)
    rows = 6
    for row in range(rows):
        depth = (row + 1) / rows
        colour = mix(mix(palette.far, palette.sky[-1], 0.55), palette.near, depth**1.2)
        base = 0.5 + 0.56 * depth
        canvas.below([base + 0.02 * h for h in ridge(rng, 0.5, 6)], colour)
        _firs(canvas, rng, colour, (base + 0.03, 0.16 + 0.2 * depth), 30 - 3 * row)
        canvas.mist(base - 0.12, base + 0.1, palette.sky[-1], 0.4 * (1 - depth) + 0.08)
    return 6


def rolling_hills(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Fields in stripes, single trees, clouds, and balloons over them now and then."""
    canvas.fill(palette.sky, 0.0, 0.7)
    _sun(canvas, palette, rng, rng.uniform(0.15, 0.3))
    _clouds(canvas, palette, rng, 0.3)
    for _ in range(rng.choice((0, 2, 3, 5))):
        at = (rng.uniform(0.1, 0.9), rng.uniform(0.14, 0.42))
        _balloon(canvas, palette, rng, at, rng.uniform(0.025, 0.075))
    layers = 5
    for layer in range(layers):
        depth = (layer + 1) / layers
        swing, phase = rng.uniform(0.02, 0.05), rng.uniform(0, 6.3)
        bend = rng.uniform(3.0, 6.5)
        base = 0.5 + 0.1 * layer
        heights = [base + swing * math.sin(phase + bend * step / 80) for step in range(81)]
        green = mix(mix(palette.far, palette.accent, 0.25), palette.near, depth)
        canvas.below(heights, green)
        for stripe in range(1, 4):
            lower = [(step / 80, y + 0.022 * stripe * depth) for step, y in enumerate(heights)]
            canvas.line(lower, mix(green, palette.light, 0.22), 0.003 * depth + 0.001, 120)
        for _ in range(rng.randint(1, 5)):
            step = rng.randint(4, 76)
            _round_tree(canvas, rng, (step / 80, heights[step]), 0.02 + 0.03 * depth, green)
    return 7


def northern_lights(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Curtains of light over a snowy ridge, under stars."""
    canvas.fill(palette.sky, 0.0, 0.9)
    for _ in range(3):
        _curtain(canvas, palette, rng)
    canvas.soften(0.012)
    stars(canvas, palette, rng, 220, 0.75)
    for layer in range(3):
        base = 0.76 + 0.08 * layer
        snow = mix(mix(palette.far, (235, 242, 250), 0.3), palette.near, 0.3 * layer)
        canvas.below([base - 0.07 * (h + 0.3) / (1 + layer) for h in ridge(rng, 0.5)], snow)
    _firs(canvas, rng, palette.near, (1.02, 0.24), 18)
    return 5


def stars(canvas: Canvas, palette: Palette, rng: random.Random, count: int, floor: float) -> None:
    """Points of light down to the height `floor`."""
    for _ in range(count):
        at = (rng.random(), rng.random() * floor)
        canvas.disc(at, rng.choice((0.0008, 0.0012, 0.0022)), palette.light, rng.randint(70, 240))


def _sun(canvas: Canvas, palette: Palette, rng: random.Random, height: float) -> Point:
    at = (rng.uniform(0.18, 0.82), height)
    canvas.glow(at, 0.55, palette.light, 0.7)
    canvas.disc(at, rng.uniform(0.035, 0.065), palette.light)
    return at


def _clouds(canvas: Canvas, palette: Palette, rng: random.Random, floor: float) -> None:
    for _ in range(rng.randint(3, 6)):
        x, y, wide = rng.uniform(-0.1, 1.1), rng.uniform(0.05, floor), rng.uniform(0.1, 0.26)
        for _ in range(14):
            puff = (x + rng.uniform(-wide, wide) / canvas.aspect, y + rng.uniform(-0.018, 0.018))
            canvas.oval(puff, (wide * rng.uniform(0.16, 0.4), wide * 0.09), palette.light, 46)
    canvas.soften(0.006)


def _peak(canvas: Canvas, palette: Palette, rng: random.Random, top: Point, depth: float) -> None:
    spread = rng.uniform(0.34, 0.5)
    left, right = (top[0] - spread, 0.95), (top[0] + spread, 0.95)
    rock = mix(palette.far, palette.near, 0.3 + 0.3 * depth)
    snow = mix((250, 250, 252), palette.sky[-1], 0.25)
    foot = (top[0] + rng.uniform(-0.08, 0.08), 0.95)
    canvas.polygon([left, top, foot], mix(rock, snow, 0.25))
    canvas.polygon([right, top, foot], mix(rock, palette.near, 0.35))
    for side, shade in ((left, 0.0), (right, 0.45)):
        edge = [along_line(top, side, step / 9 * 0.42) for step in range(1, 10)]
        inner = [along_line(top, foot, step / 9 * 0.4) for step in range(1, 10)]
        teeth: list[Point] = []
        for step in range(10):
            spot = along_line(edge[-1], inner[-1], step / 9)
            teeth.append((spot[0], spot[1] + rng.uniform(-0.06, 0.03)))
        canvas.polygon([top, edge[-1], *teeth, inner[-1]], mix(snow, rock, shade))


def along_line(start: Point, end: Point, share: float) -> Point:
    """The point at `share` of the way."""
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _firs(
    canvas: Canvas,
    rng: random.Random,
    colour: Colour,
    ground: tuple[float, float],
    count: int = 26,
) -> None:
    """A row of firs; `ground` is the height they stand at and how tall they may grow."""
    floor, tallest = ground
    for index in range(count):
        x = (index + rng.uniform(0.1, 0.9)) / count
        tall = tallest * rng.uniform(0.45, 1.0)
        half = tall * rng.uniform(0.16, 0.22) / canvas.aspect
        foot = floor + rng.uniform(0.0, 0.02)
        for tier in range(5):
            top = foot - tall * (1 - tier * 0.17)
            wide = half * (0.34 + 0.165 * tier)
            canvas.polygon(
                [(x, top), (x - wide, top + tall * 0.33), (x + wide, top + tall * 0.33)], colour
            )


def _round_tree(
    canvas: Canvas, rng: random.Random, foot: Point, size: float, green: Colour
) -> None:
    dark = mix(green, (20, 30, 25), 0.45)
    canvas.line([foot, (foot[0], foot[1] - size * 0.9)], dark, size * 0.1)
    for _ in range(7):
        at = (
            foot[0] + rng.uniform(-0.4, 0.4) * size / canvas.aspect,
            foot[1] - size * rng.uniform(0.8, 1.5),
        )
        canvas.disc(at, size * rng.uniform(0.3, 0.5), mix(dark, green, rng.uniform(0.0, 0.6)))


def _balloon(canvas: Canvas, palette: Palette, rng: random.Random, at: Point, size: float) -> None:
    inks = (palette.accent, palette.light, palette.sky[0], mix(palette.accent, palette.near, 0.4))
    canvas.disc(at, size, inks[0])
    for index, part in enumerate((0.72, 0.4, 0.12)):
        canvas.oval(at, (size * part, size), inks[(index + 1) % len(inks)])
    tall = size * canvas.short / canvas.high
    basket = (at[0], at[1] + tall * 1.5)
    for side in (-0.5, 0.5):
        canvas.line(
            [(at[0] + side * size / canvas.aspect, at[1] + tall * 0.85), basket],
            palette.near,
            0.0015,
        )
    canvas.disc(basket, size * 0.17, palette.near)


def _curtain(canvas: Canvas, palette: Palette, rng: random.Random) -> None:
    base, phase, bend = rng.uniform(0.35, 0.6), rng.uniform(0, 6.3), rng.uniform(2.0, 5.0)
    inks = (palette.accent, mix(palette.accent, palette.sky[-1], 0.5), palette.sky[-1])
    for step in range(160):
        x = step / 160
        y = base + 0.1 * math.sin(phase + bend * x) + 0.03 * math.sin(3 * phase + 13 * x)
        tall = rng.uniform(0.16, 0.34)
        for part in range(5):
            top, foot = y - tall * (part + 1) / 5, y - tall * part / 5
            ink = along(inks, part / 4)
            canvas.rectangle((x, top), (x + 0.009, foot), ink, round(95 * (1 - part / 5)))
