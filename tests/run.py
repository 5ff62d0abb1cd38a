"""Checks and tests, arranged so that two cores have no idle time: what `make test` runs.

    python -m tests.run [--long]

With `--long` it runs the tests that take most of a minute each, and nothing else.

What needs real servers, which are started once, waits most of the time, so it runs side by side.
Lint, types and unit tests run beside it at a lower priority, and use what is left of the two cores.
Arguments go to every pytest.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from local.run.start import running_servers, temporary_data_dir

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("kafka", "minio", "postgres")
UNIT_PROCESSES = 2
REAL_PROCESSES = 4
SPREAD = ("-n", str(REAL_PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder")
HARD_CASES = "tests/hard_cases"
LOWER_PRIORITY = ("nice", "-n", "15")
IN_MEMORY, ROOM = Path("/dev/shm"), 8 * 2**30
BIN = Path(sys.executable).parent
PYTEST = (sys.executable, "-m", "pytest", "-q")
NPM = (sys.executable, "-m", "local.toolchains.node")
CHECKS: Mapping[str, Sequence[str]] = {
    "ruff check": (str(BIN / "ruff"), "check"),
    "ruff format": (str(BIN / "ruff"), "format", "--check"),
    "mypy": (str(BIN / "mypy"),),
}


class Beside:
    """A command that runs beside others. Its output goes to a file, since a full pipe would hold it
    up, and is shown at the end."""

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str] = os.environ
    ) -> None:
        self._name = name
        self._output = TemporaryFile("w+")  # noqa: SIM115 - `ended` closes it
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def ended(self) -> bool:
        """Wait for it and print what it said; whether all was well."""
        failed = self._process.wait()
        self._output.seek(0)
        sys.stdout.write(f"\n== {self._name}\n{self._output.read()}")
        sys.stdout.flush()
        self._output.close()
        return not failed


def here(name: str, command: Sequence[str], env: Mapping[str, str] = os.environ) -> bool:
    """Run it with its output shown as it comes; whether all was well."""
    sys.stdout.write(f"\n== {name}\n")
    sys.stdout.flush()
    return subprocess.run(command, cwd=ROOT, env=dict(env), check=False).returncode == 0


def main(arguments: Sequence[str]) -> int:
    """0 if everything passed. What fails does not keep the rest from running."""
    began = time.monotonic()
    run = run_long if "--long" in arguments else run_all
    passed = run([each for each in arguments if each != "--long"])
    sys.stdout.write(f"\nAll of it took {time.monotonic() - began:.0f} s.\n")
    return 0 if all(passed) else 1


def run_long(arguments: Sequence[str]) -> Sequence[bool]:
    with (
        temporary_data_dir(_parent()) as folder,
        running_servers(folder, KINDS) as servers,
    ):
        env = {**os.environ, **servers}
        return [here("long tests", (*PYTEST, "tests", "-m", "long", *SPREAD, *arguments), env)]


def run_all(arguments: Sequence[str]) -> Sequence[bool]:
    """Everything but the long tests."""
    units = (*PYTEST, "tests/unit", "-n", str(UNIT_PROCESSES), *arguments)
    free = {**CHECKS, "unit tests": units}
    rest = ("tests", "--ignore", "tests/unit", "--ignore", HARD_CASES)
    side_by_side = (*rest, "-m", "not long", *SPREAD, "--durations", "15")
    with (
        temporary_data_dir(_parent()) as folder,
        running_servers(folder, KINDS) as servers,
    ):
        env = {**os.environ, **servers}
        beside = [Beside(name, (*LOWER_PRIORITY, *command)) for name, command in free.items()]
        beside.append(Beside("page", (*NPM, "run", "check")))
        # These share one running system, so they stay in one process.
        beside.append(Beside("hard cases", (*PYTEST, HARD_CASES, *arguments), env))
        tested = here("on real servers", (*PYTEST, *side_by_side, *arguments), env)
        return [tested, *(each.ended() for each in beside)]


def _parent() -> Path | None:
    """A file system in memory if there is one with room: servers flush all that they write."""
    has_room = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= ROOM
    return IN_MEMORY if has_room else None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
