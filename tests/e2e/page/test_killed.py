"""The API is killed under open pages."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from local.servers.server import Server
from tests.e2e.page.chromium import MARKS, run_in_chromium
from tests.system import System, link

pytestmark = MARKS


def test_pages_say_that_the_api_was_killed_and_recover(system: System, page: Server) -> None:
    items = [{"path": f"killed-{n}.jpg", "size": 20_000} for n in range(40)]
    folder = system.drive.add_tree({"name": "killed", "items": items})

    def start_again() -> None:
        system.restart("api")
        system.wait_ready()

    acts = {"/kill": lambda: system.kill("api"), "/start": start_again}
    with obeying(acts) as control:
        run_in_chromium(page, "killed", FOLDER_URL=link(folder), CONTROL_URL=control)


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
