"""From raw deliveries to events."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.adapters.kafka.consumer import Delivery, Subscription
from services.adapters.kafka.dead_letters import PublishesRecords, publish_dead_letter
from services.core import events as e
from services.core.wire import UndecodableError, decode


@dataclass(frozen=True)
class ReceivedEvent:
    """`ports.Received`, over a delivery."""

    event: e.Message
    delivery: Delivery

    @property
    def alive(self) -> bool:
        """False once another worker will do it."""
        return self.delivery.alive

    def done(self) -> None:
        """Let Kafka forget the message."""
        self.delivery.done()

    def leave(self) -> None:
        """Leave the message to the next owner."""
        self.delivery.leave()


async def received(
    subscription: Subscription, publisher: PublishesRecords, *, service: str
) -> AsyncIterator[ReceivedEvent]:
    """The subscription's events; an undecodable record becomes a dead letter, and never blocks."""
    async for delivery in subscription:
        try:
            event = decode(delivery.record.topic, delivery.record.value)
        except UndecodableError as why:
            await publish_dead_letter(publisher, delivery.record, str(why), service=service)
            delivery.done()
        else:
            yield ReceivedEvent(event, delivery)
