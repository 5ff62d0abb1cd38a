"""Text for a terminal: one line from elsewhere, a table, a time, the plural of a word."""

from collections.abc import Sequence
from datetime import datetime

from rich.cells import cell_len


def printable(text: str, length: int = 200) -> str:
    """Text from elsewhere on one line: no control characters, and cut to a length."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= length else line[: length - 1] + "…"


def columns(header: Sequence[str], rows: Sequence[Sequence[object]], last_length: int = 200) -> str:
    """A table without a frame. Numbers stand to the right, None is a dash, and only the last column
    may be long."""
    cells = [list(header)]
    for *first, last in rows:
        cells.append([*(_cell(value, 60) for value in first), _cell(last, last_length)])
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    numbers = [
        any(isinstance(value, int) for value in column) for column in zip(*rows, strict=True)
    ] or [False] * len(header)
    return "\n".join("  ".join(map(_padded, line, widths, numbers)).rstrip() for line in cells)


def _padded(text: str, width: int, to_the_right: bool) -> str:
    """A Chinese character takes two columns of a terminal, and an accent none."""
    space = " " * (width - cell_len(text))
    return space + text if to_the_right else text + space


def _cell(value: object, length: int) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "-" if value is None else printable(str(value), length)


def moment(at: datetime) -> str:
    """A time as the clocks here show it."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def size(bytes: int) -> str:
    """`812 B`, `15.2 kB`, `62.1 MB`, as Drive counts."""
    value, units = float(bytes), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1_000 and len(units) > 1:
        value, units = value / 1_000, units[1:]
    return f"{value:,.{0 if units[0] == 'B' else 1}f} {units[0]}"


def duration(seconds: float) -> str:
    """`40 s`, `3 min`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440:,} d {minutes % 1440 // 60} h"


def counted(number: int, word: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
