"""The benchmarks themselves, tiny, on real servers: what they report is whole."""

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from bench import memory
from bench.compare import run
from bench.compare.figures import BYTES, CEILING, OURS
from bench.compare.workloads import RCLONE_4, RCLONE_32, Workload
from bench.drive.client import running_drive
from tests.platform import Platform

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(300)]
TINY = Workload("tiny", 40, (2_000, 100_000, 300_000), folders=3)


@pytest.fixture
def stage(platform: Platform, tmp_path: Path) -> Iterator[run.Stage]:
    with running_drive(tmp_path) as drive:
        yield run.Stage(dict(platform.env), drive, tmp_path)


@pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed")
def test_each_contender_copies_everything(stage: run.Stage) -> None:
    course = run.Course(TINY, delay_ms=20, rounds=1, with_defaults=False)
    row = run.measure(course, lambda: nullcontext(stage))
    assert set(row.runs) == {OURS, RCLONE_4, RCLONE_32, BYTES, CEILING}
    for name, (measured,) in row.runs.items():
        assert (measured.files, measured.bytes) == (TINY.files, TINY.bytes), name
        assert 0 < measured.seconds < 60, name
    assert row.cpu_ms(OURS, ["transfer"])
    assert row.cpu_ms(RCLONE_4, ["rclone"])
    assert row.runs[OURS][0].peak_mb["transfer"] > 10


def test_a_second_import_downloads_only_what_changed(stage: run.Stage) -> None:
    again = run.again(stage, TINY)
    assert (again.downloads, again.downloads_of_one) == (0, 1)


def test_memory_is_looked_at_while_files_are_copied(stage: run.Stage) -> None:
    big = 30_000_000
    case = memory.import_case(stage, memory.BIG, [100_000] * 10 + [big])
    assert case.case == "big: 1 x 30 MB among 10 small ones"
    assert (case.files, case.open_files) == (11, [])
    assert 10 < case.peak_mb < 250
    backlog = memory.backlog_case(stage, events=3_000, seconds=3)
    assert backlog.files > 0
    assert backlog.open_files == []


def test_a_listing_is_measured_to_its_end(stage: run.Stage) -> None:
    rate = run.listing(stage, TINY.of(3_000))
    assert rate.count == 3_000
    assert 0 < rate.seconds < 60
    assert rate.cpu_seconds > 0
