"""The page in a real browser: paste the link, see the pictures."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local.run.start import start, wait_until_ready
from local.servers.server import Context
from local.servers.web import web
from local.toolchains.node import WEB
from tests.platform import Platform
from tests.system import link, running_system

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
PICTURES = 60
pytestmark = [
    pytest.mark.real,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install one, or set CHROMIUM"),
]


def test_a_pasted_link_becomes_pictures_on_the_page(platform: Platform, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    with running_system(platform, tmp_path / "logs", {"S3_PUBLIC_READ": "false"}) as system:
        folder = system.drive.add_tree({"name": "page", "pictures": PICTURES, "depth": 1})
        system.start("api", "lister", "transfer", "indexer")
        system.wait_ready()
        page = web(Context(env={**os.environ, "WEB_PORT": "0"}, data_dir=tmp_path), system.api_url)
        wait_until_ready(start([page], system.children))
        vitest = str(WEB / "node_modules" / "vitest" / "vitest.mjs")
        done = subprocess.run(
            [page.command.argv[0], vitest, "run", "--config", "e2e/vitest.config.ts"],
            cwd=WEB,
            env={
                **os.environ,
                "WEB_URL": page.settings["WEB_URL"],
                "FOLDER_URL": link(folder),
                "AT_LEAST": "30",
                "IMPORT_SECONDS": "90",
                "CHROMIUM": CHROMIUM,
                "SCREENSHOTS": os.environ.get("SCREENSHOTS", str(tmp_path / "screenshots")),
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
