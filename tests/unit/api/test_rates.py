"""The rates of the last hour, in any order of publication."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from services.api.rates import Rate
from services.api.windows import CURRENT_FOR, WindowCache, is_wanted
from services.core.events import WindowCounted
from tests.samples import SAMPLES

NOW = datetime.fromisoformat("2026-11-26T10:00:07+00:00")
SECOND = timedelta(seconds=1)


def window(seconds: int, ago: int, as_of: datetime = NOW, **counts: int) -> WindowCounted:
    """The window that began so many windows before the one of now."""
    begins = int(NOW.timestamp()) // seconds * seconds - ago * seconds
    start = datetime.fromtimestamp(begins, NOW.tzinfo)
    return replace(WindowCounted(start=start, seconds=seconds, as_of=as_of), **counts)


def test_the_newest_count_of_a_minute_counts() -> None:
    cache = WindowCache()
    for number in (3, 9, 6):
        cache.apply(window(60, 1, NOW + number * SECOND, stored=number))
    [minute] = cache.rates(NOW).minutes
    assert minute.stored == 9


def test_an_hour_is_kept_and_no_more() -> None:
    cache = WindowCache()
    for ago in range(200, -1, -1):
        at = NOW - timedelta(minutes=ago - 1)
        cache.apply(window(60, ago, at, found=ago))
    found = [minute.found for minute in cache.rates(NOW).minutes]
    assert found == list(range(59, -1, -1))
    assert cache.rates(NOW + timedelta(hours=2)).minutes == []


def test_a_minute_in_which_a_monitor_ended_is_left_out() -> None:
    cache = WindowCache()
    cache.apply(window(60, 5, NOW - timedelta(minutes=4, seconds=30), stored=7))
    assert [minute.stored for minute in cache.rates(NOW).minutes] == [7]
    cache.apply(window(60, 0, stored=2))
    assert [minute.stored for minute in cache.rates(NOW).minutes] == [2]
    cache.apply(window(60, 5, NOW - timedelta(minutes=4), stored=9))
    assert [minute.stored for minute in cache.rates(NOW).minutes] == [9, 2]


def test_the_rate_of_now_is_that_of_the_last_whole_windows() -> None:
    cache = WindowCache()
    cache.apply(window(10, 0, stored=1_000))
    for ago in (1, 2, 3):
        cache.apply(window(10, ago, found=40, stored=20, unchanged=6, failed=4, bytes=500))
    assert cache.rates(NOW).now == Rate(found=4.0, files=3.0, bytes=50.0)


@pytest.mark.parametrize("late", [False, True])
def test_a_monitor_that_is_silent_tells_nothing_of_now(late: bool) -> None:
    cache = WindowCache()
    cache.apply(window(10, 1, stored=10))
    now = NOW + CURRENT_FOR + SECOND if late else NOW
    assert (cache.rates(now).now is None) == late
    assert WindowCache().rates(NOW).as_of is None


def test_only_what_is_about_all_imports_is_read() -> None:
    cache = WindowCache()
    for event in (SAMPLES["ProgressStopped"], SAMPLES["FileFound"]):
        cache.apply(event)
    assert cache.rates(NOW).as_of is None
    wanted = [b"all/60/2026-11-26T10:00:00Z", b"all/10/x"]
    others = [None, b"", b"import-1/60/x", b"all/5/x", b"import-1"]
    assert all(map(is_wanted, wanted))
    assert not any(map(is_wanted, others))


def test_what_one_import_does_now_is_read_and_what_it_did_is_not() -> None:
    now = datetime.now(UTC)
    for ago, read in ((0, True), (45, True), (75, False), (3_000, False)):
        counted = WindowCounted(import_id="a/b", start=now - ago * SECOND, seconds=10, as_of=now)
        assert is_wanted(counted.key.encode()) is read
        assert not is_wanted(replace(counted, seconds=60).key.encode())
        assert is_wanted(replace(counted, import_id=None).key.encode())


def test_one_cache_has_the_live_rates_of_imports_and_the_hour_of_all() -> None:
    cache, called = WindowCache(), []
    cache.changed = lambda: called.append(True)
    for ago in range(300, -1, -1):
        at = NOW - 10 * ago * SECOND
        for import_id in (None, "one"):
            cache.apply(replace(window(10, ago, at, stored=27), import_id=import_id))
            ended = at + 60 * SECOND
            cache.apply(replace(window(60, ago // 6, ended, stored=9), import_id=import_id))
    assert len(called) == 2 * 301
    for import_id in (None, "one"):
        live = cache.live_rates(import_id, NOW)
        assert live is not None
        assert (live.seconds, live.stored_per_second) == (27, 3)
    unknown = cache.live_rates("two", NOW)
    assert unknown is not None
    assert unknown.stored_per_second == 0
    assert cache.live_rates("one", NOW + CURRENT_FOR + SECOND) is None
    rates = cache.rates(NOW)
    assert (rates.now, len(rates.minutes)) == (Rate(found=0, files=2.7, bytes=0), 51)
