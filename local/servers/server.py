"""What a server of one machine is: how it is prepared, started, asked whether it answers."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.run.processes import Command
from local.servers.ports import Ports

# Settings of the caller's own servers and clients would change ours: PGPORT, MINIO_VOLUMES, …
FOREIGN = ("PG", "MINIO_", "KAFKA_", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "AWS_", "_JAVA")


class ServerError(Exception):
    """A server that could not be prepared or did not come up, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server. `prepare` is done before each start and returns at once when nothing is to do;
    `missing` says what is still missing until it answers, then None; `gives` are the settings that
    point the services at it."""

    command: Command
    prepare: Callable[[], None]
    missing: Callable[[], str | None]
    gives: Mapping[str, str] = field(repr=False)
    patience_s: float = 60.0

    @property
    def name(self) -> str:
        """Also the name of its log."""
        return self.command.name


class Place:
    """Where servers are to live: the environment that may name their ports, and a data folder."""

    def __init__(self, env: Mapping[str, str], data_dir: Path) -> None:
        self.env = env
        self.data_dir = data_dir
        self._ports = Ports(env)

    def port(self, variable: str, default: int, purpose: str) -> int:
        """A port of this place: see `Ports.claim`."""
        return self._ports.claim(variable, default, purpose)

    def folder(self, name: str) -> Path:
        """A server's own folder, made if need be."""
        folder = self.data_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def plain_env(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment without what is meant for other servers of these kinds."""
    return {key: value for key, value in env.items() if not key.startswith(FOREIGN)}


def nothing_to_prepare() -> None:
    """For a server that needs nothing before it starts."""
