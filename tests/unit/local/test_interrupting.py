"""Ctrl-C and closed pipes, at the real command: one line, no traceback."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.cli import main
from local.paths import CHECKOUT
from local.run.data_folder import DataFolder

COMMAND = (sys.executable, "-m", "local")


def started(data_dir: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "DATA_DIR": str(data_dir), **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("loaded", ["argparse", "msgspec", "rich.console", "local.commands.output"])
def test_ctrl_c_while_the_command_loads_is_one_line(tmp_path: Path, loaded: str) -> None:
    child = started(tmp_path / "data", "up", PYTHONPROFILEIMPORTTIME="1")
    assert child.stderr is not None
    for line in child.stderr:
        if line.rpartition("|")[2].strip() == loaded:
            break
    child.send_signal(signal.SIGINT)
    _, rest = child.communicate(timeout=30)
    said = [line for line in rest.splitlines() if not line.startswith("import time:")]
    assert (child.returncode, said) == (130, ["Interrupted."])
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("loaded", ["hashlib", "subprocess"])
def test_ctrl_c_while_the_set_up_loads_is_one_line(tmp_path: Path, loaded: str) -> None:
    script = tmp_path / "local" / "bootstrap.py"
    script.parent.mkdir()
    script.write_bytes((CHECKOUT / "local" / "bootstrap.py").read_bytes())
    child = subprocess.Popen(
        [sys.executable, "-X", "importtime", script],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    for line in child.stderr:
        if line.rpartition("|")[2].strip() == loaded:
            break
    child.send_signal(signal.SIGINT)
    _, rest = child.communicate(timeout=30)
    said = [line for line in rest.splitlines() if not line.startswith("import time:")]
    assert (child.returncode, said[-1]) == (130, "Interrupted. The same command continues.")
    assert len(said) <= 2, "beside it, there may be what was being done"


def test_ctrl_c_again_and_again_is_still_one_line(tmp_path: Path) -> None:
    """Two copies: the second waits for the lock of the first."""
    data = tmp_path / "data"
    with DataFolder(data).locked():
        (data / "running.json").unlink()
        child = started(data, "up")
        time.sleep(2)
        for _ in range(5):
            child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
    assert (child.returncode, said) == (130, "Interrupted.\n")


@pytest.mark.parametrize("arguments", ["--help", "status", "replay plan --help"])
def test_a_reader_that_is_gone_is_no_error_on_the_terminal(tmp_path: Path, arguments: str) -> None:
    child = started(tmp_path / "data", *arguments.split())
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    said = child.stderr.read()
    child.wait(30)
    child.stderr.close()
    assert said == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "drivestream 0.1.0\n"


def test_a_purge_without_a_terminal_asks_for_yes_and_removes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / ".drivestream-data").touch()
    child = started(data, "down", "--purge")
    _, said = child.communicate(timeout=30)
    assert child.returncode == 2
    assert "--yes" in said
    assert data.exists()
