"""A folder opened twice is listed once, and a page is never lost by it."""

import pytest

from services.lister.seen import Openings
from tests.fakes.samples import a_request


def test_an_opening_is_known_once_it_is_noted() -> None:
    openings = Openings()
    assert a_request() not in openings
    openings.note(a_request())
    assert a_request(path=("by", "another", "way")) in openings


@pytest.mark.parametrize(
    "change",
    [{"import_id": "i2"}, {"folder_id": "f2"}, {"epoch": 1}, {"round": 1}],
)
def test_another_import_folder_epoch_or_round_asks_again(change: dict[str, object]) -> None:
    openings = Openings()
    openings.note(a_request())
    assert a_request(**change) not in openings


@pytest.mark.parametrize("later", [{"pass_number": 1}, {"page_number": 1}])
def test_only_openings_are_passed_over_never_a_later_page_or_pass(later: dict[str, object]) -> None:
    openings = Openings()
    openings.note(a_request(**later))
    assert a_request(**later) not in openings
    assert a_request() not in openings
    openings.note(a_request())
    assert a_request(**later) not in openings


def test_memory_is_bounded_and_the_oldest_is_forgotten_first() -> None:
    openings = Openings(remembered=2)
    for name in ("a", "b", "a", "c"):
        openings.note(a_request(folder_id=name))
    assert [name for name in "abc" if a_request(folder_id=name) in openings] == ["a", "c"]
