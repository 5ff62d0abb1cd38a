"""What the watchdog has to end, as told by the lines that it was sent."""

from local.run.watchdog import registered_groups


def test_groups_that_were_added_and_not_taken_back_are_left() -> None:
    assert registered_groups(["+ 10 15\n", "+ 11 2\n", "- 10\n"]) == {11: 2}


def test_a_group_that_comes_again_is_left() -> None:
    assert registered_groups(["+ 10 15\n", "- 10\n", "+ 10 2\n"]) == {10: 2}


def test_a_line_cut_short_by_our_death_is_passed_over() -> None:
    assert registered_groups(["+ 10 15\n", "+ 11"]) == {10: 15}
