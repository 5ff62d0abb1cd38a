"""confluent-kafka's client for topics and groups, which says why it cannot connect."""

from typing import Any

from services.adapters.kafka.errors import Refusals
from services.adapters.kafka.handles import AdminClient
from services.adapters.kafka.settings import KafkaSettings


class Admin(AdminClient):
    """`list_topics` raises `KafkaUnavailableError` with the cause; ask it before anything else."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._refusals = Refusals()
        super().__init__(settings.brokers() | {"error_cb": self._refusals})

    def list_topics(self, *args: Any, **kwargs: Any) -> Any:
        with self._refusals.explained(lambda: self.poll(0)):
            return super().list_topics(*args, **kwargs)
