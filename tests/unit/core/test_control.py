"""Which control an import is under, whatever the order and repetition of what is known."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.core import events as e
from services.core.control import FEW, ControlState, ImportControl, ImportControls
from tests.samples import FOUND, SAMPLES

AT = datetime(2026, 11, 25, tzinfo=UTC)
KINDS: tuple[type[e.Control], ...] = (
    e.ImportPaused,
    e.ImportResumed,
    e.ImportStalled,
    e.ImportCancelled,
)


def control(kind: type[e.Control], epoch: int, import_id: str = "job-1") -> e.Control:
    return kind(import_id=import_id, epoch=epoch, at=AT)


def applied(*events: e.Message) -> ImportControls:
    controls = ImportControls()
    for event in events:
        controls.apply(event)
    return controls


def test_an_import_that_nobody_controlled_runs() -> None:
    assert ImportControls().of("job-1").state is ControlState.RUNNING


def test_the_newest_epoch_decides() -> None:
    controls = applied(control(e.ImportPaused, 1), control(e.ImportResumed, 2))
    assert controls.of("job-1") == ImportControl(2, e.ImportResumed)
    assert controls.of("job-1").state is ControlState.RUNNING


def test_a_cancelled_import_never_comes_to_life_again() -> None:
    controls = applied(control(e.ImportCancelled, 1), control(e.ImportResumed, 2))
    assert controls.of("job-1").state is ControlState.CANCELLED


def test_one_imports_control_is_no_others() -> None:
    controls = applied(control(e.ImportPaused, 1, "job-1"), FOUND)
    assert controls.of("job-2") == ImportControl()
    assert controls.of(FOUND.import_id) == ImportControl()


@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(1, 9)),
    ),
    st.randoms(use_true_random=False),
)
def test_order_and_repetition_change_nothing(
    known: list[tuple[type[e.Control], int]], rng: Random
) -> None:
    events = [control(kind, epoch) for kind, epoch in known]
    shuffled = [*events, *events]
    rng.shuffle(shuffled)
    assert applied(*shuffled).of("job-1") == applied(*events).of("job-1")


def test_of_two_controls_of_one_epoch_the_graver_counts() -> None:
    paused, stalled = control(e.ImportPaused, 1), control(e.ImportStalled, 1)
    assert applied(paused, stalled).of("job-1").state is ControlState.PAUSED
    assert applied(stalled, paused).of("job-1").state is ControlState.PAUSED


@pytest.mark.parametrize(
    ("known", "epoch", "allowed"),
    [
        ([], 0, True),
        ([control(e.ImportPaused, 1)], 0, False),
        ([control(e.ImportPaused, 1)], 1, False),
        ([control(e.ImportPaused, 1), control(e.ImportResumed, 2)], 1, False),
        ([control(e.ImportPaused, 1), control(e.ImportResumed, 2)], 2, True),
        ([control(e.ImportStalled, 1)], 0, False),
        ([control(e.ImportCancelled, 1)], 9, False),
        ([control(e.ImportPaused, 1)], 2, True),  # work of a control that is not known yet
    ],
)
def test_work_is_allowed_under_the_newest_control_only(
    known: list[e.Control], epoch: int, allowed: bool
) -> None:
    controls = applied(*known)
    assert controls.allow(replace(FOUND, import_id="job-1", epoch=epoch, replay_id=None)) is allowed
    of_replay = [replace(event, import_id="replay-1") for event in known]
    replayed = replace(FOUND, replay_id="replay-1", replay_epoch=epoch)
    assert applied(*of_replay).allow(replayed) is allowed


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_replay_that_failed_never_comes_to_life_again(order: tuple[int, ...]) -> None:
    events: list[e.Message] = [
        control(e.ImportPaused, 3, "replay-1"),
        e.ReplayFailed(import_id="replay-1", epoch=1, at=AT, reason="lost", message="No."),
        control(e.ImportResumed, 4, "replay-1"),
    ]
    controls = applied(*(events[number] for number in order))
    assert controls.of("replay-1") == ImportControl(1, e.ReplayFailed)
    assert controls.of("replay-1").state is ControlState.CANCELLED
    controls.apply(control(e.ImportCancelled, 0, "replay-1"))
    assert controls.of("replay-1").kind is e.ImportCancelled


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_rate_of_a_replay_counts_in_any_order(order: tuple[int, ...]) -> None:
    request = SAMPLES["ReplayRequested"]
    assert isinstance(request, e.ReplayRequested)
    later = [request.at + timedelta(minutes=minutes) for minutes in (1, 2)]
    events: list[e.Message] = [
        replace(request, files_per_second=50),
        e.ReplayRateChanged(import_id=request.import_id, at=later[0], files_per_second=7),
        e.ReplayRateChanged(import_id=request.import_id, at=later[1], files_per_second=None),
    ]
    controls = ImportControls()
    for number in order:
        controls.apply(events[number])
        controls.apply(events[number])
    assert controls.files_per_second(request.import_id) is None
    assert controls.files_per_second("replay-unknown") is None
    first = ImportControls()
    for event in (events[1], events[0]):
        first.apply(event)
    assert first.files_per_second(request.import_id) == 7


def retry(round: int, files: int, part: int = 0, last: bool = True) -> e.RetryRequested:
    ids = tuple(f"file-{number}" for number in range(files))
    return e.RetryRequested(import_id="job-1", at=AT, round=round, part=part, last=last, files=ids)


def test_an_import_is_bulk_if_it_was_asked_for_as_that() -> None:
    request = SAMPLES["ImportRequested"]
    assert isinstance(request, e.ImportRequested)
    bulk = replace(request, import_id="job-2", priority=e.Priority.BULK)
    controls = applied(request, bulk)
    assert not controls.is_bulk(request.import_id, 0)
    assert controls.is_bulk("job-2", 0)
    assert not controls.is_bulk("unknown", 0)


def test_a_retry_is_bulk_unless_it_is_of_a_few_files() -> None:
    parts = [retry(3, 5, part=0, last=False), retry(3, 5, part=1)]
    controls = applied(retry(1, FEW), retry(2, FEW + 1), *parts)
    assert [controls.is_bulk("job-1", round) for round in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]
