"""What `tests.fire` says of imports and their files."""

from dataclasses import replace

from tests.fire.checks.imports import Accepted, FileRow, closed_equation, failures_heal, lost

ACCEPTED = Accepted(import_id="a", files={"f1", "f2"})
ROWS = [
    FileRow(import_id="a", file_id="f1", state="stored"),
    FileRow(import_id="a", file_id="f2", state="failed", reason="content_mismatch"),
    FileRow(import_id="a", file_id="notes", state="skipped"),
]
STATES = {"a": "completed_with_failures"}
NOBODY: set[str] = set()
SUMS = {"stored": 1, "unchanged": 0, "failed": 1, "pending": 0}
REPORTS = {"a": {"found": 2, **SUMS}}


def test_an_import_with_an_outcome_of_each_file_is_not_lost() -> None:
    assert lost([ACCEPTED], STATES, ROWS, NOBODY).holds


def test_a_lost_import_is_told() -> None:
    assert not lost([ACCEPTED], {}, ROWS, NOBODY).holds
    assert not lost([], STATES, ROWS, NOBODY).holds
    assert not lost([ACCEPTED], {"a": "transferring"}, ROWS, NOBODY).holds


def test_a_file_that_is_lost_invented_or_pending_is_told() -> None:
    assert lost([ACCEPTED], STATES, ROWS[1:], NOBODY).wrong == ["file f1 of import a has no row"]
    invented = FileRow(import_id="a", file_id="x", state="failed")
    assert not lost([ACCEPTED], STATES, [*ROWS, invented], NOBODY).holds
    assert lost([ACCEPTED], STATES, [*ROWS, invented], {"x"}).holds
    pending = [replace(ROWS[0], state="pending"), *ROWS[1:]]
    assert not lost([ACCEPTED], STATES, pending, NOBODY).holds
    assert lost([ACCEPTED], {"a": "cancelled"}, pending, NOBODY).holds


def test_the_equation_is_counted_three_times() -> None:
    assert closed_equation({"a": SUMS}, ROWS, REPORTS, 5, []).holds
    assert not closed_equation({"a": SUMS}, ROWS[1:], REPORTS, 5, []).holds
    assert not closed_equation({"a": {"stored": 2}}, ROWS, REPORTS, 5, []).holds
    assert not closed_equation({}, ROWS, {"a": {**REPORTS["a"], "found": 3}}, 5, []).holds
    assert not closed_equation({"a": SUMS}, ROWS, REPORTS, 5, [REPORTS["a"]]).holds


def test_what_stays_failed_is_told_unless_nobody_could_mend_it() -> None:
    told = [("a", "f2", "content_mismatch")]
    assert not failures_heal(ROWS, told, NOBODY, NOBODY).holds
    assert failures_heal(ROWS, told, {"a"}, NOBODY).holds
    assert failures_heal(ROWS, told, NOBODY, {"f2"}).holds


def test_a_reason_that_cannot_be_true_is_told() -> None:
    assert failures_heal([], [("a", "f1", "download_failed")], NOBODY, NOBODY).holds
    assert not failures_heal([], [("a", "f1", "lost")], NOBODY, NOBODY).holds
