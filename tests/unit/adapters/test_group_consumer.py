"""When a partition is paused. What needs a broker is in `contract` and `integration`."""

import pytest

from services.adapters.kafka.flow import Flow


@pytest.mark.parametrize(
    ("unfinished", "paused", "pauses"),
    [
        (1, False, False),
        (3, False, False),
        (4, False, True),
        (5, True, True),
        (3, True, True),
        (2, True, False),
    ],
)
def test_watermarks_have_hysteresis(unfinished: int, paused: bool, pauses: bool) -> None:
    assert Flow(high=4, low=2).pauses(unfinished, paused=paused) is pauses
