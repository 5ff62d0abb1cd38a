"""The page of figures, and the file that it comes from."""

from pathlib import Path

import msgspec
import pytest

from bench.compare.figures import Report
from bench.compare.page import main, read_json, rendered, write_json
from tests.unit.bench.reports import a_case, a_row, a_whole_report

ROOT = Path(__file__).resolve().parents[3]


def test_a_report_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_json(path, a_whole_report())
    assert read_json(path) == a_whole_report()


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"rows": []}')
    with pytest.raises(msgspec.ValidationError, match="machine"):
        read_json(path)


def test_the_page_is_written_from_the_file(tmp_path: Path) -> None:
    source, target = tmp_path / "report.json", tmp_path / "page.md"
    write_json(source, a_whole_report())
    assert main([str(source), str(target)]) == 0
    assert target.read_text() == rendered(a_whole_report())


def test_a_table_shows_rates_and_ratios() -> None:
    page = rendered(a_whole_report())
    assert "## 100 KB, no latency\n" in page
    assert "| drivestream | 1,000 | 2.0 | 500.0 | 50.0 |  |\n" in page
    assert "| rclone, 4 transfers | 1,000 | 3.0 | 333.3 | 33.3 | 1.50 |\n" in page
    assert "| **all services** | 0.90 |  |  |  |  |\n" in page
    assert "| **broker and database** | 0.30 |  |  |  |  |\n" in page
    assert "| cores | 2 |\n" in page
    assert "Other programs used at most 0.25 cores meanwhile." in page


def test_what_is_short_stands_in_its_section() -> None:
    good = rendered(a_whole_report())
    assert "## Short of the goals\n\nNothing that was measured.\n" in good
    slow = msgspec.structs.replace(a_whole_report(), memory=[a_case(peak_mb=300.0)])
    section = rendered(slow).partition("## Short of the goals")[2].partition("## Goals")[0]
    line = "| transfer's memory, big: 1 x 3,221 MB: peak | 300.0 MB | at most 250.0 MB |\n"
    assert line in section
    assert section.count("|\n") == 3  # head, rule, and this one


def test_what_was_not_measured_is_named() -> None:
    page = rendered(Report(machine={}, rows=[a_row(ours=[1.0], four=[2.0])]))
    named = page.partition("Not measured: ")[2].partition("\n")[0]
    assert "100 KB: speed, compared with rclone, 32 transfers" in named
    assert "files found a second, one lister" in named
    assert "rclone, 4 transfers" not in named


def test_a_quick_run_shows_only_what_it_measured() -> None:
    page = rendered(Report(machine={"cores": "2"}, rows=[a_row(ours=[1.0])]), whole=False)
    assert page.startswith("## 100 KB, no latency\n")
    assert "Not measured" not in page
    assert "| cores |" not in page


@pytest.mark.skipif(not (ROOT / "docs/performance.json").exists(), reason="nothing measured yet")
def test_the_page_in_docs_is_that_of_the_file() -> None:
    report = read_json(ROOT / "docs/performance.json")
    assert (ROOT / "docs/performance.md").read_text() == rendered(report)
