"""`python -m docs.site` (`make docs`): the pages as a site, in build/site.

The generator comes as locked wheels, in a folder of the user's cache, so nothing else installs it.
"""

import os
import subprocess
import sys

from local.environment import for_programs
from local.paths import CHECKOUT
from local.toolchains.wheels import wheels

BUILD = (sys.executable, "-m", "properdocs", "build", "--strict", "--clean")


def build(*options: str) -> int:
    """The exit code: 1 if a link or an anchor leads nowhere, or a page is not in the order."""
    env = for_programs(os.environ) | {"PYTHONPATH": str(wheels("docs", os.environ))}
    argv = [*BUILD, "--config-file", "mkdocs.yml", *options]
    return subprocess.run(argv, cwd=CHECKOUT, env=env, check=False).returncode


if __name__ == "__main__":
    code = build(*sys.argv[1:])
    if code == 0:
        sys.stdout.write("build/site/index.html\n")
    sys.exit(code)
