"""Behind and not moving: noticed, told, and ended."""

from collections.abc import Mapping, Sequence

import pytest

from services.adapters.kafka.errors import KafkaUnavailableError
from services.monitor.health import FATAL_LOOKS, UNHEALTHY_LOOKS, Health

PLACE = "files.found", 0


class Watched:
    """A log that ends at `end`, and a reader that is at `read`; None stands by."""

    def __init__(self) -> None:
        self.end, self.read, self.available, self.deaths = 10, 10, True, 0
        self.reads = True
        self.health = Health(self.bounds, lambda: {PLACE: self.read} if self.reads else None)
        self.health.die = self.died

    def bounds(self, _topics: Sequence[str]) -> Mapping[tuple[str, int], tuple[int, int]]:
        if not self.available:
            raise KafkaUnavailableError("away")
        return {PLACE: (0, self.end)}

    def died(self) -> None:
        self.deaths += 1

    def look(self, times: int) -> str:
        for _ in range(times):
            self.health.look()
        return self.health.trouble()


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_reader_with_nothing_to_read_is_healthy_for_ever(watched: Watched) -> None:
    assert watched.look(100) == ""
    assert watched.health.movement.lag == {PLACE: 0}


def test_one_that_is_behind_and_moves_is_healthy(watched: Watched) -> None:
    watched.end = 1_000
    for _ in range(100):
        watched.read += 1
        assert watched.look(1) == ""


def test_one_that_is_behind_and_does_not_move_says_so_and_then_ends(watched: Watched) -> None:
    watched.end = 15
    assert watched.look(UNHEALTHY_LOOKS) == ""  # the first sees no more than a lag
    assert watched.look(1).startswith("The monitor is 5 messages behind and has read none for 30")
    assert watched.deaths == 0
    watched.look(FATAL_LOOKS - UNHEALTHY_LOOKS)
    assert watched.deaths == 1


def test_one_step_makes_it_healthy_again(watched: Watched) -> None:
    watched.end = 15
    watched.look(UNHEALTHY_LOOKS + 3)
    watched.read += 1
    assert watched.look(1) == ""


@pytest.mark.parametrize("absent", ["kafka", "turn"])
def test_without_kafka_or_its_turn_it_is_not_to_blame(watched: Watched, absent: str) -> None:
    watched.end = 15
    watched.look(UNHEALTHY_LOOKS + 1)
    if absent == "kafka":
        watched.available = False
    else:
        watched.reads = False
    assert watched.look(100) == ""
    assert watched.deaths == 0
    assert not watched.health.movement.lag
