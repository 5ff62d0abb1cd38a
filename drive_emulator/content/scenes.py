"""What can be painted: landscapes, night skies and prints. Every scene takes any palette."""

import math
import random

from drive_emulator.content.canvas import Canvas, Colour, Palette, Point, mix, ridge


def _sun(canvas: Canvas, palette: Palette, rng: random.Random, y: float, size: float) -> Point:
    at = (rng.uniform(0.2, 0.8), y)
    canvas.glow(at, 0.6, palette.light, 0.7)
    canvas.disc(at, size * rng.uniform(0.7, 1.2), palette.light)
    return at


def _stars(canvas: Canvas, palette: Palette, rng: random.Random, count: int) -> None:
    for _ in range(count):
        at = (rng.random(), rng.random() * 0.85)
        canvas.disc(at, rng.choice((0.0008, 0.0012, 0.0022)), palette.light, rng.randint(70, 240))


def _firs(canvas: Canvas, rng: random.Random, ink: Colour, ground: float, tallest: float) -> None:
    for index in range(24):
        x, tall = (index + rng.uniform(0.1, 0.9)) / 24, tallest * rng.uniform(0.45, 1.0)
        half = tall * rng.uniform(0.16, 0.22) / canvas.aspect
        for tier in range(5):
            top, wide = ground - tall * (1 - tier * 0.17), half * (0.34 + 0.165 * tier)
            foot = top + tall * 0.33
            canvas.polygon([(x, top), (x - wide, foot), (x + wide, foot)], ink)


def alps(canvas: Canvas, palette: Palette, rng: random.Random) -> None:
    """Ranges behind ranges, with mist in the valleys and firs in front."""
    canvas.fill(palette.sky, 0.0, 0.8)
    _sun(canvas, palette, rng, rng.uniform(0.2, 0.42), 0.05)
    for layer in range(1, 6):
        depth, base = layer / 5, 0.38 + 0.1 * layer
        heights = [base - (0.17 - 0.07 * depth) * (h + 0.35) for h in ridge(rng, 0.56)]
        colour = mix(palette.far, palette.near, depth**1.4)
        canvas.below(heights, mix(colour, palette.sky[-1], 0.35 * (1 - depth)))
        if depth < 1:
            canvas.mist(base - 0.05, base + 0.16, palette.sky[-1], 0.5 * (1 - depth) + 0.1)
    _firs(canvas, rng, mix(palette.near, (0, 0, 0), 0.45), 0.99, 0.13)


def foggy_forest(canvas: Canvas, palette: Palette, rng: random.Random) -> None:
    """Rows of firs that fade into fog."""
    canvas.fill(palette.sky[1:])
    canvas.glow((rng.uniform(0.25, 0.75), rng.uniform(0.15, 0.4)), 0.75, palette.light, 0.75)
    for row in range(1, 7):
        depth, base = row / 6, 0.5 + 0.56 * row / 6
        colour = mix(mix(palette.far, palette.sky[-1], 0.55), palette.near, depth**1.2)
        canvas.below([base + 0.02 * h for h in ridge(rng, 0.5)], colour)
        _firs(canvas, rng, colour, base + 0.03, 0.16 + 0.2 * depth)
        canvas.mist(base - 0.12, base + 0.1, palette.sky[-1], 0.4 * (1 - depth) + 0.08)


def dunes(canvas: Canvas, palette: Palette, rng: random.Random) -> None:
    """Waves of sand, one side of each in the shade."""
    canvas.fill(palette.sky, 0.0, 0.62)
    _sun(canvas, palette, rng, rng.uniform(0.14, 0.32), 0.06)
    for layer in range(6):
        crest, tall, base = rng.randint(8, 52), rng.uniform(0.08, 0.17), 0.46 + 0.09 * layer
        line = [base - tall * math.exp(-(((s - crest) / 18) ** 2)) for s in range(61)]
        lit = mix(palette.accent, palette.sky[-1], 0.65 - 0.06 * layer)
        canvas.below(line, lit)
        shaded = [(s / 60, line[s]) for s in range(crest, 61)]
        foot = [(1.0, 1.0), (crest / 60 + 0.1, 1.0), (crest / 60 - 0.09, base + 0.05)]
        canvas.polygon([*shaded, *foot], mix(lit, palette.near, 0.22 + 0.05 * layer))


