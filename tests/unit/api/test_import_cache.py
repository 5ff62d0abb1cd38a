"""The cache of imports takes events in any order and any number of times, within bounds."""

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.adapters.catalog.rows import ImportRow
from services.adapters.catalog.views.imports import ImportPlace
from services.api.import_cache import ImportCache, place_of
from services.core import events as e
from tests.catalog_rows import BEGAN, an_import

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


def filled(events: list[e.ImportRequested]) -> ImportCache:
    cache = ImportCache()
    for event in events:
        cache.apply(event)
    return cache


@given(events=st.lists(requests), shuffle=st.randoms())
def test_requests_come_in_any_order_and_any_number_of_times(
    events: list[e.ImportRequested], shuffle: Random
) -> None:
    again = events + events
    shuffle.shuffle(again)
    one, other = filled(events), filled(again)
    every = one.newest(before=None, limit=100)
    places = [place_of(request) for request in every]
    assert places == sorted(places, reverse=True)
    assert {request.import_id for request in every} == {event.import_id for event in events}
    assert [place_of(request) for request in other.newest(before=None, limit=100)] == places
    for event in events:
        earliest = one.request(event.import_id)
        assert earliest is not None
        assert earliest.requested_at <= event.requested_at


@given(events=st.lists(requests, min_size=1), limit=st.integers(1, 4))
def test_pages_hold_each_import_once(events: list[e.ImportRequested], limit: int) -> None:
    cache = filled(events)
    seen: list[ImportPlace] = []
    while page := cache.newest(before=seen[-1] if seen else None, limit=limit):
        seen += [place_of(one) for one in page]
    assert seen == [place_of(one) for one in cache.newest(before=None, limit=100)]


def a_request(number: int) -> e.ImportRequested:
    return e.ImportRequested(
        import_id=f"import-{number}",
        folder_id=f"folder-{number}",
        folder_url="link",
        requested_at=BEGAN + timedelta(seconds=number),
    )


def test_the_oldest_requests_are_evicted_when_there_is_no_more_room() -> None:
    cache = ImportCache(room=3)
    for number in range(5):
        cache.apply(a_request(number))
    kept = [one.import_id for one in cache.newest(before=None, limit=10)]
    assert kept == ["import-4", "import-3", "import-2"]
    assert cache.request("import-0") is None
    assert not cache.begin()


def test_only_the_first_import_of_all_is_the_first() -> None:
    cache = ImportCache()
    assert cache.begin()
    assert not cache.begin()


def state(cache: ImportCache) -> str:
    shown = cache.completed("import-1", None)
    assert shown is not None
    return shown.state


def test_the_newest_control_counts_in_any_order() -> None:
    cache = ImportCache()
    cache.apply(e.ImportPaused(import_id="import-1", epoch=1, at=BEGAN))
    cache.apply(a_request(1))
    assert state(cache) == "paused"
    cache.apply(e.ImportResumed(import_id="import-1", epoch=2, at=BEGAN))
    cache.apply(e.ImportPaused(import_id="import-1", epoch=1, at=BEGAN))
    assert state(cache) == "queued"
    cache.apply(e.ImportCancelled(import_id="import-1", epoch=3, at=BEGAN))
    cache.apply(a_request(1))
    assert state(cache) == "cancelled"


def test_a_control_outlives_the_request_that_was_evicted() -> None:
    cache = ImportCache(room=2)
    cache.apply(a_request(1))
    cache.apply(e.ImportPaused(import_id="import-1", epoch=7, at=BEGAN))
    for number in range(2, 10):
        cache.apply(a_request(number))
    assert cache.request("import-1") is None
    cache.apply(replace(a_request(1), requested_at=BEGAN + timedelta(seconds=10)))
    assert state(cache) == "paused"


controls = st.builds(
    lambda kind, epoch: kind(import_id="import-1", epoch=epoch, at=BEGAN),
    st.sampled_from([e.ImportPaused, e.ImportResumed, e.ImportStalled, e.ImportCancelled]),
    st.integers(1, 4),
)
retries = st.builds(
    lambda round: e.RetryRequested(import_id="import-1", round=round, at=BEGAN), st.integers(1, 4)
)


@given(
    events=st.lists(controls | retries, max_size=8),
    shuffle=st.randoms(),
    row=st.sampled_from(
        [
            an_import(1, id="import-1"),
            an_import(1, id="import-1", state="paused", epoch=2),
            an_import(1, id="import-1", state="completed_with_failures", round=2, epoch=1),
            an_import(1, id="import-1", state="cancelled", epoch=3),
        ]
    ),
)
def test_controls_and_retries_in_any_order_show_the_same_state(
    events: list[e.Control | e.RetryRequested], shuffle: Random, row: ImportRow
) -> None:
    again = events + events
    shuffle.shuffle(again)
    one, other = ImportCache(), ImportCache()
    for event in events:
        one.apply(event)
    for event in again:
        other.apply(event)
    shown = one.completed("import-1", row)
    assert shown == other.completed("import-1", row)
    assert one.newest_round == other.newest_round
    assert shown is not None
    if row.state == "cancelled" or any(isinstance(x, e.ImportCancelled) for x in events):
        assert shown.state == "cancelled"
    elif row.state == "completed_with_failures" and one.retry_round("import-1") <= row.round:
        assert shown.state == row.state
    else:
        assert shown.state in ("paused", "transferring")


def test_whoever_awaits_an_event_hears_of_it_once_it_is_applied() -> None:
    cache, event = ImportCache(), e.ImportPaused(import_id="import-1", epoch=1, at=BEGAN)
    with cache.awaiting(event) as applied:
        cache.apply(replace(event, epoch=2))
        assert not applied.is_set()
        cache.apply(replace(event))
        assert applied.is_set()


def test_a_retry_keeps_its_round_when_a_later_one_takes_the_next() -> None:
    cache = ImportCache()
    mine, same, next_one, late = (
        e.RetryRequested(import_id="import-1", round=round, at=BEGAN + timedelta(seconds=second))
        for round, second in ((1, 0), (1, 1), (2, 1), (1, 2))
    )
    for retry in (mine, same, next_one, late):
        cache.apply(retry)
    have_it = [cache.has_its_round(retry) for retry in (mine, same, next_one, late)]
    assert have_it == [True, False, True, False]
