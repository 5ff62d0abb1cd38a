"""What the log tells of an import: little, once, and in order."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from structlog.testing import capture_logs

from services.adapters.catalog.rows import ImportRow, Rows
from services.indexer.story import MOST_OPEN, Story
from tests.fakes.samples import NOW

ASKED = ImportRow(id="one", folder_id="folder", folder_url="link", requested_at=NOW, updated_at=NOW)


def row(**changes: Any) -> ImportRow:
    values = {name: getattr(ASKED, name) for name in ASKED.__struct_fields__}
    return ImportRow(**{**values, **changes})


def told(rows: Sequence[ImportRow], seconds: float = 0.001) -> list[dict[str, Any]]:
    """The lines about an import that went through these rows, so many seconds apart."""
    now = 0.0
    story = Story(lambda: now)
    before = Rows()
    with capture_logs() as lines:
        for each in rows:
            after = Rows(imports={each.id: each})
            story.tell(before, after)
            story.tell(after, after)  # a batch that is read twice changes no row
            before, now = after, now + seconds
    return [dict(line) for line in lines]


def running(done: int, of: int = 50_000) -> ImportRow:
    return row(
        state="transferring", name="Trip", found=of, pending=of - done, stored=done, failures={}
    )


def test_fifty_thousand_files_make_some_fifteen_lines() -> None:
    end = row(
        state="completed_with_failures",
        name="Trip",
        found=50_000,
        stored=49_990,
        failed=10,
        failures={"gone": 7, "too_large": 3},
        finished_at=NOW + timedelta(hours=1),
    )
    lines = told([ASKED, row(name="Trip"), *(running(n) for n in range(0, 50_001, 100)), end])
    events = [line["event"] for line in lines]
    assert events[:2] == ["import.requested", "import.folder_opened"]
    assert events[2:-3] == ["import.progress"] * 10
    assert events[-3:] == ["import.failures", "import.failures", "import.ended"]
    assert {line["import_id"] for line in lines} == {"one"}
    assert {line["log_level"] for line in lines} == {"info"}
    assert [(line["reason"], line["files"]) for line in lines[-3:-1]] == [
        ("gone", 7),
        ("too_large", 3),
    ]
    assert lines[-1]["equation"] == (
        "50000 found = 49990 stored + 0 unchanged + 10 failed + 0 pending"
    )


def test_a_slow_import_is_told_of_every_half_minute() -> None:
    lines = told([running(n) for n in range(120)], seconds=1.0)
    assert [line["event"] for line in lines].count("import.progress") == 3


def test_a_restart_repeats_nothing() -> None:
    """What was told is in the rows, which the next indexer reads."""
    before, after = running(5000), running(5001)
    with capture_logs() as lines:
        Story().tell(Rows(imports={"one": before}), Rows(imports={"one": after}))
    assert lines == []


def test_pausing_and_going_on_are_told() -> None:
    lines = told([running(10), row(state="paused", name="Trip", found=5), running(11)])
    assert [line["event"] for line in lines][-2:] == ["import.paused", "import.resumed"]


def test_a_name_of_several_lines_stays_on_one() -> None:
    (*_, line) = told([ASKED, row(name="a\nservice=forged\x1b[2J")])
    assert line["name"] == "a service=forged [2J"


def test_what_is_remembered_has_a_bound() -> None:
    story = Story()
    for number in range(MOST_OPEN + 50):
        each = row(id=str(number))
        story.tell(Rows(imports={each.id: each}), Rows(imports={each.id: row(id=each.id, found=1)}))
    assert len(story._told_at) <= MOST_OPEN
