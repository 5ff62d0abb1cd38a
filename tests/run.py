"""Every check and test, arranged so that two cores have no idle time: what `make test` runs.

    python -m tests.run

First types and lint beside the unit tests, in two processes. Then everything that needs real
servers, which are started once: most of it waits, so it runs side by side. Arguments go to every
pytest.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.run.start import running_servers, temporary_data_dir

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("kafka", "minio", "postgres")
UNIT_PROCESSES = 2
REAL_PROCESSES = 3
HARD_CASES = "tests/hard_cases"
BIN = Path(sys.executable).parent
PYTEST = (sys.executable, "-m", "pytest", "-q")
NPM = (sys.executable, "-m", "local.toolchains.node")
CHECKS: Mapping[str, Sequence[str]] = {
    "ruff check": (str(BIN / "ruff"), "check"),
    "ruff format": (str(BIN / "ruff"), "format", "--check"),
    "mypy": (str(BIN / "mypy"),),
}


class Beside:
    """A command that runs beside others; its output is shown when it ends."""

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str] = os.environ
    ) -> None:
        self._name = name
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ended(self) -> bool:
        """Wait for it and print what it said; whether all was well."""
        output, _ = self._process.communicate()
        seconds = time.monotonic() - self._began
        sys.stdout.write(f"\n== {self._name} ({seconds:.0f} s)\n{output}")
        sys.stdout.flush()
        return self._process.returncode == 0


def here(name: str, command: Sequence[str], env: Mapping[str, str] = os.environ) -> bool:
    """Run it with its output shown as it comes; whether all was well."""
    sys.stdout.write(f"\n== {name}\n")
    sys.stdout.flush()
    return subprocess.run(command, cwd=ROOT, env=dict(env), check=False).returncode == 0


def units(arguments: Sequence[str]) -> bool:
    """Lint, types and unit tests."""
    checks = [Beside(name, command) for name, command in CHECKS.items()]
    command = (*PYTEST, "tests/unit", "-n", str(UNIT_PROCESSES), *arguments)
    tested = here("unit tests", command)
    return all([tested, *(check.ended() for check in checks)])


def real(arguments: Sequence[str]) -> bool:
    """Everything that needs real servers, and the page's own tests beside it."""
    rest = ("tests", "--ignore", "tests/unit", "--ignore", HARD_CASES)
    spread = ("-n", str(REAL_PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder")
    side_by_side = (*rest, *spread, "--durations", "15")
    with (
        temporary_data_dir() as folder,
        running_servers(folder, KINDS) as servers,
    ):
        env = {**os.environ, **servers}
        # These share one running system, so they stay in one process.
        hard_cases = Beside("hard cases", (*PYTEST, HARD_CASES, *arguments), env)
        page = Beside("page", (*NPM, "run", "check"))
        tested = here("on real servers", (*PYTEST, *side_by_side, *arguments), env)
        return all([tested, page.ended(), hard_cases.ended()])


def main(arguments: Sequence[str]) -> int:
    """0 if everything passed. What failed first does not keep the rest from running."""
    began = time.monotonic()
    passed = [units(arguments), real(arguments)]
    sys.stdout.write(f"\nAll of it took {time.monotonic() - began:.0f} s.\n")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
