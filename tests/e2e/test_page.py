"""The page in a real browser: paste the link, see the pictures."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest

from local.run.start import start, wait_until_ready
from local.servers.server import Context, Server
from local.servers.web import web
from local.toolchains.node import WEB
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
        system.start("api", "lister", "transfer", "indexer", "monitor")
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


def test_every_page_is_accessible_works_by_keyboard_and_is_quiet(
    system: System, page: Server, tmp_path: Path
) -> None:
    folder = system.drive.add_tree({"name": "everywhere", "pictures": 12})
    run_in_chromium(page, tmp_path, "everywhere", FOLDER_URL=link(folder))


def test_pages_say_that_the_api_was_killed_and_recover(
    system: System, page: Server, tmp_path: Path
) -> None:
    items = [{"path": f"killed-{n}.jpg", "size": 20_000} for n in range(40)]
    folder = system.drive.add_tree({"name": "killed", "items": items})

    def start_again() -> None:
        system.restart("api")
        system.wait_ready()

    acts = {"/kill": lambda: system.kill("api"), "/start": start_again}
    with obeying(acts) as control:
        run_in_chromium(page, tmp_path, "killed", FOLDER_URL=link(folder), CONTROL_URL=control)


@contextmanager
def obeying(acts: Mapping[str, Callable[[], None]]) -> Iterator[str]:
    """The URL of a server at which the tests in the browser's process ask for these acts."""

    class Obeys(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            acts[self.path]()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Obeys) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


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
