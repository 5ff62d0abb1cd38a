"""`status` and `top`: the system in a terminal, in lines elsewhere, and as JSON."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from local.cli import main
from local.paths import CHECKOUT
from local.show.system import System
from tests.integration.local.answers import Answers, answering

Capture = pytest.CaptureFixture[str]
SAYS = "Google's quota: 88% of the files in progress wait for it."
LAG = {"topic": "files.found", "end": 900, "committed": 100, "seconds": 61.0}
WORKER = {
    "id": "transfer@h/1",
    "service": "transfer",
    "state": "running",
    "waiting_for": None,
    "in_flight": 32,
    "concurrency": 32,
    "in_hand": {"quota": 28.0, "drive": 3.5, "other": 0.5},
    "busy": 0.25,
    "holds": [f"files.found/{n}" for n in range(12)],
}
FULL = {"reason": "store_full", "message": "The store is full.\x1b[2J", "until": None}
SYSTEM: dict[str, object] = {
    "as_of": "2026-11-26T10:00:00Z",
    "limit": {"reason": "google_quota", "message": SAYS},
    "lag": [
        {**LAG, "group": "transfer", "partition": 0, "messages": 800, "seconds_to_clear": 130.0},
        {**LAG, "group": "transfer", "partition": 1, "messages": 403, "seconds_to_clear": 70.0},
        {**LAG, "group": "indexer", "partition": 0, "messages": 0, "seconds_to_clear": 0.0},
    ],
    "workers": [
        WORKER,
        {**WORKER, "id": "transfer@h/2", "state": "waiting", "waiting_for": FULL, "holds": []},
        {**WORKER, "id": "transfer@h/0", "state": "stopped"},
    ],
    "rates": {
        "now": {"found": 40.0, "files": 31.25, "bytes": 4_000_000.0},
        "minutes": [
            {"stored": 600, "unchanged": 4, "failed": 1, "bytes": 62_000_000},
            {"stored": 603, "unchanged": 0, "failed": 0, "bytes": 100_000},
        ],
    },
    "quota": {"unit": "units", "limit": 325_000, "used": 286_000},
    "dead_letters": 3,
    "unknown": ["The monitor has published no rates for 40 s."],
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Answers]:
    """The API that DRIVESTREAM_URL names; no copy runs here."""
    with answering() as answers:
        monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("DRIVESTREAM_URL", answers.url)
        answers.add("GET /system", SYSTEM)
        yield answers


def started(stdout: int, *arguments: str, **changed: str) -> subprocess.Popen[str]:
    """The command as a process that hears Ctrl-C."""
    command = [sys.executable, "-m", "local", *arguments]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "40", **changed}
    return subprocess.Popen(
        command, cwd=CHECKOUT, env=env, stdout=stdout, stderr=subprocess.PIPE, text=True
    )


def test_status_of_another_machine_is_the_page_once(api: Answers, capsys: Capture) -> None:
    assert main(["status"]) == 0
    text = capsys.readouterr().out
    assert f"Limit         {SAYS}\n" in text
    assert "Now           31.2 files/s, 4.0 MB/s\n" in text
    assert "Last hour     1,203 stored (62.1 MB), 4 unchanged, 1 failed\n" in text
    assert "Quota         286,000 of 325,000 units a minute\n" in text
    assert "Dead letters  3\n" in text
    assert "Not current   The monitor has published no rates for 40 s.\n" in text
    assert re.search(r"transfer +files.found +2 +1,203 +1 min +2 min\n", text)
    assert re.search(r"indexer +files.found +1 +0 +- +-\n", text)
    waits = "quota 28.0 drive 3.5 other 0.5"
    assert re.search(rf"transfer@h/1 +running +12 +32 of 32 +25% +{waits}\n", text)
    assert re.search(r"transfer@h/2 +waiting +0 .* The store is full. \[2J", text)
    assert "transfer@h/0" not in text
    assert "\x1b" not in text


def test_json_is_the_answer_of_the_api(api: Answers, capsys: Capture) -> None:
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == SYSTEM


def test_nothing_known_is_a_dash(api: Answers, capsys: Capture) -> None:
    nothing: dict[str, object] = {"now": None, "minutes": []}
    empty = {**SYSTEM, "rates": nothing, "lag": [], "workers": [], "dead_letters": None}
    api.prepared["GET /system"].clear()
    api.add("GET /system", {**empty, "quota": {"unit": "units", "limit": None, "used": 0}})
    assert main(["status"]) == 0
    text = capsys.readouterr().out
    assert "Now           not known\n" in text
    assert "Dead letters  -\n" in text
    assert "no limit set" in text
    assert "No worker is running." in text


@pytest.mark.parametrize("arguments", [["top"], ["status", "--watch"]])
def test_elsewhere_than_on_a_terminal_each_look_is_a_line(
    api: Answers, arguments: list[str]
) -> None:
    with started(subprocess.PIPE, *arguments, "--every", "0.05") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (130, "Interrupted.\n")
    for line in [*lines, *rest.splitlines(keepends=True)]:
        assert line.endswith(
            f"  31.2 files/s, 4.0 MB/s; transfer 1,203 behind; google_quota: {SAYS}\n"
        )


def test_json_while_watching_is_a_line_for_each_look(api: Answers) -> None:
    with started(subprocess.PIPE, "top", "--json", "--every", "0.05") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130
    assert [json.loads(line) for line in lines] == [SYSTEM] * 2


def test_top_takes_the_whole_screen_and_gives_it_back(api: Answers) -> None:
    ours, theirs = pty.openpty()
    with started(theirs, "top", "--every", "0.05") as process:
        os.close(theirs)
        seen, until = b"", time.monotonic() + 60
        while b"transfer@h/1" not in seen and time.monotonic() < until:
            seen += os.read(ours, 65_536)
        process.send_signal(signal.SIGINT)
        while b"\x1b[?1049l" not in seen and time.monotonic() < until:
            seen += os.read(ours, 65_536)
        process.communicate(timeout=60)
        assert process.returncode == 130
    os.close(ours)
    assert seen.startswith(b"\x1b[?1049h")
    assert SAYS.encode() in seen


def test_a_narrow_terminal_has_the_whole_sentence() -> None:
    for width in (1, 30, 60, 160):
        page = msgspec.convert(SYSTEM, System).page(width).partition("Now ")[0]
        assert " ".join(page.split()) == f"Limit {SAYS}"
        assert max(map(len, page.splitlines())) <= max(28, width)


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(api: Answers) -> None:
    ours, theirs = pty.openpty()
    with started(theirs, "top", "--every", "0.05", TERM="dumb") as process:
        os.close(theirs)
        seen, until = b"", time.monotonic() + 60
        while seen.count(b"\n") < 2 and time.monotonic() < until:
            seen += os.read(ours, 65_536)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    os.close(ours)
    assert b"; transfer 1,203 behind; google_quota: " in seen
    assert b"\x1b" not in seen


def test_an_api_that_is_away_for_a_moment_is_asked_again(api: Answers) -> None:
    api.refuse("GET /system", 503, "unavailable", "It is restarting.")
    api.refuse("GET /system", 503, "unavailable", "It is restarting.")
    api.add("GET /system", SYSTEM)
    with started(subprocess.PIPE, "top", "--every", "0.05") as process:
        assert process.stdout is not None
        assert [bool(process.stdout.readline()) for _ in range(2)] == [True, True]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert said == "It is restarting. Trying again.\nInterrupted.\n"


def test_an_address_where_nothing_listens_is_told_at_once(api: Answers, capsys: Capture) -> None:
    assert main(["top", "--api", "http://127.0.0.1:1"]) == 3
    assert "is not responding" in capsys.readouterr().err
