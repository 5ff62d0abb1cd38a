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
        servers = reader.text("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:29092")
        if "@" in servers or "://" in servers:  # shown in messages, so it must hold no password
            reader.faults.append(
                "KAFKA_BOOTSTRAP_SERVERS must be host:port, with commas between several."
            )
        return cls(bootstrap_servers=servers)
