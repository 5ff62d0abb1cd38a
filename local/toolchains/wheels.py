"""Tools that come as wheels: installed with their hashes into a folder of the user's cache."""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from local.paths import CHECKOUT, cache_dir
from local.toolchains.fetching import once, run, uv


def wheels(name: str, env: Mapping[str, str]) -> Path:
    """The folder that holds the packages of requirements/NAME.txt, importable via PYTHONPATH.

    It is named by the file's digest and by this Python, so that a new lock makes a new folder.
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
    run(f"Fetching {name} (wheels)", argv, env)
