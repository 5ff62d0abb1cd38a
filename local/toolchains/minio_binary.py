"""MinIO's server: a `minio` on the PATH, else built once from its module with Go."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.paths import cache_dir
from local.toolchains.fetching import once, run
from local.toolchains.golang import found_go, go

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"


def minio_binary(env: Mapping[str, str]) -> str:
    """The path of a MinIO server; built if the machine has none, which takes minutes, once."""
    found = found_minio(env)
    return found or str(once(built_in(env), lambda partial: _build(partial, env)) / "minio")


def built_in(env: Mapping[str, str]) -> Path:
    """Where the one that we build is kept."""
    return cache_dir(env) / f"minio-{VERSION}"


def found_minio(env: Mapping[str, str]) -> str | None:
    """The machine's own MinIO, if it really is one and runs."""
    path = shutil.which("minio", path=env.get("PATH", ""))
    return path if path and _is_minio(path, env) else None


def _is_minio(path: str, env: Mapping[str, str]) -> bool:
    try:
        done = subprocess.run(
            [path, "--version"], env=dict(env), capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.startswith("minio version")


def _build(folder: Path, env: Mapping[str, str]) -> None:
    work = folder / "work"
    seen = {**env, "GOBIN": str(folder), "CGO_ENABLED": "0"}
    if found_go(env) is None:
        # A machine without Go has no use for a gigabyte of its caches afterwards.
        seen |= {"GOFLAGS": "-modcacherw", "GOPATH": str(work), "GOCACHE": str(work / "cache")}
    argv = [go(env), "install", "-v", "-trimpath", "-ldflags=-s -w", f"{MODULE}@{VERSION}"]
    run("Building MinIO with Go (once, a few minutes)", argv, seen, cwd=folder)
    shutil.rmtree(work, ignore_errors=True)
