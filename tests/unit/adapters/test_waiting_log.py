"""What a worker that waits says of it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from services.adapters import process
from services.adapters.kafka.admin import Topics, wait_for_topics
from services.adapters.kafka.errors import (
    NO_ANSWER,
    REFUSED_CONNECTION,
    UNKNOWN_HOST,
    KafkaUnavailableError,
)
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.process import STARTING, WaitingLog
from services.core.events import Waiting, WorkerStatus
from services.core.topics import BY_NAME
from tests.fakes.samples import NOW
from tests.fakes.virtual_time import now as virtual_now
from tests.fakes.virtual_time import virtual_time


def test_it_says_so_again_every_minute_with_until_when_and_when_it_goes_on() -> None:
    now, waiting = 0.0, None

    def status() -> WorkerStatus:
        state = "waiting" if waiting else "running"
        return WorkerStatus(
            worker_id="w", service="transfer", state=state, waiting_for=waiting, at=NOW
        )

    look = WaitingLog(status, lambda: now)
    with capture_logs() as lines:
        look()
        for second in range(150):
            now = float(second)
            until = NOW + timedelta(seconds=second)
            waiting = Waiting(reason="no_bucket", message="There is no bucket.", until=until)
            assert look().waiting_for == waiting
        waiting = None
        look()
        look()
    assert [(line["event"], line.get("until")) for line in lines] == [
        ("transfer.waiting", NOW.isoformat(timespec="seconds")),
        ("transfer.waiting", (NOW + timedelta(seconds=60)).isoformat(timespec="seconds")),
        ("transfer.waiting", (NOW + timedelta(seconds=120)).isoformat(timespec="seconds")),
        ("transfer.goes_on", None),
    ]


def test_a_wait_whose_sentence_changes_all_the_time_has_two_lines_a_minute() -> None:
    second = 0

    def status() -> WorkerStatus:
        waiting = Waiting(reason="no_store", message=f"No answer for {second} seconds.")
        return replace(process.worker_status("transfer", waiting), at=NOW)

    look = WaitingLog(status, lambda: float(second))
    with capture_logs() as lines:
        for second in range(121):  # noqa: B007 - the status says it
            look()
    said = [line["why"] for line in lines]
    assert said == [f"No answer for {at} seconds." for at in (0, 1, 60, 61, 120)]


@virtual_time
async def test_the_cause_of_a_wait_for_kafka_is_said_as_soon_as_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """librdkafka knew nothing when it was asked first. The last answer ends the wait."""
    answers = [NO_ANSWER, NO_ANSWER, *[REFUSED_CONNECTION] * 10, UNKNOWN_HOST, None]
    waiting = STARTING

    def existing(_topics: Topics, timeout: float) -> dict[str, int]:
        assert timeout > 0
        if (why := answers.pop(0)) is not None:
            raise KafkaUnavailableError(why)
        return dict.fromkeys(BY_NAME, 1)

    def say(why: str) -> None:
        nonlocal waiting
        waiting = Waiting(reason="kafka_unavailable", message=why)
        told()

    told = WaitingLog(lambda: process.worker_status("indexer", waiting), virtual_now)
    monkeypatch.setattr(Topics, "existing", existing)
    told()
    with capture_logs() as lines:
        await wait_for_topics(KafkaSettings(bootstrap_servers="kafka:9092"), say)
    why = "Waiting for Kafka at kafka:9092: "
    assert [line["why"] for line in lines] == [f"{why}{NO_ANSWER}", f"{why}{REFUSED_CONNECTION}"]
    assert virtual_now() < process.SAID_AGAIN_SECONDS
