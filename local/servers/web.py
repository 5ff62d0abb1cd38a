"""The web page: built by Vite and served by its preview server, which forwards /api."""

from local.environment import for_programs
from local.servers.health import http_problem
from local.servers.ports import LOOPBACK
from local.servers.server import Command, Context, Server
from local.toolchains.page import built_page, page_folder


def web(context: Context, api_url: str) -> Server:
    """The page, built if its sources have changed. WEB_PORT sets the port."""
    port = context.ports.claim("WEB_PORT", 5173, "the web page")
    url = f"http://{LOOPBACK}:{port}"
    node = built_page(context.env)
    # Vite itself, not npm: signals must reach the process that serves.
    argv = (
        node.program,
        "node_modules/vite/bin/vite.js",
        "preview",
        "--host",
        LOOPBACK,
        "--port",
        str(port),
    )
    return Server(
        command=Command(
            name="web",
            argv=(*argv, "--strictPort"),
            env=node.env(for_programs(context.env)) | {"DRIVESTREAM_API_URL": api_url},
            cwd=page_folder(),
        ),
        not_ready=lambda: http_problem("The page", url),
        settings={"WEB_URL": url},
    )
