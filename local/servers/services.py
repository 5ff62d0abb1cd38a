"""Drivestream's own processes, described like the servers that they stand on."""

import sys
from collections.abc import Mapping

from local.paths import CHECKOUT
from local.run.processes import Command
from local.servers.health import answers
from local.servers.ports import LOOPBACK
from local.servers.server import Place, Server, nothing_to_prepare

WORKERS = ("lister", "transfer", "indexer")
NO_PROXY = ("NO_PROXY", "no_proxy")


def api(place: Place, settings: Mapping[str, str]) -> Server:
    """The API; PORT moves it."""
    port = place.port("PORT", 3000, "the API")
    url = f"http://{LOOPBACK}:{port}"
    return Server(
        command=module("api", {**settings, "PORT": str(port)}),
        prepare=nothing_to_prepare,
        missing=lambda: answers("The API", f"{url}/health/ready"),
        gives={"API_URL": url},
    )


def worker(name: str, settings: Mapping[str, str]) -> Server:
    """A service without a port: it counts as up while it runs."""
    return Server(
        command=module(name, settings),
        prepare=nothing_to_prepare,
        missing=lambda: None,
        gives={},
    )


def module(name: str, settings: Mapping[str, str]) -> Command:
    """`python -m services.NAME`, with what it reads from its environment."""
    argv = (sys.executable, "-m", f"services.{name}")
    env = {**settings, **without_proxy(settings), "PYTHONUNBUFFERED": "1"}
    return Command(name=name, argv=argv, env=env, cwd=CHECKOUT)


def without_proxy(env: Mapping[str, str]) -> dict[str, str]:
    """What keeps a proxy of the environment out of the talk with servers of this machine."""
    proxies = any(key.lower() in ("http_proxy", "https_proxy", "all_proxy") for key in env)
    hosts = next((env[key] for key in NO_PROXY if env.get(key)), "")
    added = ",".join(part for part in (hosts, LOOPBACK, "localhost") if part)
    return dict.fromkeys(NO_PROXY, added) if proxies else {}
