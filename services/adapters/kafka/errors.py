"""confluent-kafka's errors, said in our words."""

from confluent_kafka import KafkaError


class KafkaUnavailableError(Exception):
    """The broker did not acknowledge in time, or the handle is broken: publish or read again."""


def sentence(error: KafkaError | None) -> str:
    """What Kafka said, with its code's name."""
    return "unknown error" if error is None else f"{error.str()} ({error.name()})"
