"""confluent-kafka's errors, said in our words."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from confluent_kafka import KafkaError, KafkaException

QUIET_SECONDS = 5.0
log = structlog.get_logger("kafka")


class KafkaUnavailableError(Exception):
    """The broker did not acknowledge in time, or the handle is broken: publish or read again."""


def sentence(error: KafkaError) -> str:
    return f"{error.str()} ({error.name()})"


@contextmanager
def kafka_errors() -> Iterator[None]:
    """Raise confluent-kafka's errors and timeouts as `KafkaUnavailableError`."""
    try:
        yield
    except KafkaException as why:
        raise KafkaUnavailableError(sentence(why.args[0])) from why
    except TimeoutError as why:
        raise KafkaUnavailableError("it did not answer in time") from why


def error_logger(client_id: str) -> Callable[[KafkaError], None]:
    """An `error_cb` that logs each kind of error at most once in `QUIET_SECONDS`: while a broker is
    away, librdkafka reports it many times a second."""
    logged: dict[str, float] = {}

    def log_error(error: KafkaError) -> None:
        now = time.monotonic()
        if now - logged.get(error.name(), -QUIET_SECONDS) >= QUIET_SECONDS:
            logged[error.name()] = now
            log.warning("kafka.trouble", client=client_id, error=sentence(error))

    return log_error
