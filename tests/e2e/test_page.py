"""The page in a real browser: paste the link, see the pictures."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from local.run.start import start, wait_until_ready
from local.servers.server import Context, Server
from local.servers.web import web
from local.toolchains.node import WEB
from tests.e2e.many_images import fill
from tests.platform import emptied
from tests.system import System, link, running_system

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
PICTURES = 60
pytestmark = [
    pytest.mark.real,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install one, or set CHROMIUM"),
]


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str]) -> Iterator[System]:
    """One system for all tests, with few transfers at once: an import can be paused in time."""
    settings = {"S3_PUBLIC_READ": "false", "TRANSFER_CONCURRENCY": "4"}
    with (
        TemporaryDirectory(prefix="drivestream-page-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs), settings) as system,
    ):
        system.start("api", "lister", "transfer", "indexer")
        system.wait_ready()
        yield system


@pytest.fixture(scope="module")
def page(system: System) -> Iterator[Server]:
    """The page of that system."""
    with TemporaryDirectory(prefix="drivestream-page-") as folder:
        env = {**os.environ, "WEB_PORT": "0"}
        page = web(Context(env=env, data_dir=Path(folder)), system.api_url)
        wait_until_ready(start([page], system.children))
        yield page


def test_a_pasted_link_becomes_pictures_on_the_page(
    system: System, page: Server, tmp_path: Path
) -> None:
    folder = system.drive.add_tree({"name": "page", "pictures": PICTURES, "depth": 1})
    run_in_chromium(page, tmp_path, "page", FOLDER_URL=link(folder))


def test_failures_are_filtered_retried_by_group_and_replayed_on_the_page(
    system: System, page: Server, tmp_path: Path
) -> None:
    drive = system.drive
    images = [{"path": f"{n}.jpg", "size": 20_000} for n in range(12)]
    failing = [{"path": f"{name}-{n}.jpg"} for name in ("lost", "held") for n in range(2)]
    folder = drive.add_tree({"name": "replayed", "items": [*images, *failing]})
    rules = [
        drive.fault({"do": "refuse", "reason": "notFound"}, name="lost-*.jpg"),
        drive.fault({"do": "refuse", "reason": "downloadQuotaExceeded"}, name="held-*.jpg"),
    ]
    run_in_chromium(
        page,
        tmp_path,
        "replay",
        FOLDER_URL=link(folder),
        FIRST_IMAGE_SECONDS="8",  # 0.8 s where nothing else runs
        FAULT_URLS=" ".join(f"{drive.url}/_emu/faults/{rule}" for rule in rules),
    )


def test_an_import_is_paused_resumed_cancelled_and_retried_on_the_page(
    system: System, page: Server, tmp_path: Path
) -> None:
    drive = system.drive
    pictures = [{"path": f"{n}.jpg", "size": 20_000} for n in range(PICTURES)]
    failing = [{"path": f"{name}-{n}.jpg"} for name in ("gone", "busy") for n in range(2)]
    folder = drive.add_tree({"name": "control", "items": [*pictures, *failing]})
    many = [{"path": f"other-{n}.jpg", "size": 20_000} for n in range(100)]
    other = drive.add_tree({"name": "other", "items": many})
    drive.fault({"do": "latency", "seconds": 0.5}, kinds=["media"])
    # Neither import is over before it was looked at, however slow this machine is. The first one's
    # requests that are held end with its pause.
    held = {"do": "latency", "seconds": 20}
    drive.fault(held, kinds=["media"], name="[0-9]*.jpg", from_=9, to=12)
    drive.fault({"do": "latency", "seconds": 20}, kinds=["media"], name="other-*.jpg", from_=9)
    rules = [
        drive.fault({"do": "refuse", "reason": "notFound"}, name="gone-*.jpg"),
        drive.fault({"do": "refuse", "reason": "downloadQuotaExceeded"}, name="busy-*.jpg"),
    ]
    run_in_chromium(
        page,
        tmp_path,
        "control",
        FOLDER_URL=link(folder),
        OTHER_FOLDER_URL=link(other),
        FAULT_URLS=" ".join(f"{drive.url}/_emu/faults/{rule}" for rule in rules),
    )


def test_a_hundred_thousand_images_are_shown_searched_and_opened(
    system: System, page: Server, tmp_path: Path
) -> None:
    with system.platform.database() as database:
        id = fill(database)
    run_in_chromium(page, tmp_path, "gallery", GALLERY_IMPORT=id)


def run_in_chromium(page: Server, tmp_path: Path, spec: str, **env: str) -> None:
    """Run the tests in `web/e2e/SPEC.spec.ts` against the page."""
    assert CHROMIUM is not None
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
