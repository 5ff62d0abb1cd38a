"""The web page on one machine: what Vite built, served on a port of its own, /api passed on."""

from local.run.processes import Command
from local.servers.health import answers
from local.servers.ports import LOOPBACK
from local.servers.server import Place, Server, nothing_to_prepare, plain_env
from local.toolchains.node import WEB
from local.toolchains.page import built_page

VITE = WEB / "node_modules" / "vite" / "bin" / "vite.js"


def web(place: Place, api_url: str) -> Server:
    """The page, built if its sources changed; WEB_PORT moves it."""
    port = place.port("WEB_PORT", 5173, "the web page")
    url = f"http://{LOOPBACK}:{port}"
    node = built_page(place.env)
    # Vite itself, not npm: a signal must reach the process that serves.
    argv = (node.program, str(VITE), "preview", "--host", LOOPBACK, "--port", str(port))
    return Server(
        command=Command(
            name="web",
            argv=(*argv, "--strictPort"),
            env=node.env(plain_env(place.env)) | {"DRIVESTREAM_API_URL": api_url},
            cwd=WEB,
        ),
        prepare=nothing_to_prepare,
        missing=lambda: answers("The page", url),
        gives={"WEB_URL": url},
    )
