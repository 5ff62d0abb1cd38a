"""Ctrl-C and closed pipes, at the real command: one line, no traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from local.cli import main
from local.paths import CHECKOUT
from local.run.data_folder import LOCK, DataFolder

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
    _, rest = child.communicate(timeout=60)
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
    _, rest = child.communicate(timeout=60)
    said = [line for line in rest.splitlines() if not line.startswith("import time:")]
    assert (child.returncode, said[-1]) == (
        130,
        "Interrupted. Run the same command again to continue.",
    )
    assert len(said) <= 2, "beside it, there may be what was being done"


def waits_for_the_lock(pid: int) -> bool:
    with suppress(OSError):
        files = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
        return any(name.endswith(f"/{LOCK}") for name in files)
    return False


def test_ctrl_c_again_and_again_is_still_one_line(tmp_path: Path) -> None:
    """Two copies: the second waits for the lock of the first."""
    data = tmp_path / "data"
    with DataFolder(data).locked():
        (data / "running.json").unlink()
        child = started(data, "up")
        until = time.monotonic() + 60
        while not waits_for_the_lock(child.pid) and time.monotonic() < until:
            time.sleep(0.02)
        for _ in range(5):
            child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    assert (child.returncode, said) == (130, "Interrupted.\n")


@pytest.mark.parametrize("arguments", ["--help", "status", "replay plan --help"])
def test_a_reader_that_is_gone_is_no_error_on_the_terminal(tmp_path: Path, arguments: str) -> None:
    child = started(tmp_path / "data", *arguments.split())
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    said = child.stderr.read()
    child.wait(60)
    child.stderr.close()
    assert said == ""


@pytest.mark.parametrize(
    "command",
    ["setup", "indexer.rebuild --json", "verifying --json", "verifying.prune --json"],
)
def test_what_runs_on_the_servers_ends_quietly_without_a_reader(command: str) -> None:
    """Without settings there is a sentence to say, and nobody reads it."""
    read, write = os.pipe()
    os.close(read)
    speaks = subprocess.PIPE
    child = subprocess.run(
        [sys.executable, "-m", *f"services.{command}".split()],
        cwd=CHECKOUT,
        env={name: value for name, value in os.environ.items() if name in ("PATH", "HOME")},
        stdout=speaks if command == "setup" else write,
        stderr=write if command == "setup" else speaks,
        check=False,
    )
    os.close(write)
    assert (child.returncode, child.stdout or b"", child.stderr or b"") == (141, b"", b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("arguments", ["--version", "status", "import x"])
def test_streams_that_are_closed_are_no_error(tmp_path: Path, arguments: str, closed: str) -> None:
    codes = {"--version": 0, "status": 3, "import x": 2}
    command = f"{sys.executable} -m local {arguments} {closed}"
    child = subprocess.run(
        ["sh", "-c", command],
        cwd=CHECKOUT,
        env={**os.environ, "DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == codes[arguments]
    assert "Traceback" not in child.stderr


def test_a_result_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        child = subprocess.run(
            [*COMMAND, "status"],
            cwd=CHECKOUT,
            env={**os.environ, "DATA_DIR": str(tmp_path / "data")},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert child.returncode == 1
    assert child.stderr == "The result could not be written: No space left on device.\n"


def test_json_is_json_in_every_encoding(tmp_path: Path) -> None:
    data = tmp_path / "dönées…"
    link = "https://drive.google.com/drive/folders/1AbCdEfGhIjKlMnOpQrSt"
    command = [*COMMAND, "import", link, "--json"]
    for encoding in ("ascii", "latin-1", "utf-8"):
        env = {**os.environ, "DATA_DIR": str(data), "PYTHONIOENCODING": encoding}
        child = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, check=False)
        assert b"Traceback" not in child.stderr
        assert data.name in json.loads(child.stdout.decode(encoding))["error"]


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(capsys: pytest.CaptureFixture[str], option: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "drivestream 0.1.0\n"


def test_a_purge_without_a_terminal_asks_for_yes_and_removes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / ".drivestream-data").touch()
    child = started(data, "down", "--purge")
    _, said = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "--yes" in said
    assert data.exists()


def test_ctrl_c_while_the_set_up_loads_ends_it_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "hashlib.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    script = (
        "import runpy, sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        f"runpy.run_path({str(CHECKOUT / 'local' / 'bootstrap.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Interrupted. Run the same command again to continue.\n"
