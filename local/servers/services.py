"""Drivestream's own services, described in the same way as the servers that they need."""

import sys
from collections.abc import Mapping

from local.paths import CHECKOUT
from local.servers.health import http_problem
from local.servers.ports import LOOPBACK
from local.servers.server import Command, Context, Server

WORKERS = ("lister", "transfer", "indexer", "monitor")
WEBHOOKS = "webhooks"
"""A worker that is started only if there is somebody to tell."""


def api(context: Context, settings: Mapping[str, str]) -> Server:
    """The API. PORT sets the port."""
    port = context.ports.claim("PORT", 3000, "the API")
    url = f"http://{LOOPBACK}:{port}"
    return Server(
        command=service("api", {**settings, "PORT": str(port)}),
        not_ready=lambda: http_problem("The API", f"{url}/health/ready"),
        settings={"API_URL": url},
    )


def worker(context: Context, name: str, settings: Mapping[str, str]) -> Server:
    """A worker. It listens on a free port for its metrics and its health."""
    port = context.ports.free(f"the metrics of {name}")
    return Server(
        command=service(name, {**settings, "METRICS_PORT": str(port)}),
        not_ready=lambda: None,
        settings={f"{name.upper()}_METRICS_URL": f"http://{LOOPBACK}:{port}/metrics"},
    )


def service(name: str, settings: Mapping[str, str]) -> Command:
    """`python -m services.NAME` with these settings."""
    argv = (sys.executable, "-m", f"services.{name}")
    # What a shell says to Python, such as PYTHONPATH, is meant for other programs.
    env = {name: value for name, value in settings.items() if not name.startswith("PYTHON")}
    return Command(name=name, argv=argv, env=env | {"PYTHONUNBUFFERED": "1"}, cwd=CHECKOUT)
