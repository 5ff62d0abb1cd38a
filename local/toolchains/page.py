"""The build of the web page. Its packages and its output are renewed only if needed."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from local.paths import cache_dir
from local.toolchains.fetching import locked, run
from local.toolchains.node import WEB, Node, node

# Folders that the build writes or does not read.
NOT_SOURCE = {"node_modules", "dist", "test", "e2e", "test-results", "playwright-report"}


def built_page(env: Mapping[str, str]) -> Node:
    """Bring web/dist up to date with its sources; returns the Node that serves it."""
    found = node(env)
    stamps = WEB / "node_modules"
    packages = digest([WEB / "package.json", WEB / "package-lock.json"])
    with locked(cache_dir(env) / "page.lock"):
        if not _has(stamps / ".drivestream-packages", packages):
            argv = [*found.npm, "ci", "--no-audit", "--no-fund"]
            run("Downloading the page's packages (npm)", argv, found.env(env), cwd=WEB)
            (stamps / ".drivestream-packages").write_text(packages)
        build = digest(sources(WEB))
        if not _has(stamps / ".drivestream-build", build) or not (WEB / "dist/index.html").exists():
            (stamps / ".drivestream-build").unlink(missing_ok=True)
            run("Building the page", [*found.npm, "run", "build"], found.env(env), cwd=WEB)
            (stamps / ".drivestream-build").write_text(build)
    return found


def sources(web: Path) -> Iterator[Path]:
    """Every file that the build may read, always in the same order."""
    for folder, folders, files in os.walk(web):
        folders[:] = sorted(f for f in folders if f not in NOT_SOURCE and not f.startswith("."))
        yield from (Path(folder) / name for name in sorted(files))


def digest(paths: Iterable[Path]) -> str:
    """One digest of the files' names and contents."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _has(stamp: Path, text: str) -> bool:
    return stamp.exists() and stamp.read_text() == text
