"""Two rows of one key become one: each group of columns is taken from the greater row."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

Sums = defaultdict[tuple[str, str], int]
"""What is added to an import's columns: by column, and by reason where a column counts those."""


def greater(
    old: Struct, new: Struct, columns: Sequence[str], *, least: bool = False
) -> dict[str, Any]:
    """These columns of `new` if they are greater than those of `old`, else nothing.

    They are compared one after another. The smaller counts if `least`; null never does.
    """
    for column in columns:
        known, other = getattr(old, column), getattr(new, column)
        if known != other:
            if known is None or (other is not None and (other < known) == least):
                return {name: getattr(new, name) for name in columns}
            break
    return {}
