"""A long import, cut into tenths."""

import msgspec
import pytest

from bench.compare.goals import goals
from bench.compare.page import rendered
from bench.endurance import Sample, growth, tenths
from tests.unit.bench.reports import a_long_import, a_whole_report


def samples(rates: list[int]) -> list[Sample]:
    """One for each second, with so many files stored in each; one core, and 1 MB more each."""
    return [
        Sample(float(at), sum(rates[:at]), {"transfer": float(at)}, {"transfer": 100.0 + at})
        for at in range(len(rates) + 1)
    ]


def test_every_file_is_in_one_tenth() -> None:
    found = tenths(samples([50] * 20), 1_000)
    assert [tenth.files for tenth in found] == [100] * 10
    assert [tenth.seconds for tenth in found] == [2.0] * 10
    assert found[0].cpu_ms(["transfer"]) == pytest.approx(20.0)
    assert found[-1].resident_mb == {"transfer": 120.0}


def test_a_tenth_ends_with_the_sample_that_has_it_whole() -> None:
    found = tenths(samples([130] * 8), 1_000)
    assert sum(tenth.files for tenth in found) == 1_040
    assert max(tenth.seconds for tenth in found) == 1.0


def test_an_import_that_slows_down_is_told() -> None:
    slow = a_long_import(seconds=100.0, of_last=200.0)
    assert slow.last_of_first == pytest.approx(0.5)
    missed = [
        g.name
        for g in goals(msgspec.structs.replace(a_whole_report(), endurance=slow))
        if not g.met
    ]
    assert missed == ["long import: speed of the last tenth, as a part of the first"]


def test_memory_that_grows_is_told() -> None:
    assert growth(samples([50] * 20)) == {"transfer": 60.0}
    grown = msgspec.structs.replace(a_long_import(), growth_mb_per_minute={"lister": 6.0})
    found = goals(msgspec.structs.replace(a_whole_report(), endurance=grown))
    assert "long import, lister: growth a minute" in [g.name for g in found if not g.met]


def test_the_page_has_a_line_for_every_tenth() -> None:
    page = rendered(a_whole_report())
    assert "## A long import: 1,000,000 files of 10 KB" in page
    assert "| 10 | 541 | 1.00 |" in page
