"""What the log tells of imports, in any order, any number of times, within bounds."""

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.adapters.catalog.views import ImportPlace
from services.api.known_imports import KnownImports, not_begun
from services.core import events as e
from tests.catalog_rows import BEGAN

requests = st.builds(
    lambda number, second: e.ImportRequested(
        import_id=f"import-{number}",
        folder_id=f"folder-{number}",
        folder_url="link",
        requested_at=BEGAN + timedelta(seconds=second),
    ),
    st.integers(0, 5),
    st.integers(0, 5),
)


def filled(events: list[e.ImportRequested]) -> KnownImports:
    known = KnownImports()
    for event in events:
        known.add(event)
    return known


@given(events=st.lists(requests), shuffle=st.randoms())
def test_requests_are_known_in_any_order_and_any_number_of_times(
    events: list[e.ImportRequested], shuffle: Random
) -> None:
    again = events + events
    shuffle.shuffle(again)
    one, other = filled(events), filled(again)
    every = one.newest(before=None, limit=100)
    places = [known.place for known in every]
    assert places == sorted(places, reverse=True)
    assert {known.request.import_id for known in every} == {event.import_id for event in events}
    assert [known.place for known in other.newest(before=None, limit=100)] == places
    for event in events:
        earliest = one.get(event.import_id)
        assert earliest is not None
        assert earliest.request.requested_at <= event.requested_at


@given(events=st.lists(requests, min_size=1), limit=st.integers(1, 4))
def test_pages_of_what_is_known_hold_each_import_once(
    events: list[e.ImportRequested], limit: int
) -> None:
    known = filled(events)
    seen: list[ImportPlace] = []
    while page := known.newest(before=seen[-1] if seen else None, limit=limit):
        seen += [one.place for one in page]
    assert seen == [one.place for one in known.newest(before=None, limit=100)]


def a_request(number: int) -> e.ImportRequested:
    return e.ImportRequested(
        import_id=f"import-{number}",
        folder_id=f"folder-{number}",
        folder_url="link",
        requested_at=BEGAN + timedelta(seconds=number),
    )


def test_the_oldest_imports_are_forgotten_when_there_is_no_more_room() -> None:
    known = KnownImports(room=3)
    for number in range(5):
        known.add(a_request(number))
    kept = [one.request.import_id for one in known.newest(before=None, limit=10)]
    assert kept == ["import-4", "import-3", "import-2"]
    assert known.get("import-0") is None
    assert known.meet("folder-0")  # the folder is remembered longer than its import


def test_a_folder_is_met_once() -> None:
    known = KnownImports()
    assert not known.meet("folder")
    assert known.meet("folder")


def test_without_room_for_folders_every_folder_counts_as_seen() -> None:
    known = KnownImports(folder_room=1)
    assert not known.meet("one")
    assert known.meet("two")


def test_the_newest_control_counts_and_one_of_an_unknown_import_is_passed_over() -> None:
    known = KnownImports()
    known.add(e.ImportPaused(import_id="import-1", epoch=1, at=BEGAN))
    known.add(a_request(1))
    later = BEGAN + timedelta(minutes=1)
    known.add(e.ImportResumed(import_id="import-1", epoch=2, at=later))
    known.add(e.ImportPaused(import_id="import-1", epoch=1, at=BEGAN))
    one = known.get("import-1")
    assert one is not None
    assert (not_begun(one).state, not_begun(one).updated_at) == ("queued", later)
    known.add(e.ImportCancelled(import_id="import-1", epoch=3, at=later))
    known.add(a_request(1))
    one = known.get("import-1")
    assert one is not None
    assert not_begun(one).state == "cancelled"
