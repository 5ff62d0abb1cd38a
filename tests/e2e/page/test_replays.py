"""Failures: filtered, retried by group, and replayed; and thousands of one kind."""

from local.servers.server import Server
from tests.e2e.many_failures import fill
from tests.e2e.page.chromium import MARKS, run_in_chromium
from tests.system import System, link

pytestmark = MARKS
IMAGES = 90
"""So many that a replay of two a second is not over before it was paused."""


def test_failures_are_filtered_retried_by_group_and_replayed_on_the_page(
    system: System, page: Server
) -> None:
    drive = system.drive
    images = [{"path": f"{n}.jpg", "size": 20_000} for n in range(IMAGES)]
    failing = [{"path": f"{name}-{n}.jpg"} for name in ("lost", "held") for n in range(2)]
    folder = drive.add_tree({"name": "replayed", "items": [*images, *failing]})
    rules = [
        drive.fault({"do": "refuse", "reason": "notFound"}, name="lost-*.jpg"),
        drive.fault({"do": "refuse", "reason": "downloadQuotaExceeded"}, name="held-*.jpg"),
    ]
    run_in_chromium(
        page,
        "replay",
        FOLDER_URL=link(folder),
        FIRST_IMAGE_SECONDS="60",  # 0.8 s where nothing else runs
        FILES=str(IMAGES + len(failing)),
        FAULT_URLS=" ".join(f"{drive.url}/_emu/faults/{rule}" for rule in rules),
    )


def test_five_thousand_failures_of_one_kind_are_one_group_and_one_list(
    system: System, page: Server
) -> None:
    with system.platform.database() as database:
        id = fill(database)
    run_in_chromium(page, "failures", FOLDER_URL="none", FAILURES_IMPORT=id)
