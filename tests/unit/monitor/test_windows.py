"""Windows against an independent count, for any order, repetition and restart."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.core import events as e
from services.monitor import windows as w
from services.monitor.windows import Key, Position, Windows, begin_ms
from tests.samples import SAMPLES

START = 1_800_000_000  # the beginning of a minute
NOW_MS = (START + 200) * 1000
Logged = tuple[e.FileFound | e.FileStored | e.FileFailed, Position]
[FOUND] = [event for event in SAMPLES.values() if isinstance(event, e.FileFound)]
[STORED] = [event for event in SAMPLES.values() if isinstance(event, e.FileStored)]
[FAILED] = [event for event in SAMPLES.values() if isinstance(event, e.FileFailed)]


@st.composite
def logs(draw: st.DrawFn) -> list[list[Logged]]:
    """Partitions, each with records of some imports whose timestamps are in any order."""
    partitions = []
    for partition in range(draw(st.integers(1, 3))):
        log: list[Logged] = []
        for offset in range(draw(st.integers(0, 12))):
            import_id = draw(st.sampled_from(("a", "b")))
            kinds: tuple[e.FileFound | e.FileStored | e.FileFailed, ...] = (
                replace(FOUND, import_id=import_id),
                replace(STORED, import_id=import_id, size=draw(st.integers(0, 9))),
                replace(STORED, import_id=import_id, unchanged=True),
                replace(FAILED, import_id=import_id, reason=draw(st.sampled_from(("x", "y")))),
            )
            event = draw(st.sampled_from(kinds))
            at_ms = START * 1000 + draw(st.integers(0, 199_999))
            where = Position(topic="t", partition=partition, offset=2 * offset, at_ms=at_ms)
            log.append((event, where))
        partitions.append(log)
    return partitions


def merged(data: st.DataObject, partitions: Sequence[Sequence[Logged]]) -> list[Logged]:
    """All records in an order in which a consumer may meet them: each partition in its own."""
    order = data.draw(st.permutations([n for n, log in enumerate(partitions) for _ in log]))
    iterators = [iter(log) for log in partitions]
    return [next(iterators[number]) for number in order]


def fed(windows: Windows, records: Sequence[Logged]) -> Windows:
    for event, position in records:
        windows.count(event, position, NOW_MS)
    return windows


def counts(windows: Windows) -> dict[Key, tuple[object, ...]]:
    return {
        key: (c.found, c.stored, c.unchanged, c.failed, c.bytes, c.failures)
        for key, c in windows.cells.items()
    }


def counted_independently(records: Sequence[Logged]) -> dict[Key, tuple[object, ...]]:
    """By filtering the whole log for each window, without a fold."""
    found: dict[Key, tuple[object, ...]] = {}
    for seconds in (10, 60):
        for start in range(START, START + 200, seconds):
            for id in (None, "a", "b"):
                inside = [
                    event
                    for event, position in records
                    if start * 1000 <= position.at_ms < (start + seconds) * 1000
                    and id in (None, event.import_id)
                ]
                stored = [event for event in inside if isinstance(event, e.FileStored)]
                fetched = [event for event in stored if not event.unchanged]
                failed = [event.reason for event in inside if isinstance(event, e.FileFailed)]
                if inside:
                    found[id, seconds, start] = (
                        len(inside) - len(stored) - len(failed),
                        len(fetched),
                        len(stored) - len(fetched),
                        len(failed),
                        sum(event.size for event in fetched),
                        dict(Counter(failed)),
                    )
    return found


@given(st.data())
def test_every_window_holds_what_the_log_holds_of_its_time(data: st.DataObject) -> None:
    partitions = data.draw(logs())
    records = merged(data, partitions)
    windows = fed(Windows(START * 1000), records)
    assert counts(windows) == counted_independently(records)


@given(st.data())
def test_a_restart_anywhere_with_any_part_of_the_table_counts_everything_once(
    data: st.DataObject,
) -> None:
    partitions = data.draw(logs())
    records = merged(data, partitions)
    written = data.draw(st.integers(0, len(records)))
    old = fed(Windows(START * 1000), records[:written])
    table = {key: msgspec.json.encode(cell) for key, cell in old.cells.items()}
    # What the process before us counted after that is lost, and some of what it wrote is, too.
    fed(old, records[written : data.draw(st.integers(written, len(records)))])
    kept = [value for value in table.values() if data.draw(st.booleans())]
    new = Windows(START * 1000)
    new.restore([*kept, b"no cell"])
    fed(new, merged(data, partitions))
    assert counts(new) == counted_independently(records)


@given(st.data())
def test_what_was_published_last_is_what_is_counted(data: st.DataObject) -> None:
    windows = Windows(START * 1000)
    published: dict[Key, e.WindowCounted] = {}
    records = merged(data, data.draw(logs()))
    for event, position in records:
        windows.count(event, position, NOW_MS)
        taken = windows.take_changed(data.draw(st.integers(0, 3)))
        if data.draw(st.booleans()):
            windows.put_back(taken)
            continue
        published |= {key: _event(windows, key) for key in taken}
    published |= {key: _event(windows, key) for key in windows.take_changed(10_000)}
    assert published == {key: _event(windows, key) for key in windows.cells}
    assert not windows.changed


def _event(windows: Windows, key: Key) -> e.WindowCounted:
    return windows.cells[key].event(datetime(2027, 1, 1, tzinfo=UTC), None)


def at(second: int, offset: int = 0) -> Position:
    return Position(topic="t", partition=0, offset=offset, at_ms=(START + second) * 1000)


def test_windows_that_are_not_read_whole_are_left_alone() -> None:
    windows = Windows((START + 60) * 1000)
    windows.count(STORED, at(59), NOW_MS)
    assert not windows.cells


def test_what_is_read_again_reaches_back_two_whole_minutes() -> None:
    for second in (0, 1, 59):
        assert begin_ms((START + second) * 1000) == (START - 120) * 1000


def test_a_timestamp_of_the_far_future_counts_nowhere() -> None:
    windows = Windows(START * 1000)
    windows.count(STORED, at(200 + w.AHEAD_SECONDS + 60), NOW_MS)
    windows.count(STORED, at(10_000_000, 1), NOW_MS)
    assert not windows.cells
    windows.count(STORED, at(201, 2), NOW_MS)
    assert windows.cells


def test_old_windows_are_forgotten_and_do_not_begin_again() -> None:
    windows = fed(Windows(START * 1000), [(STORED, at(5))])
    later = (START + 60 + w.KEPT_SECONDS + 1) * 1000
    keys = set(windows.cells)
    assert set(windows.expire(later)) == keys
    assert not windows.cells
    assert not windows.changed
    windows.count(STORED, at(6, 1), later)
    assert not windows.cells


def test_windows_in_which_nothing_happens_are_published_and_again_when_they_are_over() -> None:
    windows = Windows(NOW_MS)
    windows.open(NOW_MS)
    windows.open(NOW_MS)
    taken = windows.take_changed(10)
    assert {(id, seconds) for id, seconds, _ in taken} == {(None, 10), (None, 60)}
    windows.open(NOW_MS)
    assert not windows.changed
    windows.open(NOW_MS + 10_000)
    assert [key for key in windows.changed if key in taken] == [
        key for key in taken if key[1] == 10
    ]
    assert len(windows.changed) == 2


def test_no_window_since_the_beginning_is_left_out() -> None:
    windows = Windows(START * 1000)
    windows.open((START + 125) * 1000)
    starts = {
        seconds: [s for _, size, s in windows.cells if size == seconds] for seconds in w.SIZES
    }
    assert starts[60] == [START, START + 60, START + 120]
    assert len(starts[10]) == 13


def test_imports_and_reasons_without_end_stay_within_bounds() -> None:
    windows = Windows(START * 1000)
    for number in range(w.MOST_CELLS):
        event = replace(FAILED, import_id=f"i{number}", reason=f"r{number}")
        windows.count(event, at(5, number), NOW_MS)
    assert len(windows.cells) <= w.MOST_CELLS
    whole = windows.cells[None, 60, START]
    assert whole.failed == w.MOST_CELLS
    assert len(whole.failures) == w.MOST_REASONS + 1
    assert sum(whole.failures.values()) == whole.failed
