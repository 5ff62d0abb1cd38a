"""A set of whole numbers that lie together, kept as the ranges that they form. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

Range = tuple[int, int]
"""First and last number, both included."""


class RangeSet:
    """Ascending ranges with at least one missing number between two of them."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(ranges):
            self._append(first, last)

    def __iter__(self) -> Iterator[Range]:
        return zip(self._firsts, self._lasts, strict=True)

    def __len__(self) -> int:
        """How many ranges, not numbers."""
        return len(self._firsts)

    def __contains__(self, number: int) -> bool:
        at = bisect_left(self._lasts, number)
        return at < len(self._lasts) and self._firsts[at] <= number

    def add(self, number: int) -> None:
        at = bisect_left(self._lasts, number)
        if at < len(self._lasts) and self._firsts[at] <= number:
            return
        joins_left = at > 0 and self._lasts[at - 1] == number - 1
        joins_right = at < len(self._firsts) and self._firsts[at] == number + 1
        if joins_left and joins_right:
            self._lasts[at - 1] = self._lasts.pop(at)
            del self._firsts[at]
        elif joins_left:
            self._lasts[at - 1] = number
        elif joins_right:
            self._firsts[at] = number
        else:
            self._firsts.insert(at, number)
            self._lasts.insert(at, number)

    def forget_below(self, number: int) -> None:
        """Drop all smaller numbers."""
        at = bisect_left(self._lasts, number)
        del self._firsts[:at], self._lasts[:at]
        if self._firsts and self._firsts[0] < number:
            self._firsts[0] = number

    def _append(self, first: int, last: int) -> None:
        if last < first:
            return
        if self._lasts and first <= self._lasts[-1] + 1:
            self._lasts[-1] = max(self._lasts[-1], last)
        else:
            self._firsts.append(first)
            self._lasts.append(last)
