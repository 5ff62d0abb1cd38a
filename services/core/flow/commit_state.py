"""What a commit says in its metadata, beyond its offset. Pure; see decisions/0009 and 0044."""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise
from typing import Literal

import msgspec

from services.core.flow.range_set import Range, RangeSet

LONGEST_METADATA = 3_500
"""Characters. A broker takes 4,096 (`offset.metadata.max.bytes`)."""
MARGIN = 128
"""Messages that may be started between two commits: 500 a second at four commits a second."""
SUSPECT_DEATHS = 3
"""Deaths over one stretch of the log after which its messages are worked on one at a time."""
ALONE_DEATHS = 2
"""Deaths over a message that was worked on alone after which it is set aside. Whoever kills workers
from outside hits such a message once by chance, and hardly twice."""

Packed = tuple[Literal[1], int, int, int, int | None, bool, list[int]]
"""A version, and the fields of `CommitState` up to `idle`: the ranges as distances from edge to
edge."""
PackedAhead = tuple[list[int], list[int]]
"""`ahead` and `shunned`. They follow in a stream of their own, which older code does not read."""
PackedKilled = tuple[int, int]
"""`killed`, in a third stream."""


@dataclass(frozen=True)
class CommitState:
    """What a commit says beyond its offset.

    `started` is the offset after the newest message that may have been started in its turn.
    `deaths` counts how often in a row a worker died before the commit reached `suspect_until`.
    `alone` is the message that was worked on alone, and `killed` the one over which workers died
    then, with how often. `idle`: nothing was in hand, so a death proves
    nothing. `ahead` was begun out of turn and is not finished. `shunned` was in hand out of turn
    when workers died `SUSPECT_DEATHS` times in a row, so it waits for its turn.
    """

    finished: tuple[Range, ...] = ()
    started: int = 0
    deaths: int = 0
    suspect_until: int = 0
    alone: int | None = None
    idle: bool = True
    ahead: tuple[Range, ...] = ()
    shunned: tuple[Range, ...] = ()
    killed: tuple[int, int] | None = None

    def encode(self, offset: int) -> str:
        """The metadata of a commit at `offset`. If it would be too long, what finished last counts
        as begun, so that it is done again; and ranges of what is begun grow together, so that more
        than need be counts as begun."""
        state = self
        while len(text := state._encoded(offset)) > LONGEST_METADATA:
            state = state._shorter()
        return text

    def for_next_owner(self, offset: int) -> "CommitState":
        """What the next owner must assume: a death, unless idle."""
        started = max(self.started, offset)
        if self.idle:
            return CommitState(self.finished, started, ahead=self.ahead, shunned=self.shunned)
        started, deaths = started + MARGIN, self.deaths + 1
        shuns = deaths >= SUSPECT_DEATHS
        return replace(
            self,
            started=started,
            deaths=deaths,
            suspect_until=max(self.suspect_until, started),
            alone=None,
            killed=self._killed(),
            ahead=() if shuns else self.ahead,
            shunned=(*self.shunned, *self.ahead) if shuns else self.shunned,
        )

    def _killed(self) -> tuple[int, int] | None:
        if self.alone is None:
            return self.killed
        before, times = self.killed or (None, 0)
        return self.alone, times + 1 if before == self.alone else 1

    @classmethod
    def decode(cls, offset: int, metadata: str | None) -> "CommitState | None":
        """What an earlier owner left; None where it left nothing that can be read."""
        try:
            packed, rest = _inflated(base64.b85decode(metadata or ""))
            _, started, deaths, until, alone, idle, steps = msgspec.json.decode(packed, type=Packed)
            beyond: PackedAhead = [], []
            killed = None
            if rest:
                text, rest = _inflated(rest)
                beyond = msgspec.json.decode(text, type=PackedAhead)
            if rest:
                killed = msgspec.json.decode(_inflated(rest)[0], type=PackedKilled)
            finished, ahead, shunned = (_ranges(offset, each) for each in (steps, *beyond))
        except (ValueError, zlib.error):
            return None
        return cls(finished, started, deaths, until, alone, idle, ahead, shunned, killed)

    def _encoded(self, offset: int) -> str:
        steps = _steps(offset, self.finished)
        packed = 1, self.started, self.deaths, self.suspect_until, self.alone, self.idle, steps
        streams = zlib.compress(msgspec.json.encode(packed), 1)
        if self.ahead or self.shunned or self.killed:
            beyond = _steps(offset, self.ahead), _steps(offset, self.shunned)
            streams += zlib.compress(msgspec.json.encode(beyond), 1)
        if self.killed:
            streams += zlib.compress(msgspec.json.encode(self.killed), 1)
        return base64.b85encode(streams).decode()

    def _shorter(self) -> "CommitState":
        if self.finished:
            half = len(self.finished) // 2
            begun = self.finished[half][0], self.finished[-1][1]
            ahead = tuple(RangeSet([*self.ahead, begun]))
            return replace(self, finished=self.finished[:half], ahead=ahead)
        return replace(self, ahead=_coarser(self.ahead), shunned=_coarser(self.shunned))


def _inflated(stream: bytes) -> tuple[bytes, bytes]:
    """What the first stream holds, and what follows it."""
    inflate = zlib.decompressobj()
    text = inflate.decompress(stream)
    if not inflate.eof:
        raise ValueError("the metadata is cut off")
    return text, inflate.unused_data


def _steps(offset: int, ranges: Sequence[Range]) -> list[int]:
    return [b - a for a, b in pairwise([offset, *chain.from_iterable(ranges)])]


def _ranges(offset: int, steps: Sequence[int]) -> tuple[Range, ...]:
    _, *edges = accumulate(steps, initial=offset)
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _coarser(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    """Half as many, which hold at least the same."""
    apart = tuple(RangeSet(ranges))
    pairs = [apart[at : at + 2] for at in range(0, len(apart), 2)]
    return tuple((pair[0][0], pair[-1][1]) for pair in pairs)
