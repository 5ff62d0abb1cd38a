"""Messages in hand and publications, seen from the side."""

from collections.abc import Callable, Sequence

from services.core.events import Message


class InHand:
    """`ports.Received`: one message, and whether it was called done."""

    def __init__(self, event: Message, *, alive: bool = True) -> None:
        self.event = event
        self.alive = alive
        self.is_done = False
        self.is_left = False

    def done(self) -> None:
        """Remember it."""
        self.is_done = True

    def leave(self) -> None:
        """Remember that too."""
        self.is_left = True


class Publications:
    """`ports.PublishesEvents`: every batch, in the order of its acknowledgement.

    `before` is called with each batch first: it may look around, or raise as a lost broker would.
    """

    def __init__(self, before: Callable[[Sequence[Message]], None] | None = None) -> None:
        self.batches: list[Sequence[Message]] = []
        self._before = before

    @property
    def events(self) -> list[Message]:
        """All that was acknowledged, flat."""
        return [event for batch in self.batches for event in batch]

    async def publish(self, events: Sequence[Message]) -> None:
        """Acknowledge the batch."""
        if self._before is not None:
            self._before(events)
        self.batches.append(events)
