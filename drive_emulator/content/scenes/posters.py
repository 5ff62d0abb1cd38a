"""Flat colours and plain shapes: what a silk-screen printer would do."""

import math
import random

from drive_emulator.content.scenes.paint import Canvas, Colour, Point, along, mix
from drive_emulator.content.scenes.palettes import Palette


def quarter_circles(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """A grid of quarter circles, half circles and dots. Returns the grain (none)."""
    inks = [*palette.sky[1:], palette.far, palette.near, palette.accent]
    columns = rng.choice((4, 5, 6))
    rows = max(2, round(columns / canvas.aspect))
    wide, high = 1 / columns, 1 / rows
    radius = canvas.wide * wide / canvas.short
    canvas.fill((palette.sky[0], palette.sky[0]))
    for column in range(columns):
        for row in range(rows):
            ground, shape = rng.sample(inks, 2)
            left, top = column * wide, row * high
            if rng.random() < 0.3:
                ground = palette.sky[0]
            canvas.rectangle((left, top), (left + wide, top + high), ground)
            kind = rng.randrange(4)
            if kind < 2:
                corner = rng.randrange(4)
                at = (left + wide * (corner in (1, 2)), top + high * (corner > 1))
                canvas.pie(at, radius, (corner * 90, corner * 90 + 90), shape)
            elif kind == 2:
                canvas.disc((left + wide / 2, top + high / 2), radius * 0.36, shape)
            else:
                turn = rng.choice((0, 90, 180, 270))
                canvas.pie((left + wide / 2, top + high / 2), radius / 2, (turn, turn + 180), shape)
    return 0


def paper_waves(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Cut paper in waves, one above the other, with soft shadows."""
    inks = [palette.light, *palette.sky, palette.near]
    canvas.fill((palette.sky[0], mix(palette.sky[0], palette.sky[1], 0.2)))
    sun = (rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.35))
    canvas.disc(sun, rng.uniform(0.12, 0.2), palette.accent)
    layers = rng.randint(6, 8)
    for layer in range(layers):
        base = 0.36 + 0.62 * layer / layers
        swing, bend = rng.uniform(0.03, 0.09), rng.uniform(3.5, 8.5)
        phase = rng.uniform(0, 6.3)
        outline = [base + swing * math.sin(phase + bend * step / 90) for step in range(91)]
        for shadow in range(5):
            canvas.below(
                [y - 0.004 * (shadow + 1) for y in outline],
                mix(along(inks, (layer + 0.4) / layers), palette.near, 0.12),
            )
        canvas.below(outline, along(inks, (layer + 1) / layers))
    return 3


def sunburst(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Rays from a half sun over striped hills, in the manner of old travel posters."""
    paper, warm, mid, deep = palette.sky
    at = (rng.uniform(0.3, 0.7), rng.uniform(0.5, 0.66))
    canvas.fill((paper, paper))
    rays = rng.choice((14, 18, 22))
    for ray in range(rays):
        turn = 2 * math.pi * ray / rays
        edges = [turn - math.pi / rays / 2, turn + math.pi / rays / 2]
        far = [
            (at[0] + 1.6 * math.cos(e), at[1] + 1.6 * canvas.aspect * math.sin(e)) for e in edges
        ]
        canvas.polygon([at, *far], mix(paper, palette.accent, 0.55))
    for ring, ink in enumerate((warm, mid, palette.light)):
        canvas.disc(at, 0.27 - 0.07 * ring, ink)
    for hill in range(4):
        base = at[1] + 0.03 + 0.11 * hill
        phase, bend = rng.uniform(0, 6.3), rng.uniform(2.5, 5)
        outline = [base + 0.05 * math.sin(phase + bend * step / 60) for step in range(61)]
        canvas.below(outline, mix(deep, palette.far, 1 - hill / 3))
        canvas.line([(s / 60, y + 0.03) for s, y in enumerate(outline)], paper, 0.005, 150)
    return 0


def facets(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """A gradient folded into triangles."""
    columns = rng.choice((7, 9, 12))
    rows = max(3, round(columns / canvas.aspect))
    nodes: dict[tuple[int, int], Point] = {}
    for column in range(-1, columns + 2):
        for row in range(-1, rows + 2):
            shift = (rng.uniform(-0.38, 0.38), rng.uniform(-0.38, 0.38))
            nodes[column, row] = ((column + shift[0]) / columns, (row + shift[1]) / rows)
    inks = [*palette.sky[1:], palette.far, palette.accent]
    lean = rng.uniform(0.2, 0.8)
    for column in range(-1, columns + 1):
        for row in range(-1, rows + 1):
            corners = [nodes[column + dx, row + dy] for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1))]
            for shape in (
                (corners[0], corners[1], corners[2]),
                (corners[0], corners[2], corners[3]),
            ):
                x = sum(point[0] for point in shape) / 3
                y = sum(point[1] for point in shape) / 3
                ink = along(inks, lean * x + (1 - lean) * y + rng.uniform(-0.07, 0.07))
                canvas.polygon(shape, mix(ink, palette.sky[0], rng.uniform(0.0, 0.22)))
    return 0


def arcs(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Ribbons that turn at random: Truchet's tiles, with bands that meet at every edge."""
    paper = palette.sky[0]
    edge, core = rng.sample((*palette.sky[1:], palette.far, palette.accent), 2)
    canvas.fill((paper, paper))
    columns = rng.choice((5, 6, 8))
    pixels = canvas.wide // columns  # whole pixels, or seams would show between tiles
    side, tall, unit = pixels / canvas.wide, pixels / canvas.high, pixels / canvas.short
    for column in range(columns + 1):
        for row in range(math.ceil(1 / tall)):
            left, top = column * side, row * tall
            flip = rng.random() < 0.5
            # The paper hides what the neighbours' circles put over this tile's edge.
            canvas.rectangle((left, top), (left + side, top + tall), paper)
            corners = ((0, 0, 0), (1, 1, 180)) if flip else ((1, 0, 90), (0, 1, 270))
            for dx, dy, turn in corners:
                at = (left + dx * side, top + dy * tall)
                for share, ink in ((0.76, edge), (0.6, core), (0.4, edge), (0.24, paper)):
                    canvas.pie(at, unit * share, (turn, turn + 90), ink)
    return 0


def scales(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Seigaiha, the old Japanese pattern of waves."""
    inks = [palette.sky[2], palette.sky[3], palette.far, palette.sky[1], palette.accent]
    rng.shuffle(inks)
    canvas.fill((palette.sky[0], palette.sky[0]))
    across = rng.choice((6, 8, 10))
    step = 1 / across
    radius = step * canvas.wide / canvas.short * 0.5
    down = step * canvas.aspect * 0.25
    for row in range(-1, math.ceil(1 / down) + 3):
        for column in range(-1, across + 2):
            at = ((column + 0.5 * (row % 2)) * step, row * down)
            ink = along(inks, (row * down + 0.15 * math.sin(column + row / 3)) * 0.9)
            for ring in range(4):
                colour = ink if ring % 2 == 0 else palette.light
                canvas.disc(at, radius * (1 - 0.24 * ring), colour)
    return 0


def leaves(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Stems with leaves and berries on paper."""
    paper, *inks = palette.sky
    canvas.fill((paper, mix(paper, palette.far, 0.18)))
    canvas.disc(
        (rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.5)),
        rng.uniform(0.24, 0.34),
        mix(palette.accent, paper, 0.35),
    )
    stems = rng.randint(5, 8)
    for stem in range(stems):
        x = (stem + 0.5) / stems + rng.uniform(-0.05, 0.05)
        ink = mix(rng.choice((*inks, palette.near, palette.far)), palette.near, 0.12)
        _stem(canvas, rng, (x, 1.05), ink, rng.choice((True, True, False)))
    return 3


def stacked_blocks(canvas: Canvas, palette: Palette, rng: random.Random) -> int:
    """Cubes in isometric steps."""
    top, left, right = palette.sky[1:4]
    canvas.fill((palette.sky[0], mix(palette.sky[0], palette.accent, 0.3)))
    across = rng.choice((4, 5, 7))
    half = 0.5 / across
    tall = half * canvas.aspect * 0.58
    for row in range(-1, math.ceil(1 / tall) + 4):
        for column in range(-1, across + 1):
            x = (column + 0.5 * (row % 2)) * 2 * half
            lift = tall * rng.choice((0, 0, 0, 1))
            y = row * tall * 1.5 + 0.12 - lift
            shade = rng.uniform(0.0, 0.25)
            up, low = y - tall, y + tall
            edge = lift + 2.2 * tall
            ink = mix(top, palette.accent, rng.choice((0.0, 0.0, 0.5)))
            canvas.polygon(
                [(x, up), (x + half, y), (x, low), (x - half, y)], mix(ink, palette.light, shade)
            )
            canvas.polygon(
                [(x - half, y), (x, low), (x, low + edge), (x - half, y + edge)],
                mix(left, palette.light, shade),
            )
            canvas.polygon(
                [(x + half, y), (x, low), (x, low + edge), (x + half, y + edge)],
                mix(right, palette.near, shade),
            )
    return 0


def _stem(canvas: Canvas, rng: random.Random, foot: Point, ink: Colour, leafy: bool) -> None:
    tall, lean, parts = rng.uniform(0.5, 0.92), rng.uniform(-0.12, 0.12), 9
    spine = [
        (foot[0] + lean * (part / parts) ** 2, foot[1] - tall * part / parts)
        for part in range(parts + 1)
    ]
    canvas.line(spine, ink, 0.006)
    for part in range(2, parts + 1):
        for side in (-1, 1):
            long = 0.12 * math.sin(math.pi * (part / parts) ** 0.8) + 0.035
            tip = (spine[part][0] + side * long * 0.8 / canvas.aspect, spine[part][1] - long * 0.75)
            if leafy:
                _leaf(canvas, spine[part], tip, ink)
            else:
                canvas.line([spine[part], tip], ink, 0.003)
                canvas.disc(tip, 0.012, ink)


def _leaf(canvas: Canvas, root: Point, tip: Point, ink: Colour) -> None:
    along_x, along_y = tip[0] - root[0], (tip[1] - root[1]) / canvas.aspect
    side_x, side_y = -along_y * 0.2, along_x * 0.2 * canvas.aspect
    upper: list[Point] = []
    lower: list[Point] = []
    for part in range(9):
        share = part / 8
        belly = math.sin(math.pi * share**0.8)
        x, y = root[0] + along_x * share, root[1] + (tip[1] - root[1]) * share
        upper.append((x + side_x * belly, y + side_y * belly))
        lower.append((x - side_x * belly, y - side_y * belly))
    canvas.polygon([*upper, *reversed(lower)], ink)
