"""Sea, islands, dunes, sails and rain."""

import math
import random

from drive_emulator.content.scenes.paint import Canvas, Colour, Point, mix, ridge
from drive_emulator.content.scenes.palettes import Palette


def sunset_sea(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """The sun on the horizon and its path of light over the water. Returns the grain."""
    horizon = rng.uniform(0.48, 0.6)
    canvas.fill(palette.sky, 0.0, horizon)
    at = (rng.uniform(0.25, 0.75), horizon - rng.uniform(-0.01, 0.12))
    canvas.glow(at, 0.8, palette.light, 0.75)
    canvas.disc(at, rng.uniform(0.07, 0.12), palette.light)
    _streaks(canvas, palette, rng, horizon)
    canvas.fill((mix(palette.sky[-1], palette.far, 0.45), palette.far, palette.near), horizon, 1.0)
    if rng.random() < 0.6:
        side = rng.choice((0.0, 1.0))
        _headland(canvas, rng, side, horizon, mix(palette.far, palette.near, 0.7))
    _glitter(canvas, palette, rng, at[0], horizon)
    if rng.random() < 0.7:
        _sail(canvas, palette, (rng.uniform(0.15, 0.85), horizon + 0.05), rng.uniform(0.05, 0.12))
    return 4


def islands(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Steep islands in a calm bay, each with its shadow in the water."""
    horizon = 0.6
    canvas.fill(palette.sky, 0.0, horizon)
    canvas.glow((rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.35)), 0.7, palette.light, 0.6)
    _streaks(canvas, palette, rng, horizon * 0.7)
    water = (mix(palette.sky[-1], palette.far, 0.2), mix(palette.far, palette.sky[0], 0.5))
    canvas.fill(water, horizon, 1.0)
    for row in range(3):
        shore = horizon + 0.005 + 0.045 * row
        for _ in range(rng.randint(2, 3)):
            colour = mix(palette.far, palette.near, 0.2 + 0.36 * row)
            _island(canvas, rng, (rng.uniform(0.0, 1.0), shore), 0.1 + 0.05 * row, colour)
        canvas.mist(shore - 0.12, shore + 0.01, palette.sky[-1], 0.32 - 0.1 * row)
    for _ in range(60):
        y = horizon + 0.02 + rng.random() * 0.38
        x, half = rng.random(), rng.uniform(0.02, 0.08) * (0.3 + y)
        canvas.line([(x - half, y), (x + half, y)], palette.light, 0.0014 + 0.002 * (y - 0.6), 70)
    return 4


def palms(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Palm trees in front of a low sun."""
    canvas.fill(palette.sky, 0.0, 0.74)
    at = (rng.uniform(0.3, 0.7), rng.uniform(0.42, 0.58))
    canvas.glow(at, 0.9, palette.light, 0.7)
    canvas.disc(at, rng.uniform(0.14, 0.2), palette.light)
    _streaks(canvas, palette, rng, 0.6)
    canvas.fill((mix(palette.sky[-1], palette.far, 0.6), palette.near), 0.74, 1.0)
    _glitter(canvas, palette, rng, at[0], 0.74)
    dark = mix(palette.near, (0, 0, 0), 0.35)
    sand = [0.95 - 0.07 * math.sin(0.6 + step / 11) for step in range(41)]
    canvas.below(sand, dark)
    for _ in range(rng.randint(2, 4)):
        foot = rng.choice((rng.uniform(0.02, 0.3), rng.uniform(0.68, 0.98)))
        _palm(canvas, rng, (foot, 0.95), rng.uniform(0.42, 0.72), dark)
    return 4


def dunes(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Sand in long waves, one side lit."""
    canvas.fill(palette.sky, 0.0, 0.62)
    sun = (rng.uniform(0.15, 0.85), rng.uniform(0.14, 0.32))
    canvas.glow(sun, 0.6, palette.light, 0.7)
    canvas.disc(sun, rng.uniform(0.04, 0.08), palette.light)
    sand = mix(palette.accent, palette.sky[-1], 0.35)
    layers = 6
    for layer in range(layers):
        depth = (layer + 1) / layers
        crest = rng.uniform(0.1, 0.9)
        base, tall = 0.46 + 0.09 * layer, rng.uniform(0.08, 0.17)
        outline = [base - tall * math.exp(-(((s / 60 - crest) / 0.3) ** 2)) for s in range(61)]
        lit = mix(mix(sand, palette.sky[-1], 0.55), sand, depth)
        canvas.below(outline, lit)
        shade = mix(lit, palette.near, 0.18 + 0.3 * depth)
        _shaded_side(canvas, outline, crest, (base + 0.24, shade), rng)
    return 5


def rainy_hills(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """A storm front with rain over dark hills and one bright gap."""
    dim = tuple(mix(colour, palette.near, 0.35) for colour in palette.sky)
    canvas.fill(dim, 0.0, 0.85)
    canvas.glow((rng.uniform(0.2, 0.8), 0.62), 0.6, palette.light, 0.65)
    for _ in range(46):
        at = (rng.uniform(-0.1, 1.1), rng.uniform(-0.05, 0.26))
        cloud = mix(palette.near, palette.far, rng.uniform(0.15, 0.8))
        canvas.oval(at, (rng.uniform(0.12, 0.3), rng.uniform(0.04, 0.09)), cloud, 120)
    canvas.soften(0.02)
    slant = rng.uniform(-0.08, 0.08)
    for _ in range(240):
        x, y, fall = rng.uniform(-0.1, 1.1), rng.uniform(0.15, 0.7), rng.uniform(0.06, 0.2)
        canvas.line([(x, y), (x + slant * fall * 3, y + fall)], palette.light, 0.0011, 42)
    for layer in range(3):
        base = 0.72 + 0.1 * layer
        colour = mix(palette.far, palette.near, 0.45 + 0.27 * layer)
        canvas.below([base - 0.06 * (h + 0.3) for h in ridge(rng, 0.45)], colour)
    return 5


def _streaks(canvas: Canvas, palette: Palette, rng: random.Random, floor: float) -> None:
    for _ in range(rng.randint(6, 16)):
        x, y = rng.uniform(-0.1, 1.1), rng.uniform(0.04, floor)
        long = rng.uniform(0.1, 0.4)
        canvas.oval((x, y), (long, rng.uniform(0.004, 0.016)), palette.sky[-1], rng.randint(25, 80))


def _glitter(
    canvas: Canvas, palette: Palette, rng: random.Random, under: float, horizon: float
) -> None:
    for _ in range(150):
        near = rng.random()
        y = horizon + (1 - horizon) * near**1.4 + 0.004
        x = under + rng.gauss(0, 0.03 + 0.1 * near)
        half = rng.uniform(0.006, 0.04) * (0.35 + near)
        canvas.line([(x - half, y), (x + half, y)], palette.light, 0.002 + 0.003 * near, 120)


def _headland(
    canvas: Canvas, rng: random.Random, side: float, horizon: float, colour: Colour
) -> None:
    reach = rng.uniform(0.3, 0.5)
    rough = ridge(rng, 0.5, 5)
    line: list[Point] = []
    for step, height in enumerate(rough):
        share = step / (len(rough) - 1)
        x = side + (1 if side == 0 else -1) * reach * share
        line.append(
            (x, horizon - max(0.0, 0.2 * (1 - share) ** 1.3 + 0.035 * height * (1 - share)))
        )
    canvas.polygon([(side, horizon + 0.012), *line], colour)


def _sail(canvas: Canvas, palette: Palette, at: Point, size: float) -> None:
    across = size / canvas.aspect
    x, y = at
    canvas.polygon(
        [(x, y - size * 1.5), (x, y - 0.08 * size), (x + across * 0.6, y)], palette.light
    )
    canvas.polygon(
        [(x - 0.01 * across, y - size * 1.3), (x - 0.05 * across, y), (x - across * 0.45, y)],
        mix(palette.light, palette.accent, 0.5),
    )
    hull = [(x - across * 0.5, y + 0.04), (x + across * 0.65, y + 0.04)]
    deck = [(x + across * 0.5, y + 0.04 + size * 0.2), (x - across * 0.35, y + 0.04 + size * 0.2)]
    canvas.polygon([*hull, *deck], palette.near)


def _island(canvas: Canvas, rng: random.Random, foot: Point, wide: float, colour: Colour) -> None:
    tall = rng.uniform(0.12, 0.34)
    rough = ridge(rng, 0.5, 5)
    top: list[Point] = []
    for step, height in enumerate(rough):
        share = step / (len(rough) - 1)
        dome = math.sin(math.pi * share) ** 0.45
        top.append((foot[0] + (share - 0.5) * wide, foot[1] - tall * dome * (1 + 0.16 * height)))
    canvas.polygon([(foot[0] - wide / 2, foot[1]), *top, (foot[0] + wide / 2, foot[1])], colour)
    mirrored = [(x, foot[1] + (foot[1] - y) * 0.4) for x, y in top]
    canvas.polygon(mirrored, colour, 80)


def _palm(canvas: Canvas, rng: random.Random, foot: Point, tall: float, colour: Colour) -> None:
    lean = rng.uniform(-0.12, 0.12)
    trunk = [(foot[0] + lean * (part / 8) ** 1.7, foot[1] - tall * part / 8) for part in range(9)]
    canvas.line(trunk, colour, 0.014)
    crown = trunk[-1]
    for frond in range(9):
        angle = math.pi * (0.05 + 0.9 * frond / 8) + rng.uniform(-0.12, 0.12)
        long = rng.uniform(0.13, 0.2)
        upper: list[Point] = []
        lower: list[Point] = []
        for part in range(8):
            share = part / 7
            x = crown[0] + math.cos(angle) * long * share / canvas.aspect * 1.2
            y = crown[1] - math.sin(angle) * long * share * 0.75 + 0.16 * share**2
            upper.append((x, y - 0.012 * math.sin(math.pi * share)))
            lower.append((x, y + 0.026 * math.sin(math.pi * share)))
        canvas.polygon([*upper, *reversed(lower)], colour)


def _shaded_side(
    canvas: Canvas,
    outline: list[float],
    crest: float,
    floor: tuple[float, Colour],
    rng: random.Random,
) -> None:
    first = round(crest * 60)
    bend = rng.uniform(-0.18, -0.06)
    right = [(step / 60, outline[step]) for step in range(first, 61)]
    back: list[Point] = []
    for part in range(13):
        share = part / 12
        x = crest + bend * math.sin(math.pi * share * 0.9)
        back.append((x, floor[0] + (outline[first] - floor[0]) * share))
    canvas.polygon([*right, (1.0, floor[0]), *back], floor[1])
