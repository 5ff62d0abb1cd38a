"""The build of the web page. Its packages and its output are renewed only if needed.

Node, npm and Vite open no file below a folder whose name has a backslash, a question mark or a
colon. In such a checkout, such as one in the home of `DOMAIN\\user`, the page is built elsewhere.
"""

import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from local.environment import for_downloads
from local.paths import cache_dir
from local.toolchains.fetching import FetchError, locked, run
from local.toolchains.node import WEB, Node, node

# Folders that the build writes or does not read.
NOT_SOURCE = {"node_modules", "dist", "test", "e2e", "test-results", "playwright-report"}
CLOSED_TO_NODE = re.compile(r"[\\?:]")


def page_folder(web: Path = WEB) -> Path:
    """Where the page is built and served: in the checkout, if Node can open what is there."""
    if not CLOSED_TO_NODE.search(str(web)):
        return web
    name = f"drivestream-page-{hashlib.sha256(os.fsencode(web)).hexdigest()[:12]}-{os.getuid()}"
    return Path(tempfile.gettempdir()) / name


def built_page(env: Mapping[str, str]) -> Node:
    """Bring dist up to date with the page's sources; returns the Node that serves it."""
    found, web = node(env), page_folder()
    seen = found.env(for_downloads(env))
    stamps = web / "node_modules"
    with locked(cache_dir(env) / "page.lock"):
        if web != WEB:
            copy_sources(WEB, web)
        packages = digest([web / "package.json", web / "package-lock.json"])
        if not _has(stamps / ".drivestream-packages", packages):
            argv = [*found.npm, "ci", "--no-audit", "--no-fund"]
            run("Downloading the page's packages (npm)", argv, seen, cwd=web)
            (stamps / ".drivestream-packages").write_text(packages)
        build = digest(sources(web))
        if not _has(stamps / ".drivestream-build", build) or not (web / "dist/index.html").exists():
            (stamps / ".drivestream-build").unlink(missing_ok=True)
            run("Building the page", [*found.npm, "run", "build"], seen, cwd=web)
            (stamps / ".drivestream-build").write_text(build)
    return found


def copy_sources(web: Path, to: Path) -> None:
    """Into a folder of our own: the folder above is everybody's."""
    to.mkdir(mode=0o700, exist_ok=True)
    owned = to.lstat()
    if not stat.S_ISDIR(owned.st_mode) or owned.st_uid != os.getuid() or owned.st_mode & 0o077:
        raise FetchError(f"{to} was not created by Drivestream, so the page cannot be built there.")
    for gone in [path for path in sources(to) if not (web / path.relative_to(to)).exists()]:
        gone.unlink()
    for path in sources(web):
        copy = to / path.relative_to(web)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)


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
