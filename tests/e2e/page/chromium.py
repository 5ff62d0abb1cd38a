"""Runs the tests in `web/e2e` in Chromium."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.servers.server import Server
from local.toolchains.node import WEB

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
MARKS = [
    pytest.mark.real,
    pytest.mark.browser,
    pytest.mark.timeout(700),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install one, or set CHROMIUM"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


def run_in_chromium(page: Server, spec: str, **env: str) -> None:
    """Run the tests in `web/e2e/SPEC.spec.ts` against the page."""
    assert CHROMIUM is not None
    vitest = str(WEB / "node_modules" / "vitest" / "vitest.mjs")
    done = subprocess.run(
        [page.command.argv[0], vitest, "run", "--config", "e2e/vitest.config.ts", spec],
        cwd=WEB,
        env={
            **os.environ,
            # A test runs the commands that the page prints.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "WEB_URL": page.settings["WEB_URL"],
            "AT_LEAST": "30",
            "IMPORT_SECONDS": "180",
            "CHROMIUM": CHROMIUM,
            **env,
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    sys.stdout.write(done.stdout)  # shown with `pytest -rP`
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
