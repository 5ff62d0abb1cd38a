"""An import obeys the control of the newest epoch, and no control is forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from services.core import events as e
from services.core.control import ControlState, ImportControls
from tests.fakes.samples import NOW

PAUSED, RUNNING = ControlState.PAUSED, ControlState.RUNNING
KINDS = [e.ImportPaused, e.ImportResumed, e.ImportStalled]


def control(kind: type[e.Control], epoch: int, import_id: str = "import-1") -> e.Control:
    return kind(import_id=import_id, epoch=epoch, at=NOW)


def after(*events: e.Message) -> ImportControls:
    controls = ImportControls()
    for event in events:
        controls.apply(event)
    return controls


def test_an_import_that_nobody_controlled_runs_at_epoch_zero() -> None:
    control = after().of("import-1")
    assert (control.epoch, control.state) == (0, RUNNING)


def test_each_import_has_its_own_control() -> None:
    controls = after(control(e.ImportPaused, 1), control(e.ImportCancelled, 2, "import-2"))
    assert controls.of("import-1").state is PAUSED
    assert controls.of("import-2").state is ControlState.CANCELLED
    assert controls.of("import-3").state is RUNNING


def test_a_stalled_import_runs_again() -> None:
    assert after(control(e.ImportPaused, 1), control(e.ImportStalled, 2)).of("import-1").epoch == 2


def test_nothing_brings_a_cancelled_import_back() -> None:
    controls = after(control(e.ImportCancelled, 1), control(e.ImportResumed, 2))
    assert controls.of("import-1").state is ControlState.CANCELLED


def test_other_events_change_nothing() -> None:
    event = e.FolderNamed(import_id="import-1", epoch=9, folder_id="f", name="n", named_at=NOW)
    assert after(event).of("import-1").epoch == 0


@given(
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=6).flatmap(
        lambda kinds: st.tuples(
            st.just(kinds), st.permutations([*range(len(kinds)), *range(len(kinds))])
        )
    )
)
def test_order_and_repeats_do_not_matter(asked: tuple[list[type[e.Control]], list[int]]) -> None:
    kinds, order = asked
    newest = after(*(control(kinds[n], n + 1) for n in order)).of("import-1")
    assert newest.epoch == len(kinds)
    assert newest.state is (PAUSED if kinds[-1] is e.ImportPaused else RUNNING)
