"""Paste the link, see the pictures; pause, resume, cancel, retry and replay."""

from local.servers.server import Server
from tests.e2e.page.chromium import MARKS, run_in_chromium
from tests.system import System, link

PICTURES = 60
pytestmark = MARKS


def test_a_pasted_link_becomes_pictures_on_the_page(system: System, page: Server) -> None:
    folder = system.drive.add_tree({"name": "page", "pictures": PICTURES, "depth": 1})
    run_in_chromium(page, "page", FOLDER_URL=link(folder))


def test_an_import_is_paused_resumed_cancelled_and_retried_on_the_page(
    system: System, page: Server
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
    held = {"do": "latency", "seconds": 300}
    drive.fault(held, kinds=["media"], name="[0-9]*.jpg", from_=9, to=12)
    drive.fault({"do": "latency", "seconds": 300}, kinds=["media"], name="other-*.jpg", from_=9)
    rules = [
        drive.fault({"do": "refuse", "reason": "notFound"}, name="gone-*.jpg"),
        drive.fault({"do": "refuse", "reason": "downloadQuotaExceeded"}, name="busy-*.jpg"),
    ]
    run_in_chromium(
        page,
        "control",
        FOLDER_URL=link(folder),
        OTHER_FOLDER_URL=link(other),
        FAULT_URLS=" ".join(f"{drive.url}/_emu/faults/{rule}" for rule in rules),
    )
