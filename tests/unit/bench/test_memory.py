"""How a process is looked at: its open files, and what it has written."""

import os
import threading
from pathlib import Path

import pytest

from bench.memory import Watch, found, regular_files, written_bytes
from bench.processes import (
    children_by_name,
    cpu_seconds,
    peak_mb,
    resident_mb,
    tree_cpu_seconds,
    tree_peak_mb,
)
from services.core.wire import decode, encode

GONE = 2**22 + 1
"""No process id is as high (PID_MAX_LIMIT)."""
linux = pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="asks Linux's /proc")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "transfer.log"
    path.write_text("started\n")
    return path


@linux
def test_a_file_is_seen_while_it_is_open_even_if_it_has_no_name(tmp_path: Path, log: Path) -> None:
    path = tmp_path / "body"
    with path.open("wb"):
        assert str(path) in set(regular_files(os.getpid(), log))
        path.unlink()
        assert f"{path} (deleted)" in set(regular_files(os.getpid(), log))
    assert not any(str(path) in each for each in regular_files(os.getpid(), log))


@linux
def test_the_log_and_what_is_no_file_do_not_count(log: Path) -> None:
    reading, writing = os.pipe()
    before = set(regular_files(os.getpid(), log))
    with log.open("a"):
        assert set(regular_files(os.getpid(), log)) == before
    os.close(reading)
    os.close(writing)
    assert not any("pipe:" in each for each in before)


@linux
def test_a_thread_takes_samples_until_it_is_told_to_end(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.memory.EVERY_S", 0.001)
    watch, until = Watch(os.getpid(), log), threading.Event()
    thread = threading.Thread(target=watch.look, args=(until,))
    thread.start()
    while len(watch.samples) < 3:
        until.wait(0.001)
    until.set()
    thread.join(60)
    assert all(mb > 1 for _, mb in watch.samples)
    assert watch.written == written_bytes(os.getpid())


@linux
def test_a_process_has_figures_and_one_that_is_gone_has_none() -> None:
    here = os.getpid()
    assert cpu_seconds(here)
    assert (peak_mb(here) or 0) >= resident_mb(here) * 0.9 > 1
    assert tree_cpu_seconds(here) > 0
    assert tree_peak_mb(here) > 1
    assert children_by_name(["no-such-program"]) == {}
    assert (cpu_seconds(GONE), peak_mb(GONE), resident_mb(GONE)) == (None, None, 0.0)
    assert (tree_cpu_seconds(GONE), tree_peak_mb(GONE)) == (0.0, 0.0)


def test_the_backlog_s_events_are_those_of_a_lister() -> None:
    event = found(7)
    assert decode("files.found", encode(event, source="bench").value) == event
    assert event.file_id != found(8).file_id
    assert event.md5 != found(8).md5
