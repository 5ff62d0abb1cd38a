"""TCP ports of this machine. Each is tried before its server starts, so a clash is explained."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Below the range that systems give to outgoing connections: one of those could take a port between
# our check and the server's bind.
FREE_RANGE = range(15_000, 28_000)


class PortError(Exception):
    """A port that cannot be used. The message says which, what for, and what to set instead."""


class Ports:
    """Assigns ports from the variables that name them, each port once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._assigned: dict[int, str] = {}

    def claim(self, variable: str, default: int, purpose: str) -> int:
        """The port that `variable` names, or else the default; 0 means any free port.

        The port is bound once and released. The server that gets it must still bind it itself.
        """
        raw = self._env.get(variable, "").strip(" ") or str(default)
        if not (raw.isascii() and raw.isdecimal() and len(raw) <= 5 and int(raw) <= 65535):
            raise PortError(f"{variable} must be a port from 0 to 65535, not {raw[:40]!r}.")
        port = int(raw)
        if port == 0:
            return self.free(variable)
        other = self._assigned.get(port)
        why = f"{other} names it too" if other else unavailable(port)
        if why:
            raise PortError(
                f"Port {port}, for {purpose}, is not available ({why}). Stop the program that uses "
                f"it, or set {variable} to another port (0 means any free port)."
            )
        self._assigned[port] = variable
        return port

    def free(self, purpose: str) -> int:
        """Any free port that no process of this user was given, as long as that one runs."""
        for port in random.sample(FREE_RANGE, min(100, len(FREE_RANGE))):
            if unavailable(port) is None and _reserve(port):
                self._assigned[port] = purpose
                return port
        raise PortError(f"No free port was found from {FREE_RANGE.start} to {FREE_RANGE.stop}.")


def _reserve(port: int) -> bool:
    """Whether nobody had it. Many servers may start at once, each some seconds after its port was
    chosen, and one that is restarted comes back to its port. A lock ends with its process."""
    if port in _RESERVED:
        return False
    try:
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _RESERVED.add(port)
    return True


_RESERVED: set[int] = set()
"""Locks of a file tell processes apart, not who asks in one."""


@cache
def _locks() -> int:
    """A file of which each byte stands for a port. Never closed: that would end all locks."""
    path = Path(tempfile.gettempdir()) / f"drivestream-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def unavailable(port: int) -> str | None:
    """Why nothing can listen on a port; None if it is available."""
    with socket.socket() as probe:
        # Without this option, a connection in TIME_WAIT from the previous run looks like a clash.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.strerror
    return None


def accepts_connections(port: int) -> bool:
    """Whether something on this machine listens on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5):
            return True
    except OSError:
        return False
