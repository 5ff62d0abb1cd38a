"""Where Kafka is, and what our topics and groups are called there."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka import KafkaError

from services.adapters.kafka.security import KafkaSecurity
from services.adapters.kafka.trouble import TroubleLog
from services.core.settings import Reader

PREFIX = re.compile(r"[A-Za-z0-9._-]{0,100}")


@dataclass(frozen=True, kw_only=True)
class KafkaSettings:
    """The brokers. `topic_prefix` lets several installations share one cluster."""

    bootstrap_servers: str
    topic_prefix: str = ""
    security: KafkaSecurity = field(default_factory=KafkaSecurity)
    trouble: TroubleLog = field(default_factory=TroubleLog, compare=False, repr=False)

    @classmethod
    def read(cls, reader: Reader) -> "KafkaSettings":
        prefix = reader.text("KAFKA_TOPIC_PREFIX", "")
        if not PREFIX.fullmatch(prefix):
            reader.faults.append(
                "KAFKA_TOPIC_PREFIX must be at most 100 letters, digits, dots, hyphens and "
                "underscores."
            )
        servers = reader.text("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:29092")
        if "@" in servers or "://" in servers:  # shown in messages, so it must hold no password
            reader.faults.append(
                "KAFKA_BOOTSTRAP_SERVERS must be host:port, or several separated by commas."
            )
        security = KafkaSecurity.read(reader)
        return cls(bootstrap_servers=servers, topic_prefix=prefix, security=security)

    def prefixed(self, name: str) -> str:
        return self.topic_prefix + name

    def own(self, name: str) -> str:
        return name.removeprefix(self.topic_prefix)

    def brokers(self) -> dict[str, Any]:
        """Of every handle of confluent-kafka: where the brokers are, and how to reach them."""
        servers = {"bootstrap.servers": self.bootstrap_servers, "log_level": 2}
        return {**servers, **self.security.librdkafka()}

    def handle(self, client_id: str) -> dict[str, Any]:
        return self.brokers() | {"client.id": client_id, "error_cb": self.complaints(client_id)}

    def complaints(self, client_id: str) -> Callable[[KafkaError], None]:
        return partial(self.trouble.tell, client=client_id)
