"""How long the supervisor waits before it starts something again, and how it names an end."""

import pytest

from local.run.supervisor import delay, how_it_ended


def test_each_failure_in_a_row_doubles_the_wait_up_to_half_a_minute() -> None:
    assert [delay(failures) for failures in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


def test_no_number_of_failures_is_too_many() -> None:
    assert delay(10_000) == 30


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
    assert how_it_ended(returncode) == words
