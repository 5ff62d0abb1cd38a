"""`make environment` from a fresh checkout, on a machine with Python and make and nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import CHECKOUT, cache_dir

NEEDED = ("Makefile", "README.md", "pyproject.toml", "requirements", "local", "services")
BARE = ("sh", "make", "git", "cat", "uname")
LIMIT_S = 300
HOSTILE = {
    **{"PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere", "PYTHONHASHSEED": "nowhere"},
    **{"PIP_USER": "1", "PIP_TARGET": "/nowhere", "PIP_REQUIRE_VIRTUALENV": "nowhere"},
    **{"UV_PYTHON": "2.7", "UV_SYSTEM_PYTHON": "1", "UV_NO_BINARY": "1", "UV_TARGET": "/nowhere"},
}
"""Settings for other Pythons, which must not decide what is installed here, or where."""

pytestmark = pytest.mark.timeout(LIMIT_S)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what is under version control and has a part in the set-up."""
    copy = tmp_path / "drivestream"
    copy.mkdir()
    for name in (*NEEDED, "drive_emulator"):
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    return copy


def make(checkout: Path, *arguments: str, python: str) -> subprocess.CompletedProcess[str]:
    """Run make with a PATH that has no Java, Maven, Go, Node or uv on it."""
    bare = checkout.parent / "bare"
    bare.mkdir(exist_ok=True)
    for name in BARE:
        found = shutil.which(name)
        if found and not (bare / name).exists():
            (bare / name).symlink_to(found)
    uv = os.environ.get("UV_CACHE_DIR") or str(cache_dir(os.environ).parent / "uv")
    return subprocess.run(
        [str(bare / "make"), *arguments, f"PYTHON={python}"],
        cwd=checkout,
        env={**os.environ, **HOSTILE, "PATH": str(bare), "UV_CACHE_DIR": uv},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.long
def test_the_environment_is_made_once_and_a_half_made_one_is_completed(checkout: Path) -> None:
    python = str(Path(sys.executable).resolve())
    first = make(checkout, "environment", python=python)
    assert first.returncode == 0, first.stderr
    command = checkout / ".venv" / "bin" / "drivestream"
    told = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert "usage: drivestream" in told.stdout

    second = make(checkout, "environment", python=python)
    assert (second.returncode, second.stderr) == (0, "")

    (checkout / ".venv" / ".drivestream-complete").unlink()
    (checkout / ".venv" / "bin" / "uv").unlink()
    command.unlink()
    third = make(checkout, "environment", python=python)
    assert third.returncode == 0, third.stderr
    assert "Installing uv" in third.stderr
    assert command.exists()


@pytest.mark.parametrize("python", ["", "false"])
def test_a_machine_without_a_new_enough_python_has_a_sentence(checkout: Path, python: str) -> None:
    refused = make(checkout, "environment", python=python)
    assert refused.returncode != 0
    assert "Drivestream needs Python 3.11 or newer" in refused.stderr
    assert not (checkout / ".venv").exists()
