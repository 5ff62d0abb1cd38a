"""What was used least recently is forgotten first."""

from services.core.flow.deduplication import LruSet


def test_it_forgets_what_was_added_first() -> None:
    recent = LruSet[int](2)
    for item in (1, 2, 3):
        recent.add(item)
    assert [item in recent for item in (1, 2, 3)] == [False, True, True]


def test_finding_an_item_keeps_it() -> None:
    recent = LruSet[int](2)
    recent.add(1)
    recent.add(2)
    assert 1 in recent
    recent.add(3)
    assert [item in recent for item in (1, 2, 3)] == [True, False, True]
