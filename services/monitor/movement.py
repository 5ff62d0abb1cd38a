"""Whether a reader of the log is behind and does not move. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Offsets = Mapping[tuple[str, int], int]
"""By topic and partition."""


@dataclass
class Movement:
    """How often in a row a reader had something to read and had read nothing since the last look.

    Looks are counted, not seconds: after a process was frozen, no time has passed for it. `lag`
    has, of each partition, how many messages are left.
    """

    lag: dict[tuple[str, int], int] = field(default_factory=dict)
    still_looks: int = 0
    _read: dict[tuple[str, int], int] = field(default_factory=dict)

    def look(self, ends: Offsets, read: Offsets) -> None:
        """Given where the log ends, and the next offset to read of each partition that is read."""
        self.lag |= {place: max(0, ends.get(place, 0) - offset) for place, offset in read.items()}
        is_still = any(self.lag.values()) and self._read == read
        self.still_looks = self.still_looks + 1 if is_still else 0
        self._read = dict(read)

    def forget(self) -> None:
        """Nothing can be said: the log's ends are not known, or nothing is read here."""
        self.still_looks = 0
        self.lag.clear()
