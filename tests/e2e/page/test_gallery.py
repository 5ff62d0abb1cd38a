"""A hundred thousand images, and every page by keyboard."""

from local.servers.server import Server
from tests.e2e.many_images import fill
from tests.e2e.page.chromium import MARKS, run_in_chromium
from tests.system import System, link

pytestmark = MARKS


def test_a_hundred_thousand_images_are_shown_searched_and_opened(
    system: System, page: Server
) -> None:
    with system.platform.database() as database:
        id = fill(database)
    run_in_chromium(page, "gallery", GALLERY_IMPORT=id)


def test_every_page_is_accessible_works_by_keyboard_and_is_quiet(
    system: System, page: Server
) -> None:
    folder = system.drive.add_tree({"name": "everywhere", "pictures": 12})
    run_in_chromium(page, "everywhere", FOLDER_URL=link(folder))
