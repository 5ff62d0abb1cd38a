"""TCP ports of this machine, claimed before a server starts, so that a clash has a sentence."""

import random
import socket
from collections.abc import Mapping

LOOPBACK = "127.0.0.1"
# Below what systems hand out to outgoing connections, which could take a port between our look
# at it and the server's bind.
QUIET = range(15_000, 28_000)


class PortError(Exception):
    """A port that cannot be used; the text says which, what for, and what to set instead."""


def taken(port: int) -> str | None:
    """Why a port cannot be listened on, None if it can."""
    with socket.socket() as probe:
        # Without it a connection in TIME_WAIT, left by the copy just stopped, looks like a clash.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.strerror
    return None


class Ports:
    """Hands out ports by the variables that name them; each once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._given: dict[int, str] = {}

    def claim(self, variable: str, default: int, purpose: str) -> int:
        """The port that `variable` names, or the default; 0 stands for any free one.

        It is bound once and let go, which is as much as can be known before the server binds it.
        """
        raw = self._env.get(variable, "").strip() or str(default)
        if not (raw.isascii() and raw.isdecimal() and len(raw) <= 5 and int(raw) <= 65535):
            raise PortError(f"{variable} must be a port from 0 to 65535, not {raw[:40]!r}.")
        port = int(raw) or self._free()
        self._check(port, variable, purpose)
        self._given[port] = variable
        return port

    def _check(self, port: int, variable: str, purpose: str) -> None:
        other = self._given.get(port)
        why = f"{other} is the same" if other else taken(port)
        if why:
            raise PortError(
                f"Port {port}, needed for {purpose}, cannot be used ({why}). Stop what uses it, "
                f"or set {variable} to another port (0: any free one)."
            )

    def _free(self) -> int:
        for port in random.sample(QUIET, 100):
            if port not in self._given and taken(port) is None:
                return port
        raise PortError(f"No free port was found from {QUIET.start} to {QUIET.stop}.")


def accepts(port: int) -> bool:
    """Whether something on this machine takes connections at the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5):
            return True
    except OSError:
        return False
