"""What is said of a broker that is away, and that it is back."""

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs
from structlog.typing import EventDict

from services.adapters.kafka.trouble import QUIET_SECONDS, SAID_AGAIN_SECONDS, TroubleLog

AWAY = KafkaError(KafkaError._TRANSPORT, "Connection refused")
UNKNOWN = KafkaError(KafkaError._RESOLVE, "Name or service not known")


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def trouble(clock: Clock) -> TroubleLog:
    return TroubleLog(clock)


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


def test_one_trouble_of_all_handles_is_said_once(
    trouble: TroubleLog, lines: list[EventDict]
) -> None:
    for client in ("producer", "reader", "producer"):
        trouble.tell(AWAY, client=client)
    trouble.tell(UNKNOWN, client="reader")
    assert [(line["event"], line["client"]) for line in lines] == [
        ("kafka.trouble", "producer"),
        ("kafka.trouble", "reader"),
    ]


def test_it_is_said_again_after_a_minute(
    trouble: TroubleLog, clock: Clock, lines: list[EventDict]
) -> None:
    for _ in range(int(3 * SAID_AGAIN_SECONDS)):
        trouble.tell(AWAY)
        clock.now += 1
    assert len(lines) == 3


def test_each_topic_has_its_own(trouble: TroubleLog, lines: list[EventDict]) -> None:
    for topic in ("files.found", "imports.pages", "files.found"):
        trouble.tell(AWAY, topic=topic)
    assert [line["topic"] for line in lines] == ["files.found", "imports.pages"]


def test_its_end_is_said_once_an_answer_comes_and_nobody_complains_any_more(
    trouble: TroubleLog, clock: Clock, lines: list[EventDict]
) -> None:
    trouble.answered()
    trouble.tell(AWAY)
    clock.now += 5
    trouble.answered()  # by another broker
    trouble.tell(AWAY)
    clock.now += QUIET_SECONDS
    trouble.answered()
    trouble.answered()
    trouble.tell(AWAY)
    assert [line["event"] for line in lines] == [
        "kafka.trouble",
        "kafka.trouble_is_over",
        "kafka.trouble",
    ]
    assert lines[1]["seconds"] == 5
