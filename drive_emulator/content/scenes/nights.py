"""Cities, space, lights out of focus and night skies."""

import math
import random

from drive_emulator.content.scenes.mountains import stars
from drive_emulator.content.scenes.paint import Canvas, along, mix, ridge
from drive_emulator.content.scenes.palettes import Palette


def skyline(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Rows of towers with lit windows and a moon. Returns the grain."""
    canvas.fill(palette.sky, 0.0, 0.95)
    stars(canvas, palette, rng, 110, 0.45)
    moon = (rng.uniform(0.15, 0.85), rng.uniform(0.12, 0.28))
    canvas.glow(moon, 0.4, palette.light, 0.5)
    canvas.disc(moon, rng.uniform(0.05, 0.09), palette.light)
    for row in range(3):
        depth = (row + 1) / 3
        colour = mix(palette.far, palette.near, depth**0.8)
        _towers(canvas, palette, rng, (0.5 + 0.13 * row, 0.34 - 0.05 * row), colour)
        canvas.mist(0.55 + 0.1 * row, 0.9, palette.sky[-1], 0.24 * (1 - depth))
    canvas.fill((mix(palette.near, palette.sky[-1], 0.25), palette.near), 0.92, 1.0)
    for _ in range(110):
        x, y = rng.random(), rng.uniform(0.925, 0.995)
        canvas.line([(x, y), (x + rng.uniform(0.005, 0.03), y)], palette.accent, 0.0018, 100)
    return 4


def planet(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """A banded planet, sometimes ringed, with its moons before a nebula."""
    canvas.fill(palette.sky[:3], 0.0, 1.0)
    for _ in range(7):
        spot = (rng.random(), rng.random())
        cloud = mix(
            rng.choice((palette.accent, palette.far, palette.sky[-1])), palette.sky[0], 0.45
        )
        canvas.glow(spot, rng.uniform(0.3, 0.7), cloud, 0.55)
    stars(canvas, palette, rng, 320, 1.0)
    at, radius = (rng.uniform(0.32, 0.68), rng.uniform(0.42, 0.6)), rng.uniform(0.2, 0.3)
    tilt = rng.uniform(0.14, 0.3)
    ringed = rng.random() < 0.6
    if ringed:
        canvas.oval(
            at, (radius * 2.0, radius * 2.0 * tilt), mix(palette.light, palette.far, 0.4), 150
        )
        canvas.oval(at, (radius * 1.5, radius * 1.5 * tilt), palette.sky[1], 235)
    _banded_disc(canvas, palette, rng, at, radius)
    if ringed:
        _front_of_ring(canvas, palette, at, radius, tilt)
    for _ in range(rng.randint(1, 3)):
        moon = (rng.uniform(0.08, 0.92), rng.uniform(0.08, 0.3))
        size = rng.uniform(0.015, 0.045)
        canvas.disc(moon, size, mix(palette.light, palette.far, 0.35))
        canvas.disc(
            (moon[0] + size * 0.25 / canvas.aspect, moon[1] + size * 0.2),
            size * 0.8,
            palette.light,
            120,
        )
    return 4


def bokeh(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """City lights out of focus."""
    canvas.fill((palette.sky[0], palette.sky[2], palette.near), 0.0, 1.0)
    inks = (palette.accent, palette.light, palette.sky[-1], mix(palette.accent, palette.light, 0.5))
    for layer in range(3):
        for _ in range(34 - 8 * layer):
            at = (rng.uniform(-0.05, 1.05), rng.betavariate(2.2, 2.0))
            size = rng.uniform(0.03, 0.075) * (1.5 - 0.35 * layer)
            ink = rng.choice(inks)
            canvas.disc(at, size, ink, 46 + 18 * layer)
            canvas.ring(at, size, 0.003, mix(ink, palette.sky[1], 0.45))
        canvas.soften(0.02 - 0.008 * layer)
    return 4


def milky_way(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """A band of stars over a ridge with a small lit tent."""
    canvas.fill(palette.sky, 0.0, 1.0)
    slope, start = rng.uniform(-0.9, 0.9), rng.uniform(0.3, 0.7)
    for step in range(26):
        share = step / 25
        at = (start + slope * (share - 0.5) + rng.uniform(-0.03, 0.03), share * 0.9)
        canvas.glow(at, rng.uniform(0.12, 0.22), mix(palette.accent, palette.light, 0.45), 0.16)
    for _ in range(420):
        share = rng.random()
        x = start + slope * (share - 0.5) + rng.gauss(0, 0.07)
        canvas.disc(
            (x, share * 0.9), rng.choice((0.0008, 0.0014)), palette.light, rng.randint(60, 220)
        )
    stars(canvas, palette, rng, 240, 0.85)
    for layer in range(2):
        base = 0.8 + 0.1 * layer
        ground = mix(palette.far, palette.near, 0.6 + 0.4 * layer)
        canvas.below([base - 0.1 * (h + 0.2) / (1 + layer) for h in ridge(rng, 0.52)], ground)
    x = rng.uniform(0.2, 0.8)
    canvas.glow((x, 0.92), 0.2, palette.accent, 0.6)
    for side, shade in ((-0.05, 0.15), (0.05, 0.45)):
        canvas.polygon(
            [(x, 0.87), (x + side, 0.955), (x, 0.955)], mix(palette.accent, palette.near, shade)
        )
    return 4


def _towers(
    canvas: Canvas,
    palette: Palette,
    rng: random.Random,
    reach: tuple[float, float],
    colour: tuple[int, int, int],
) -> None:
    base, swing = reach
    x = -0.02
    while x < 1.0:
        wide = rng.uniform(0.035, 0.09)
        top = base + rng.uniform(-swing, 0.1)
        canvas.rectangle((x, top), (x + wide, 1.0), colour)
        if rng.random() < 0.25:
            canvas.line([(x + wide / 2, top), (x + wide / 2, top - 0.06)], colour, 0.004)
        columns = max(2, round(wide / 0.014))
        for column in range(columns):
            for floor in range(int((0.92 - top) / 0.03)):
                if rng.random() < 0.3:
                    left = x + wide * (column + 0.28) / columns
                    up = top + 0.014 + floor * 0.03
                    lamp = palette.accent if rng.random() < 0.3 else palette.light
                    canvas.rectangle(
                        (left, up), (left + wide * 0.5 / columns, up + 0.013), lamp, 170
                    )
        x += wide + rng.uniform(0.0, 0.012)


def _banded_disc(
    canvas: Canvas,
    palette: Palette,
    rng: random.Random,
    at: tuple[float, float],
    radius: float,
) -> None:
    inks = [palette.far, palette.accent, palette.light, palette.sky[-1], palette.far]
    rng.shuffle(inks)
    down = radius * canvas.short / canvas.high
    across = radius * canvas.short / canvas.wide
    rows = 60
    for row in range(rows):
        upper = -1 + 2 * row / rows
        half = math.sqrt(max(0.0, 1 - (upper + 1 / rows) ** 2))
        ink = mix(along(inks, row / rows + 0.02 * rng.random()), palette.near, 0.15)
        top, foot = at[1] + upper * down, at[1] + (upper + 2 / rows) * down
        canvas.rectangle((at[0] - half * across, top), (at[0] + half * across, foot), ink)
    # A darker far side: crescents of shade, each a little further in.
    for step in range(10):
        shift = across * (0.25 + 0.08 * step)
        night = [
            (at[0] + across * math.sin(turn), at[1] - down * math.cos(turn))
            for turn in (math.pi * part / 40 for part in range(41))
        ]
        dusk = [(x - (x - at[0]) * min(1.0, shift / across), y) for x, y in reversed(night)]
        canvas.polygon([*night, *dusk], palette.near, 26)


def _front_of_ring(
    canvas: Canvas, palette: Palette, at: tuple[float, float], radius: float, tilt: float
) -> None:
    across, down = radius * canvas.short / canvas.wide, radius * canvas.short / canvas.high
    turns = [math.pi * part / 60 for part in range(61)]
    for inner, outer, ink, alpha in (
        (1.5, 1.72, mix(palette.light, palette.far, 0.2), 235),
        (1.76, 2.0, mix(palette.light, palette.accent, 0.5), 200),
    ):
        far = [
            (at[0] + outer * across * math.cos(t), at[1] + outer * down * tilt * math.sin(t))
            for t in turns
        ]
        near = [
            (at[0] + inner * across * math.cos(t), at[1] + inner * down * tilt * math.sin(t))
            for t in turns
        ]
        canvas.polygon([*far, *reversed(near)], ink, alpha)
