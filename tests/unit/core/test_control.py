"""Which control an import is under, whatever the order and repetition of what is known."""

from datetime import UTC, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.core import events as e
from services.core.control import ControlState, ImportControl, ImportControls
from tests.samples import FOUND

AT = datetime(2026, 11, 25, tzinfo=UTC)
KINDS: tuple[type[e.Control], ...] = (e.ImportPaused, e.ImportResumed, e.ImportStalled)


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
    assert controls.of("job-1") == ImportControl(2, ControlState.RUNNING)


def test_a_cancelled_import_never_comes_to_life_again() -> None:
    controls = applied(control(e.ImportCancelled, 1), control(e.ImportResumed, 2))
    assert controls.of("job-1").state is ControlState.CANCELLED


def test_one_imports_control_is_no_others() -> None:
    controls = applied(control(e.ImportPaused, 1, "job-1"), FOUND)
    assert controls.of("job-2") == ImportControl()
    assert controls.of(FOUND.import_id) == ImportControl()


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 9)), unique_by=lambda c: c[1]),
    st.randoms(use_true_random=False),
)
def test_order_and_repetition_change_nothing(
    known: list[tuple[type[e.Control], int]], rng: Random
) -> None:
    events = [control(kind, epoch) for kind, epoch in known]
    shuffled = [*events, *events]
    rng.shuffle(shuffled)
    assert applied(*shuffled).of("job-1") == applied(*events).of("job-1")
