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
from tests.system import System, link, running_system

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
PICTURES = 60
pytestmark = [
    pytest.mark.real,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install one, or set CHROMIUM"),
]


def test_a_pasted_link_becomes_pictures_on_the_page(platform: Platform, tmp_path: Path) -> None:
    with running_system(platform, tmp_path / "logs", {"S3_PUBLIC_READ": "false"}) as system:
        folder = system.drive.add_tree({"name": "page", "pictures": PICTURES, "depth": 1})
        run_in_chromium(system, tmp_path, "page", FOLDER_URL=link(folder))


def test_an_import_is_paused_resumed_cancelled_and_retried_on_the_page(
    platform: Platform, tmp_path: Path
) -> None:
    with running_system(platform, tmp_path / "logs", {"TRANSFER_CONCURRENCY": "4"}) as system:
        drive = system.drive
        pictures = [{"path": f"{n}.jpg", "size": 20_000} for n in range(PICTURES)]
        failing = [{"path": f"{name}-{n}.jpg"} for name in ("gone", "busy") for n in range(2)]
        folder = drive.add_tree({"name": "control", "items": [*pictures, *failing]})
        other = drive.add_tree({"name": "other", "pictures": 400, "depth": 1})
        drive.fault({"do": "latency", "seconds": 0.5}, kinds=["media"])
        rules = [
            drive.fault({"do": "refuse", "reason": "notFound"}, name="gone-*.jpg"),
            drive.fault({"do": "refuse", "reason": "downloadQuotaExceeded"}, name="busy-*.jpg"),
        ]
        run_in_chromium(
            system,
            tmp_path,
            "control",
            FOLDER_URL=link(folder),
            OTHER_FOLDER_URL=link(other),
            FAULT_URLS=" ".join(f"{drive.url}/_emu/faults/{rule}" for rule in rules),
        )


def run_in_chromium(system: System, tmp_path: Path, spec: str, **env: str) -> None:
    """Run the tests in `web/e2e/SPEC.spec.ts` against the system and a page of its own."""
    assert CHROMIUM is not None
    system.start("api", "lister", "transfer", "indexer")
    system.wait_ready()
    page = web(Context(env={**os.environ, "WEB_PORT": "0"}, data_dir=tmp_path), system.api_url)
    wait_until_ready(start([page], system.children))
    vitest = str(WEB / "node_modules" / "vitest" / "vitest.mjs")
    done = subprocess.run(
        [page.command.argv[0], vitest, "run", "--config", "e2e/vitest.config.ts", spec],
        cwd=WEB,
        env={
            **os.environ,
            "WEB_URL": page.settings["WEB_URL"],
            "AT_LEAST": "30",
            "IMPORT_SECONDS": "90",
            "CHROMIUM": CHROMIUM,
            "SCREENSHOTS": os.environ.get("SCREENSHOTS", str(tmp_path / "screenshots")),
            **env,
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
