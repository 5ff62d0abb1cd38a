"""Tools that come as wheels: installed into a folder of the user's cache, with hashes checked."""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from local.environment import for_downloads
from local.paths import CHECKOUT, cache_dir
from local.toolchains.fetching import once, run, uv


def wheels(name: str, env: Mapping[str, str]) -> Path:
    """The folder with the packages of requirements/NAME.txt, to be put on PYTHONPATH.

    Its name has the file's digest and Python's version, so that new locks make a new folder.
    """
    requirements = CHECKOUT / "requirements" / f"{name}.txt"
    return once(_folder(name, requirements, env), lambda partial: _install(name, partial, env))


def _folder(name: str, requirements: Path, env: Mapping[str, str]) -> Path:
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    return cache_dir(env) / "wheels" / f"{name}-{python}-{digest}"


def _install(name: str, target: Path, env: Mapping[str, str]) -> None:
    argv = [uv(), "pip", "install", "--require-hashes", "--python", sys.executable]
    argv += ["--target", str(target), "-r", str(CHECKOUT / "requirements" / f"{name}.txt")]
    run(f"Downloading {name} (wheels)", argv, for_downloads(env))
