"""`python -m local.dependencies.sbom` (`make sbom`): the parts of the services and of the page, as
CycloneDX, in build/sbom. They are made from the lock files, so they need no network.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.environment import for_programs
from local.paths import CHECKOUT
from local.toolchains.node import WEB, node
from local.toolchains.wheels import wheels

OUT = CHECKOUT / "build" / "sbom"
SERVICES = CHECKOUT / "requirements" / "services.txt"
VERSION = "1.5"  # what npm writes


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    env = for_programs(os.environ)
    python = [sys.executable, "-m", "cyclonedx_py", "requirements", str(SERVICES)]
    python += ["--pyproject", str(CHECKOUT / "pyproject.toml"), "--sv", VERSION]
    write("services", python, env | {"PYTHONPATH": str(wheels("audit", os.environ))})
    found = node(os.environ)
    npm = [*found.npm, "sbom", "--sbom-format", "cyclonedx", "--omit", "dev"]
    write("page", [*npm, "--package-lock-only"], found.env(env))


def write(name: str, command: Sequence[str], env: Mapping[str, str]) -> Path:
    """Write what the command says, once it has proved to be a list of parts."""
    said = subprocess.run(command, cwd=WEB, env=env, check=True, stdout=subprocess.PIPE).stdout
    parts = len(json.loads(said)["components"])
    path = OUT / f"{name}.cdx.json"
    path.write_bytes(said)
    sys.stdout.write(f"{path.relative_to(CHECKOUT)}: {parts} parts\n")
    return path


if __name__ == "__main__":
    main()
