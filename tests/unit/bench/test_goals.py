"""Which goals a report misses."""

import msgspec
import pytest

from bench.compare.figures import OURS, Again, Report
from bench.compare.goals import Goal, goals
from bench.compare.workloads import LARGE
from tests.unit.bench.reports import a_case, a_row, a_run, a_whole_report


def missed(report: Report) -> set[str]:
    return {goal.name for goal in goals(report) if goal.found is not None and not goal.met}


def test_a_bound_belongs_to_what_is_good() -> None:
    assert Goal(name="x", found=1.0, bound=1.0).met
    assert not Goal(name="x", found=0.99, bound=1.0).met
    assert Goal(name="x", found=1.0, bound=1.0, at_least=False).met
    assert not Goal(name="x", found=1.01, bound=1.0, at_least=False).met


def test_what_was_not_measured_is_not_met() -> None:
    assert not Goal(name="x", found=None, bound=0.0).met
    found = goals(Report(machine={}))
    assert {goal.found for goal in found} == {None}


def test_every_goal_can_be_met() -> None:
    found = goals(a_whole_report())
    assert [goal.name for goal in found if not goal.met] == []
    assert len(found) == 24


@pytest.mark.parametrize(
    ("cpu", "short"),
    [
        ({"transfer": 0.86}, "100 KB: CPU a file, the transfer"),
        ({"transfer": 0.8, "api": 0.2, "monitor": 0.16}, "100 KB: CPU a file, all services"),
        ({"kafka": 0.3, "postgres": 0.06}, "100 KB: CPU a file, broker and database"),
    ],
)
def test_cpu_is_counted_by_who_used_it(cpu: dict[str, float], short: str) -> None:
    report = a_whole_report()
    report.rows[0].runs[OURS] = [a_run(2.0, cpu)]
    assert missed(report) == {short}


def test_speed_is_compared_at_each_latency() -> None:
    report = a_whole_report()
    near = a_row(ours=[2.8], four=[3.0], many=[2.1])
    far = a_row(delay_ms=100, ours=[7.0], many=[6.0], usual=[95.0])
    assert missed(msgspec.structs.replace(report, rows=[near, far])) == {
        "100 KB: speed, compared with rclone, 32 transfers",
        "100 KB: speed, compared with rclone, 4 transfers",
        "100 KB, 100 ms: speed, compared with rclone, 32 transfers",
        "100 KB, 100 ms: speed, compared with rclone, its defaults",
    } | missed(Report(machine={}))


def test_large_files_need_what_the_store_takes_or_the_peer_reaches() -> None:
    def parts(ours: float, theirs: float) -> set[str]:
        rows = [a_row(LARGE, ours=[ours], many=[theirs], store=[1.0])]
        return missed(Report(machine={}, rows=rows))

    assert parts(ours=1.05, theirs=1.0) == set()
    assert parts(ours=1.5, theirs=1.6) == set()
    assert parts(ours=1.7, theirs=1.6) == {"5 MB: part of what the store takes"}


def test_a_second_import_downloads_only_what_changed() -> None:
    again = Again(files=10, seconds=5.1, downloads=1, seconds_of_one=1.0, downloads_of_one=2)
    assert missed(msgspec.structs.replace(a_whole_report(), again=again)) == {
        "unchanged folder imported again",
        "downloads for an unchanged folder",
        "downloads for one changed file",
    }


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"peak_mb": 250.1}, "peak"),
        ({"growth_mb_per_minute": 5.1}, "growth a minute"),
        ({"written_mb": 1.1}, "written to disk"),
    ],
)
def test_memory_must_be_small_and_flat(changes: dict[str, object], what: str) -> None:
    report = msgspec.structs.replace(a_whole_report(), memory=[a_case(**changes)])
    assert missed(report) == {f"transfer's memory, big: 1 x 3,221 MB: {what}"}


def test_an_open_file_is_told() -> None:
    report = msgspec.structs.replace(a_whole_report(), memory=[a_case(open_files=["/tmp/x"])])
    assert missed(report) == {"transfer, big: 1 x 3,221 MB: regular files open"}
