"""Which ends are told: each one, however the log falls into batches, and under the same id."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.catalog.rows import ImportRow, ReplayRow, Rows
from services.adapters.catalog.views.imports import ENDED_STATES
from services.core import events as e
from services.core.wire import decode, encode, event_id
from services.indexer.endings import endings, import_ended
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from tests.histories import histories

AT = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


def an_import(**changes: Any) -> ImportRow:
    fields: dict[str, Any] = {"folder_id": None, "folder_url": None, "requested_at": AT}
    return ImportRow(id="one", updated_at=AT, **(fields | changes))


def told(*states: ImportRow) -> list[e.ImportEnded | e.ReplayEnded]:
    """By an import that went through these rows."""
    before, found = Rows(), []
    for row in states:
        after = Rows(imports={row.id: row})
        found += endings(before, after, AT)
        found += endings(after, after, AT)  # a batch that is read twice changes no row
        before = after
    return found


def told_in_batches(history: Sequence[LogRecord], cuts: random.Random) -> set[object]:
    """The ids that an indexer tells which reads this log piece by piece."""
    rows, ids, at = Rows(), set[object](), 0
    while at < len(history):
        size = cuts.randint(1, len(history))
        batch = rows_of(history[at : at + size])
        after = fold(rows, batch)
        ids |= {event_id(end) for end in endings(rows, after, AT)}
        rows, at = after, at + size
    return ids


def test_an_import_that_ends_is_told_once() -> None:
    done = an_import(state="completed", found=2, stored=2)
    [end] = told(an_import(), an_import(state="listing"), done, done)
    assert isinstance(end, e.ImportEnded)
    assert (end.state, end.found, end.stored, end.at) == ("completed", 2, 2, AT)


def test_an_import_that_is_retried_ends_again_with_another_id() -> None:
    first = an_import(state="completed_with_failures", failed=1)
    second = an_import(state="completed_with_failures", failed=1, round=1)
    slow = told(first, an_import(state="transferring", round=1, pending=1), second)
    at_once = told(first, second)
    assert [event_id(end) for end in slow] == [event_id(end) for end in at_once]
    assert len({event_id(end) for end in slow}) == 2


def test_an_import_that_a_replay_completes_is_told_again() -> None:
    ends = told(an_import(state="completed_with_failures", failed=1), an_import(state="completed"))
    assert [end.state for end in ends] == ["completed_with_failures", "completed"]


def test_a_replay_that_ends_is_told() -> None:
    before = Rows(replays={"replay-1": ReplayRow(id="replay-1", state="running")})
    done = ReplayRow(id="replay-1", state="completed", name="Again", selected=3, stored=3)
    [end] = endings(before, Rows(replays={"replay-1": done}), AT)
    assert isinstance(end, e.ReplayEnded)
    assert (end.import_id, end.state, end.name, end.selected) == (
        "replay-1",
        "completed",
        "Again",
        3,
    )


def test_the_largest_end_can_be_read_again() -> None:
    """A name of Drive may be as long as a name may be, and there may be any number of reasons."""
    reasons = {f"reason_{number}": number + 1 for number in range(500)}
    end = import_ended(
        an_import(
            state="failed",
            name="😀" * 4096,
            message="é" * 65_536,
            failures=reasons,
            skipped=reasons,
        ),
        AT,
    )
    assert decode(end.topic, encode(end, source="test").value) == end
    assert end.failures["reason_499"] == 500
    assert len(end.failures) == 50
    assert len(msgspec.json.encode(end)) < 20_000


@given(histories(), st.randoms(use_true_random=False))
def test_every_batching_tells_the_end_that_the_rows_show(
    history: list[LogRecord], cuts: random.Random
) -> None:
    rows = fold(Rows(), rows_of(history))
    ids = told_in_batches(history, cuts)
    for row in rows.imports.values():
        if row.state in ENDED_STATES:
            assert event_id(import_ended(row, AT)) in ids
