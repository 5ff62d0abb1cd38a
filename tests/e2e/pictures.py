"""`python -m tests.e2e.pictures` (`make pictures`): the pictures of the page, in docs/images.

A real system imports the sample folder, and Chromium looks at it.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from local.run.start import running_servers, start, temporary_data_dir, wait_until_ready
from local.servers.server import Context
from local.servers.web import web
from tests.documents import ROOT
from tests.e2e.page.chromium import run_in_chromium
from tests.platform import emptied
from tests.run import KINDS
from tests.system import link, running_system

IMAGES = ROOT / "docs" / "images"
SERVICES = ("api", "lister", "transfer", "indexer", "monitor")
QUALITY = 85
SLOW = {"TRANSFER_CONCURRENCY": "6"}
SLOW_DRIVE = ("--delay", "media=100")
"""So that the import is still running when the second picture is taken."""
MOST_BYTES = 200_000


def main() -> None:
    with (
        temporary_data_dir() as data,
        running_servers(data, KINDS) as servers,
        emptied(servers) as platform,
        running_system(platform, data / "services", SLOW, SLOW_DRIVE) as system,
        TemporaryDirectory() as taken,
    ):
        system.start(*SERVICES)
        system.wait_ready()
        page = web(Context({**os.environ, "WEB_PORT": "0"}, data), system.api_url)
        wait_until_ready(start([page], system.children))
        folder = link(system.drive.folder_id("sample"))
        run_in_chromium(page, "pictures", PICTURES_OF=folder, SCREENSHOTS=taken)
        for shot in sorted(Path(taken).glob("*.png")):
            keep(shot)


def keep(shot: Path) -> None:
    """Write it to docs/images, small enough for a page."""
    path = IMAGES / f"{shot.stem}.webp"
    path.parent.mkdir(exist_ok=True)
    with Image.open(shot) as image:
        image.convert("RGB").save(path, quality=QUALITY, method=6)
    weight = path.stat().st_size
    sys.stdout.write(f"{path.relative_to(ROOT)}: {weight // 1000} KB\n")
    if weight > MOST_BYTES:
        raise SystemExit(f"{path.name} weighs more than {MOST_BYTES // 1000} KB")


if __name__ == "__main__":
    main()
