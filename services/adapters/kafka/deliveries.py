"""A message on its way from the consumer's thread to its task, and the partition that it is of."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from services.adapters.kafka.reader import Raw
from services.core.events import Place
from services.core.flow.lookahead import Lookahead
from services.core.flow.offsets import History, Offsets
from services.core.ownership import NOBODYS, Ownership
from services.core.ports import Received
from services.core.trace_context import HEADER

Task = asyncio.Task[None]


@dataclass(eq=False)
class Assignment:
    """`tasks` and `active` belong to the event loop, the rest to the consumer's thread."""

    offsets: Offsets = field(default_factory=Offsets)
    # librdkafka keeps a pause beyond the assignment that it was made in, so a partition that comes
    # back may be paused without our knowing. It is resumed once, as if we had paused it.
    paused: bool = True
    announced: bool = False
    active: bool = True
    tasks: set[Task] = field(default_factory=set)
    in_turn: Counter[str] = field(default_factory=Counter)  # by owner, unfinished
    lookahead: Lookahead | None = None  # while there is a backlog

    def finish(self, delivery: "Delivery") -> None:
        owner = delivery.ownership.owner
        self.offsets.finish(delivery.record.offset)
        if not delivery.ahead:
            self.in_turn[owner] -= 1
            if self.in_turn[owner] <= 0:
                del self.in_turn[owner]
        elif self.lookahead is not None:
            self.lookahead.finished(owner)


@dataclass(frozen=True)
class Delivery:
    """`ahead`: out of turn."""

    record: Raw
    assignment: Assignment
    history: History = History.NEW
    ownership: Ownership = NOBODYS
    ahead: bool = False

    @property
    def suspected(self) -> bool:
        """Whether nothing but others like it may be in hand while it is worked on."""
        return self.history in {History.SUSPECT, History.ISOLATED}

    @property
    def received(self) -> Received:
        record = self.record
        place = Place(topic=record.topic, partition=record.partition, offset=record.offset)
        return Received(
            place=place,
            redelivered=self.history is not History.NEW,
            traceparent=record.headers.get(HEADER, b""),
        )
