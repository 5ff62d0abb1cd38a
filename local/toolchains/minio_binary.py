"""MinIO's server: a `minio` on the PATH, or else one built once from its Go module."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from local.environment import for_downloads
from local.paths import cache_dir
from local.toolchains.fetching import once, run
from local.toolchains.found import version
from local.toolchains.golang import found_go, go

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"


def minio_binary(env: Mapping[str, str]) -> str:
    """The path of a MinIO server; built if the machine has none, which takes minutes once."""
    found = found_minio(env)
    return found or str(once(built_in(env), lambda partial: _build(partial, env)) / "minio")


def built_in(env: Mapping[str, str]) -> Path:
    """The folder of the server that we build."""
    return cache_dir(env) / f"minio-{VERSION}"


def found_minio(env: Mapping[str, str]) -> str | None:
    """The machine's own MinIO, if it is one and runs: other programs have that name, too."""
    path = shutil.which("minio", path=env.get("PATH", ""))
    found = path and version(path, "--version", r"^minio version \D*(\d+)", env)
    return path if found else None


def _build(folder: Path, env: Mapping[str, str]) -> None:
    work = folder / "work"
    seen = {**for_downloads(env), "GOBIN": str(folder), "CGO_ENABLED": "0"}
    if found_go(env) is None:
        # A machine without Go would have no use for a gigabyte of Go's caches.
        seen |= {"GOFLAGS": "-modcacherw", "GOPATH": str(work), "GOCACHE": str(work / "cache")}
    argv = [go(env), "install", "-v", "-trimpath", "-ldflags=-s -w", f"{MODULE}@{VERSION}"]
    run("Building MinIO with Go (once, a few minutes)", argv, seen, cwd=folder)
    shutil.rmtree(work, ignore_errors=True)
