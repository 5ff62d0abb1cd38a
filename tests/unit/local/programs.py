"""Programs for a PATH of a test's own."""

import os
from collections.abc import Mapping
from pathlib import Path


def program(folder: Path, name: str, says: str, code: int = 0) -> Path:
    """A program that prints one thing, whatever it is asked, and ends with a code."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return path


def with_path(*folders: Path) -> Mapping[str, str]:
    """An environment whose PATH is these folders only."""
    return {"PATH": os.pathsep.join(str(folder) for folder in folders)}
