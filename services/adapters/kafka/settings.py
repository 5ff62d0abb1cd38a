"""Where Kafka is."""

from dataclasses import dataclass

from services.core.settings import Reader


@dataclass(frozen=True, kw_only=True)
class KafkaSettings:
    """Where the brokers are."""

    bootstrap_servers: str

    @classmethod
    def read(cls, reader: Reader) -> "KafkaSettings":
        """From KAFKA_BOOTSTRAP_SERVERS."""
        return cls(bootstrap_servers=reader.text("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:29092"))
