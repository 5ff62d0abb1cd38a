"""What every server has: a command that runs it, a readiness check, settings for its clients."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.servers.ports import Ports


class ServerError(Exception):
    """A server could not be prepared, or did not become ready. The message is for a person."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A program to run. `env` is its whole environment; `account` is an OS user (root only)."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    stop_signal: signal.Signals = signal.SIGTERM
    account: str | None = None


Run = Callable[[Command], None]
"""Runs a command to its end; raises `ServerError` if it fails."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server.

    `prepare` runs before each start, and returns at once if there is nothing to prepare.
    `not_ready` returns why the server does not answer yet, and None once it does.
    `settings` tell the services how to reach it.
    """

    command: Command
    not_ready: Callable[[], str | None]
    prepare: Callable[[Run], None] = lambda run: None
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    start_timeout_s: float = 60.0

    @property
    def name(self) -> str:
        """The name of its command and of its log."""
        return self.command.name


class Context:
    """What servers are made from: the environment, their ports, and a data folder."""

    def __init__(self, env: Mapping[str, str], data_dir: Path) -> None:
        self.env = env
        self.data_dir = data_dir
        self.ports = Ports(env)

    def folder(self, name: str) -> Path:
        """A folder for one server, created if it does not exist."""
        folder = self.data_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
