"""The files that a listing passes, in order: runs of a layout, and what was put in since."""

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from drive_emulator.tree.tree import Tree


class TreeSlice(NamedTuple):
    """A part of one tree: disjoint runs of ordinals, and ranks (see `overlay`), both in order."""

    tree: Tree
    runs: list[range]
    put: Sequence[int]

    @property
    def length(self) -> int:
        """At most so many files."""
        return sum(map(len, self.runs)) + len(self.put)

    def ordinals(self, after: int | None) -> Iterator[int]:
        """Every file of it once, behind the rank `after` if there is one."""
        runs = self.runs if after is None else [_behind(run, after) for run in self.runs]
        laid: Iterator[int] = chain.from_iterable(runs)
        if not self.put:
            return laid
        start = 0 if after is None else bisect_right(self.put, after)
        ranks = heapq.merge(laid, self.put[start:])
        return map(self.tree.ordinal, _once(ranks))


def everything(tree: Tree) -> TreeSlice:
    """All of a tree, its root too."""
    layout = tree.layout
    return TreeSlice(tree, [range(layout.folders + layout.files)], tree.put(None))


def children(tree: Tree, folders: Iterable[int]) -> TreeSlice:
    """What is or once was in these folders: the query tells which."""
    known = list(folders)
    return TreeSlice(tree, tree.laid(known), tree.put(known))


def _behind(run: range, after: int) -> range:
    return run[max(0, after + 1 - run.start) :]


def _once(ranks: Iterator[int]) -> Iterator[int]:
    """Where an item was moved from one of the folders to another, it is met twice, in a row."""
    last: int | None = None
    for rank in ranks:
        if rank != last:
            yield rank
        last = rank
