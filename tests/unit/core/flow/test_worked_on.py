"""What this process has worked on lately."""

from services.core.flow.worked_on import LATELY, MOST_REMEMBERED, WorkedOn


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_newest_first_and_not_for_long() -> None:
    clock = Clock()
    worked_on = WorkedOn(clock)
    for owner in ("a", "b", "", "a"):
        worked_on.note(owner)
    assert worked_on.lately(at_most=9) == ["a", "b"]
    assert worked_on.lately(at_most=1) == ["a"]
    clock.now += LATELY
    worked_on.note("c")
    assert worked_on.lately(at_most=9) == ["c", "a", "b"]
    clock.now += 0.1
    assert worked_on.lately(at_most=9) == ["c"]


def test_it_remembers_no_more_than_so_many() -> None:
    worked_on = WorkedOn()
    for number in range(MOST_REMEMBERED + 5):
        worked_on.note(str(number))
    found = worked_on.lately(at_most=2 * MOST_REMEMBERED)
    assert len(found) == MOST_REMEMBERED
    assert found[0] == str(MOST_REMEMBERED + 4)
