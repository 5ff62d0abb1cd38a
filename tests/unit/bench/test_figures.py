"""Rates, costs and ratios of a benchmark."""

import pytest
from msgspec.structs import replace

from bench.compare.figures import CEILING, OURS, Report, Row, difference, growth_per_minute
from bench.compare.workloads import RCLONE_4, RCLONE_32, SMALL, WORKLOADS, Workload
from tests.unit.bench.reports import a_case, a_row, a_run, a_whole_report


def test_rates_are_per_second_and_costs_per_file() -> None:
    run = a_run(4.0, {"transfer": 1.5, "indexer": 0.5}, files=2_000, size=100_000)
    assert run.files_per_second == 500
    assert run.megabytes_per_second == 50
    assert run.cpu_ms(["transfer"]) == 0.75
    assert run.cpu_ms(["transfer", "indexer", "absent"]) == 1.0


def test_a_figure_is_the_median_of_the_rounds() -> None:
    row = a_row(ours=[1.0, 100.0, 2.0])
    assert row.speed(OURS) == 500
    assert row.speed(RCLONE_4) is None


def test_a_ratio_compares_what_ran_in_the_same_round() -> None:
    # Alike in each round, on a machine that became ten times as slow.
    row = a_row(ours=[1.0, 10.0], many=[2.0, 20.0])
    assert row.ratio(OURS, RCLONE_32) == 2.0
    medians = a_row(ours=[1.0, 10.0, 10.0], many=[2.0, 2.0, 20.0])
    assert medians.ratio(OURS, RCLONE_32) == 2.0


def test_the_worst_round_tells_what_others_used() -> None:
    row = a_row(ours=[1.0, 1.0], four=[1.0])
    row.runs[OURS][1] = replace(row.runs[OURS][1], others=1.5)
    assert row.others == 1.5
    assert Row(workload="x", delay_ms=0, runs={}).others == 0


def test_with_fewer_rounds_the_medians_are_compared() -> None:
    row = a_row(ours=[1.0, 2.0, 4.0], four=[8.0])
    assert row.ratio(OURS, RCLONE_4) == 4.0


def test_who_did_not_run_is_not_compared() -> None:
    row = a_row(ours=[1.0])
    assert row.ratio(OURS, RCLONE_4) is None
    assert row.ratio(RCLONE_4, OURS) is None
    assert row.part_of_ceiling(OURS) is None


def test_the_part_of_the_ceiling_is_one_of_bytes() -> None:
    assert a_row(ours=[2.0], store=[1.0]).part_of_ceiling(OURS) == 0.5
    none = Row(workload="x", delay_ms=0, runs={CEILING: [a_run(1.0)]})
    assert none.part_of_ceiling(OURS) is None


def test_the_growth_is_that_of_the_second_half() -> None:
    rising_first = [(float(t), min(100.0, 50 + t)) for t in range(0, 120)]
    assert growth_per_minute(rising_first) == pytest.approx(0.0, abs=1e-9)
    leaking = [(float(t), 100 + t * 0.5) for t in range(0, 120)]
    assert growth_per_minute(leaking) == pytest.approx(30.0)


@pytest.mark.parametrize("samples", [[], [(0.0, 1.0)], [(5.0, 1.0), (5.0, 2.0)]])
def test_few_samples_show_no_growth(samples: list[tuple[float, float]]) -> None:
    assert growth_per_minute(samples) == 0


def test_what_was_used_is_the_difference() -> None:
    assert difference({"a": 3.256, "new": 1.0}, {"a": 1.0, "gone": 9.0}) == {"a": 2.26, "new": 1.0}


def test_a_workload_knows_its_bytes() -> None:
    assert Workload("x", 5, (1, 10)).bytes == 23
    assert [each.bytes for each in WORKLOADS] == [1_024_000_000, 2_000_000_000, 1_977_750_000]


def test_a_folder_on_drive_is_named_by_all_that_is_in_it() -> None:
    names = {each.of(files).tree for each in WORKLOADS for files in (10, 20)}
    assert len(names) == 2 * len(WORKLOADS)


def test_an_update_replaces_what_was_measured_again_and_keeps_the_rest() -> None:
    before = a_whole_report()
    row, case = a_row(ours=[9.0]), a_case(peak_mb=1.0)
    after = before.updated(Report(machine={"cores": "4"}, rows=[row], memory=[case]))
    assert after.machine == before.machine | {"cores": "4"}
    assert after.row(SMALL, 0) == row
    assert after.rows[1:] == before.rows[1:]
    assert (after.again, after.listing, after.indexing) == (
        before.again,
        before.listing,
        before.indexing,
    )
    assert after.memory == [case]
    assert before.updated(Report(machine=before.machine)) == before
