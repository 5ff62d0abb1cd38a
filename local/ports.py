"""TCP ports of this machine: claimed before a server starts, so that a clash has a sentence."""

import socket
from collections.abc import Mapping

LOOPBACK = "127.0.0.1"


class PortError(Exception):
    """A port that cannot be used; the text says which, what for, and what to set instead."""


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def claim(env: Mapping[str, str], variable: str, default: int, purpose: str) -> int:
    """The port that `variable` names, or the default; 0 stands for any free one.

    It is bound once and let go, which is as much as can be known before the server itself binds.
    """
    raw = env.get(variable, "").strip() or str(default)
    if not raw.isdecimal() or int(raw) > 65535:
        raise PortError(f"{variable} must be a port from 0 to 65535, not {raw[:40]!r}.")
    port = int(raw)
    if port == 0:
        return free_port()
    with socket.socket() as probe:
        # Without it a connection in TIME_WAIT, left by the copy just stopped, looks like a clash.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise PortError(
                f"Port {port}, needed for {purpose}, is taken ({error.strerror}). Stop what uses "
                f"it, or set {variable} to another port (0: any free one)."
            ) from None
    return port


def accepts(port: int) -> bool:
    """Whether something on this machine takes connections at the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5):
            return True
    except OSError:
        return False
