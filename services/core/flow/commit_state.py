"""What a commit says in its metadata, beyond its offset. Pure; see decisions/0009 and 0044."""

import base64
import zlib
from collections.abc import Iterable, Iterator, Sequence
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
"""Deaths over one stretch of the log after which its messages are worked on in small batches."""
BATCH = 16
"""Suspects in hand at once, at most. If a worker dies over a batch, each of it is worked on
alone."""
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
PackedBatch = tuple[list[int] | None, list[int]]
"""`batch` and `isolated`, in a fourth stream."""
EMPTY = b"[[],[]]", b"[-1,0]", b"[null,[]]"
"""What the second stream and those after it hold if they say nothing. Those at the end are left
out."""


@dataclass(frozen=True)
class CommitState:
    """What a commit says beyond its offset.

    `started` is the offset after the newest message that may have been started in its turn.
    `deaths` counts how often in a row a worker died before the commit reached `suspect_until`.
    `alone` is the message that was worked on alone, and `killed` the one over which workers died
    then, with how often. `idle`: nothing was in hand, so a death proves
    nothing. `ahead` was begun out of turn and is not finished. `shunned` was in hand out of turn
    when workers died `SUSPECT_DEATHS` times in a row, so it waits for its turn.

    A worker with a batch of suspects in hand, of whichever partitions, has nothing else in hand.
    `batch` is this partition's part of it, maybe none, and None at all other times. `isolated` was
    in a batch when a worker died, so each of it is worked on alone.
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
    batch: tuple[Range, ...] | None = None
    isolated: tuple[Range, ...] = ()

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
            return replace(self, started=started, alone=None, batch=None)
        started += MARGIN
        if self.batch is not None:  # it died of one of these, if of any here
            isolated = tuple(RangeSet([*self.isolated, *self.batch]))
            return replace(
                self,
                started=started,
                alone=None,
                killed=self._killed(),
                batch=None,
                isolated=isolated,
            )
        deaths = self.deaths + 1
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
            texts = list(_inflated(base64.b85decode(metadata or "")))
            packed, *others = (*texts, *EMPTY[len(texts) - 1 :])
            _, started, deaths, until, alone, idle, steps = msgspec.json.decode(packed, type=Packed)
            ahead, shunned = msgspec.json.decode(others[0], type=PackedAhead)
            killed, times = msgspec.json.decode(others[1], type=PackedKilled)
            batch, isolated = msgspec.json.decode(others[2], type=PackedBatch)
            return cls(
                finished=_ranges(offset, steps),
                started=started,
                deaths=deaths,
                suspect_until=until,
                alone=alone,
                idle=idle,
                ahead=_ranges(offset, ahead),
                shunned=_ranges(offset, shunned),
                killed=(killed, times) if times else None,
                batch=None if batch is None else _ranges(offset, batch),
                isolated=_ranges(offset, isolated),
            )
        except (ValueError, zlib.error):
            return None

    def _encoded(self, offset: int) -> str:
        steps = _steps(offset, self.finished)
        packed = 1, self.started, self.deaths, self.suspect_until, self.alone, self.idle, steps
        batch = None if self.batch is None else _steps(offset, self.batch)
        parts = (
            packed,
            (_steps(offset, self.ahead), _steps(offset, self.shunned)),
            self.killed or (-1, 0),
            (batch, _steps(offset, self.isolated)),
        )
        texts = [msgspec.json.encode(part) for part in parts]
        while texts[1:] and texts[-1] == EMPTY[len(texts) - 2]:
            texts.pop()
        return base64.b85encode(b"".join(zlib.compress(text, 1) for text in texts)).decode()

    def _shorter(self) -> "CommitState":
        if self.finished:
            half = len(self.finished) // 2
            begun = self.finished[half][0], self.finished[-1][1]
            ahead = tuple(RangeSet([*self.ahead, begun]))
            return replace(self, finished=self.finished[:half], ahead=ahead)
        return replace(
            self,
            ahead=_coarser(self.ahead),
            shunned=_coarser(self.shunned),
            isolated=_coarser(self.isolated),
        )


def _inflated(streams: bytes) -> Iterator[bytes]:
    """What each of them holds, one behind the other."""
    while True:
        inflate = zlib.decompressobj()
        text = inflate.decompress(streams)
        if not inflate.eof:
            raise ValueError("the metadata is cut off")
        yield text
        if not (streams := inflate.unused_data):
            return


def _steps(offset: int, ranges: Sequence[Range]) -> list[int]:
    return [b - a for a, b in pairwise([offset, *chain.from_iterable(ranges)])]


def _ranges(offset: int, steps: Sequence[int]) -> tuple[Range, ...]:
    _, *edges = accumulate(steps, initial=offset)
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _coarser(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Half as many, which hold at least the same."""
    apart = tuple(RangeSet(ranges))
    pairs = [apart[at : at + 2] for at in range(0, len(apart), 2)]
    return tuple((pair[0][0], pair[-1][1]) for pair in pairs)
