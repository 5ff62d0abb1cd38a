"""Checks and tests, arranged so that two cores have no idle time: what `make test` runs.

    python -m tests.run [--long]

With `--long` it runs the tests that take most of a minute each, and nothing else.

What needs real servers, which are started once, waits most of the time, so it runs side by side.
Lint, types and unit tests run beside it at a lower priority, and use what is left of the two cores.
A test that fails is run once more when all else has ended (`tests.repeated`). Arguments go to every
pytest.
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
from tests.repeated import Suite

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
PAGE = "page"
CHECKS: Mapping[str, Sequence[str]] = {
    "ruff check": (str(BIN / "ruff"), "check"),
    "ruff format": (str(BIN / "ruff"), "format", "--check"),
    "mypy": (str(BIN / "mypy"),),
    PAGE: (*NPM, "run", "check"),
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
    return 0 if passed else 1


def run_long(arguments: Sequence[str]) -> bool:
    with temporary_data_dir(_parent()) as folder, running_servers(folder, KINDS) as servers:
        command = (*PYTEST, "tests", "-m", "long", *SPREAD, *arguments)
        cache, env = folder / "pytest-long", {**os.environ, **servers}
        suite = Suite(name="long tests", command=command, env=env, cache=cache)
        return here(suite.name, suite.first, env) or all_pass_alone([suite])


def run_all(arguments: Sequence[str]) -> bool:
    """Everything but the long tests."""
    with temporary_data_dir(_parent()) as folder, running_servers(folder, KINDS) as servers:
        env = {**os.environ, **servers}
        side_by_side, units, hard = suites(arguments, folder, env)
        checks = {
            name: Beside(name, (*LOWER_PRIORITY, *command)) for name, command in CHECKS.items()
        }
        beside = [
            (units, Beside(units.name, (*LOWER_PRIORITY, *units.first))),
            (hard, Beside(hard.name, hard.first, env)),
        ]
        failed = [] if here(side_by_side.name, side_by_side.first, env) else [side_by_side]
        unsound = [name for name, each in checks.items() if not each.ended()]
        failed += [suite for suite, each in beside if not each.ended()]
        return all_pass_alone(failed, unsound)


def suites(arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> Sequence[Suite]:
    """What runs side by side on real servers, the unit tests, and the hard cases."""
    rest = ("tests", "--ignore", "tests/unit", "--ignore", HARD_CASES)
    calls: Mapping[str, Sequence[str]] = {
        "on real servers": (*rest, "-m", "not long", *SPREAD, "--durations", "15"),
        "unit tests": ("tests/unit", "-n", str(UNIT_PROCESSES)),
        # These share one running system, so they stay in one process.
        "hard cases": (HARD_CASES,),
    }
    return [
        Suite(
            name=name,
            command=(*PYTEST, *call, *arguments),
            env=dict(os.environ) if name == "unit tests" else env,
            cache=folder / f"pytest-{number}",
        )
        for number, (name, call) in enumerate(calls.items())
    ]


def all_pass_alone(failed: Sequence[Suite], checks: Sequence[str] = ()) -> bool:
    """Repeat what failed in these, and the page's check if it did. What passes now is named, so
    that nobody takes it for steady."""
    repeated = [suite.repeat(here) for suite in failed]
    for name in checks:
        again = name == PAGE and here(f"{name}, alone", CHECKS[name])
        repeated.append([name] if again else None)
    unsteady = [test for tests in repeated for test in tests or ()]
    if unsteady:
        names = "\n".join(unsteady)
        sys.stdout.write(f"\nUNSTEADY: failed at first, and passed alone:\n{names}\n")
    return None not in repeated


def _parent() -> Path | None:
    """A file system in memory if there is one with room: servers flush all that they write."""
    has_room = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= ROOM
    return IN_MEMORY if has_room else None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