def skyline(canvas: Canvas, palette: Palette, rng: random.Random) -> None:
    """Towers with lit windows under the moon."""
    canvas.fill(palette.sky)
    _stars(canvas, palette, rng, 110)
    _sun(canvas, palette, rng, rng.uniform(0.12, 0.28), 0.07)
    for row in range(1, 4):
        x, colour = -0.02, mix(palette.far, palette.near, (row / 3) ** 0.8)
        while x < 1.0:
            wide, top = rng.uniform(0.035, 0.09), 0.37 + 0.13 * row + rng.uniform(-0.27, 0.1)
            canvas.rectangle((x, top), (wide, 1.0 - top), colour)
            for number in range(5 * int((0.95 - top) / 0.03)):
                if rng.random() < 0.3:
                    at = (x + wide * (number % 5 + 0.28) / 5, top + 0.014 + number // 5 * 0.03)
                    lamp = rng.choice((palette.accent, palette.light, palette.light))
                    canvas.rectangle(at, (wide * 0.1, 0.013), lamp, 170)
            x += wide + rng.uniform(0.0, 0.012)


def paper_waves(canvas: Canvas, palette: Palette, rng: random.Random) -> None:
    """Waves of cut paper with soft shadows."""
    inks = [palette.light, *palette.sky, palette.near]
    canvas.fill((palette.sky[0], mix(palette.sky[0], palette.sky[1], 0.2)))
    canvas.disc((rng.uniform(0.2, 0.8), 0.28), rng.uniform(0.12, 0.2), palette.accent)
    for layer in range(7):
        swing, bend, phase = rng.uniform(0.03, 0.09), rng.uniform(3.5, 8.5), rng.uniform(0, 6.3)
        base = 0.36 + 0.09 * layer
        line = [base + swing * math.sin(phase + bend * step / 90) for step in range(91)]
        ink = inks[layer % len(inks)]
        canvas.below([y - 0.012 for y in line], mix(ink, palette.near, 0.25))
        canvas.below(line, ink)


def sunset_sea(canvas: Canvas, palette: Palette, rng: random.Random) -> None:
    """The sun over the sea, its reflection, and islands."""
    horizon = rng.uniform(0.48, 0.6)
    canvas.fill(palette.sky, 0.0, horizon)
    sun = _sun(canvas, palette, rng, horizon - rng.uniform(0.0, 0.15), 0.09)
    for _ in range(rng.randint(0, 3)):
        x, size, island = rng.random(), rng.uniform(0.02, 0.1), mix(palette.far, palette.near, 0.5)
        canvas.disc((x, horizon + 0.2 * size), size, island)
        canvas.disc((x + 1.1 * size, horizon), size * rng.uniform(0.3, 0.8), island)
    canvas.fill((mix(palette.sky[-1], palette.far, 0.45), palette.far, palette.near), horizon)
    for index in range(160):
        near = rng.random()
        x = rng.random() if index % 3 else rng.gauss(sun[0], 0.04 + 0.1 * near)
        at, dash = (x, horizon + (1 - horizon) * near), (0.02 + 0.06 * near, 0.001 + 0.004 * near)
        canvas.rectangle(at, dash, palette.light, 40 if index % 3 else 130)


def northern_lights(canvas: Canvas, palette: Palette, rng: random.Random) -> None:
    """Curtains of light over a snowy ridge, under stars."""
    canvas.fill(palette.sky, 0.0, 0.9)
    for _ in range(3):
        base, phase, bend = rng.uniform(0.3, 0.6), rng.uniform(0, 6.3), rng.uniform(2.0, 5.0)
        for step in range(75):
            x, part = step // 3 / 24, step % 3
            y = base + 0.1 * math.sin(phase + bend * x) + 0.03 * math.sin(3 * phase + 13 * x)
            ink = mix(palette.accent, palette.sky[-1], part / 3)
            canvas.glow((x, y - 0.09 * part), rng.choice((0.11, 0.15)), ink, 0.32 - 0.07 * part)
    _stars(canvas, palette, rng, 260)
    for layer in range(3):
        snow = mix(mix(palette.far, (235, 242, 250), 0.3), palette.near, 0.4 * layer)
        line = [0.76 + 0.08 * layer - 0.07 * (h + 0.3) / (1 + layer) for h in ridge(rng, 0.5)]
        canvas.below(line, snow)


def quarter_circles(canvas: Canvas, palette: Palette, rng: random.Random) -> None:
    """A grid of quarter circles."""
    inks = [*palette.sky, palette.far, palette.near, palette.accent]
    columns = rng.choice((4, 5, 6))
    rows = max(2, round(columns / canvas.aspect))
    wide, high, radius = 1 / columns, 1 / rows, canvas.width / columns / canvas.short
    for number in range(columns * rows):
        left, top, corner = number % columns * wide, number // columns * high, rng.randrange(4)
        ground, shape = rng.sample(inks, 2)
        canvas.rectangle((left, top), (wide, high), ground)
        at = (left + wide * (corner in (1, 2)), top + high * (corner > 1))
        canvas.pie(at, radius, corner * 90, shape)
