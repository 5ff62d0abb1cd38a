"""When an import has unfinished work and makes no progress."""

from dataclasses import replace
from datetime import UTC, datetime

from services.core.events import Place
from services.monitor import progress as p
from services.monitor.progress import Progress, Unfinished, oldest_at

SINCE, AFTER = 1_000_000, 120.0


def waits(import_id: str = "one", at_ms: int = SINCE, offset: int = 7) -> Unfinished:
    place = Place(topic="files.found", partition=0, offset=offset)
    return Unfinished(import_id=import_id, place=place, at_ms=at_ms)


def alarmed(progress: Progress, *unfinished: Unfinished, now_ms: int) -> set[str]:
    return {a.import_id for a in progress.alarms(unfinished, lambda id: id != "paused", now_ms)}


def test_work_without_progress_raises_an_alarm_after_its_time_and_not_before() -> None:
    progress = Progress(SINCE, AFTER)
    assert alarmed(progress, waits(), now_ms=SINCE + 119_999) == set()
    assert alarmed(progress, waits(), now_ms=SINCE + 120_000) == {"one"}


def test_progress_puts_it_off() -> None:
    progress = Progress(SINCE, AFTER)
    progress.moved("one", SINCE + 50_000)
    progress.moved("one", SINCE + 20_000)  # of another partition, read later
    assert alarmed(progress, waits(), now_ms=SINCE + 169_999) == set()
    assert alarmed(progress, waits(), now_ms=SINCE + 170_000) == {"one"}


def test_work_that_came_later_has_waited_only_since_then() -> None:
    progress = Progress(SINCE, AFTER)
    late = waits(at_ms=SINCE + 100_000)
    assert alarmed(progress, late, now_ms=SINCE + 219_000) == set()
    assert alarmed(progress, late, now_ms=SINCE + 220_000) == {"one"}


def test_the_progress_of_one_import_is_none_of_another() -> None:
    progress = Progress(SINCE, AFTER)
    progress.moved("one", SINCE + 119_000)
    both = waits("one"), waits("two")
    assert alarmed(progress, *both, now_ms=SINCE + 120_000) == {"two"}


def test_a_paused_import_raises_none() -> None:
    assert alarmed(Progress(SINCE, AFTER), waits("paused"), now_ms=SINCE + 500_000) == set()


def test_an_alarm_names_the_oldest_message_and_since_when() -> None:
    progress = Progress(SINCE, AFTER)
    messages = waits(at_ms=SINCE + 5_000, offset=9), waits(at_ms=SINCE + 1_000, offset=4)
    [alarm] = progress.alarms(messages, lambda _id: True, SINCE + 300_000)
    assert alarm.oldest.offset == 4
    assert alarm.since == datetime.fromtimestamp((SINCE + 1_000) / 1000, UTC)
    assert alarm.since == oldest_at(messages)


def test_an_alarm_counts_what_is_unfinished_and_where() -> None:
    page = waits()
    page = replace(page, place=Place(topic="imports.pages", partition=1, offset=1))
    messages = waits(offset=4), waits(offset=5), page, waits("two")
    alarms = Progress(SINCE, AFTER).alarms(messages, lambda _id: True, SINCE + 300_000)
    counts = {alarm.import_id: alarm.unfinished for alarm in alarms}
    assert counts == {"one": {"files.found": 2, "imports.pages": 1}, "two": {"files.found": 1}}


def test_nothing_unfinished_has_no_age() -> None:
    assert oldest_at(()) is None


def test_imports_without_end_stay_within_bounds() -> None:
    progress = Progress(SINCE, AFTER)
    for number in range(p.MOST_IMPORTS + 10):
        progress.moved(f"i{number}", SINCE + 1 + number)
    assert len(progress.moved_at) == p.MOST_IMPORTS
    assert "i0" not in progress.moved_at
