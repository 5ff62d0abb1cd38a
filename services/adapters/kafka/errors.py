"""confluent-kafka's errors, said in our words."""

import time

import structlog
from confluent_kafka import KafkaError

QUIET_SECONDS = 5.0
log = structlog.get_logger("kafka")


class KafkaUnavailableError(Exception):
    """The broker did not acknowledge in time, or the handle is broken: publish or read again."""


def sentence(error: KafkaError | None) -> str:
    """What Kafka said, with its code's name."""
    return "unknown error" if error is None else f"{error.str()} ({error.name()})"


class Complaints:
    """Logs what librdkafka reports on the side, each kind at most once in a few seconds: while a
    broker is away it would say so many times a second."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._said: dict[str, float] = {}

    def __call__(self, error: KafkaError) -> None:
        """librdkafka's `error_cb`."""
        now = time.monotonic()
        if now - self._said.get(error.name(), -QUIET_SECONDS) >= QUIET_SECONDS:
            self._said[error.name()] = now
            log.warning("kafka.trouble", client=self._client_id, error=sentence(error))
