"""A batch, folded: it waits to be written while the one before it is.

What is loaded for it was asked for before the rows of the one before it were written. So these are
laid over what was loaded.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from services.adapters.catalog.bulk import Packed, pack
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.writer import Position
from services.adapters.kafka.reader import Raw
from services.indexer.fold import fold
from services.indexer.reading import Batch

Moves = Mapping[Position, tuple[int, int]]


class LoadsRows(Protocol):
    """The part of `CatalogWriter` that a fold needs."""

    def load(self, wanted: Rows) -> Rows: ...


class Folded(NamedTuple):
    """The rows of a batch as they are and as they are to be written, what differs in PostgreSQL's
    form, from where to where the batch moves the offsets, and what of it cannot be decoded, each
    with the reason."""

    before: Rows
    after: Rows
    packed: Packed
    moves: Moves
    undecodable: Sequence[tuple[Raw, str]]


def folded_onto(
    written: Folded | None, found: Callable[[], Rows], batch: Batch, moves: Moves
) -> Folded:
    """Fold a batch onto the rows that were found, as they are once `written` is written."""
    before = found()
    if written is not None:
        lay_over(before, written.after, batch.rows)
    after = fold(before, batch.rows)
    return Folded(before, after, pack(before, after), moves, batch.undecodable)


def folded(catalog: LoadsRows, rows: Rows) -> tuple[Rows, Rows]:
    """The rows as they are, and as they are to be written."""
    before = catalog.load(rows)
    return before, fold(before, rows)


def lay_over(found: Rows, newer: Rows, wanted: Rows) -> None:
    """Put what was found of `wanted` in the state of `newer`, as far as that has it.

    Both hold the root folders of their imports, and `found` does afterwards.
    """
    for field in Rows.__struct_fields__:
        rows, theirs = getattr(found, field), getattr(newer, field)
        for key in getattr(wanted, field).keys() & theirs.keys():
            rows[key] = theirs[key]
    for row in found.imports.values():
        root = row.id, row.folder_id or ""
        if root in newer.folders:
            found.folders[root] = newer.folders[root]


def moves_of(read: dict[Position, int], batch: Sequence[Raw]) -> Moves:
    """From where to where a batch moves the offsets; moves those that are `read` too."""
    ends = {(raw.topic, raw.partition): raw.offset + 1 for raw in batch}
    moves = {position: (read[position], end) for position, end in ends.items()}
    read.update(ends)
    return moves
