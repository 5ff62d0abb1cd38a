"""How long the supervisor waits before it starts something again, and how it names an end."""

import pytest

from local.run.processes import exit_reason
from local.run.supervisor import restart_delay


def test_each_failure_in_a_row_doubles_the_wait_up_to_half_a_minute() -> None:
    assert [restart_delay(failures) for failures in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


def test_no_number_of_failures_is_too_many() -> None:
    assert restart_delay(10_000) == 30


@pytest.mark.parametrize(
    ("returncode", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-9, "killed by SIGKILL"),
        (-99, "killed by signal 99"),
    ],
)
def test_an_end_has_words(returncode: int, words: str) -> None:
    assert exit_reason(returncode) == words
