"""Settings, read once in `__main__` from the environment; every fault is reported together.

A reader takes values by name and collects what is wrong; `done()` raises one `SettingsError` with
all of it. Secrets have a `repr` that hides them, so that no log and no traceback prints one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


class SettingsError(Exception):
    """What is wrong with the environment, one sentence a line."""


@dataclass(frozen=True)
class Secret:
    """A value that must never be printed; `reveal()` is for the adapter that needs it."""

    value: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself."""
        return self.value

    def __str__(self) -> str:
        return "********"


class Reader:
    """Takes typed values out of an environment and remembers every fault."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """A value as it stands; a fault if there is neither a value nor a default."""
        value = self._env.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.faults.append(f"{name} is not set.")
            return ""
        return default

    def secret(self, name: str, default: str | None = None) -> Secret:
        """A value that is never shown, not even in the fault that it causes."""
        return Secret(self.text(name, default))

    def number(self, name: str, default: int, at_least: int, at_most: int) -> int:
        """A whole number within bounds, both included."""
        raw = self.text(name, str(default))
        try:
            value = int(raw)
        except ValueError:
            self.faults.append(f"{name} must be a whole number, not {raw[:40]!r}.")
            return default
        if not at_least <= value <= at_most:
            self.faults.append(f"{name} must be {at_least} to {at_most}, not {value}.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """One of 1, true, yes, on, 0, false, no, off."""
        raw = self.text(name, str(default)).lower()
        if raw not in TRUE | FALSE:
            self.faults.append(f"{name} must be true or false, not {raw[:40]!r}.")
        return raw in TRUE

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        """An address with one of the schemes and a host; its password is not repeated in faults."""
        value = self.text(name, default)
        if not value:
            return value
        try:
            parts = urlsplit(value)
            known = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            self.faults.append(f"{name} must be an address like {schemes[0]}://host:port.")
        return value.rstrip("/")

    def json_file(self, name: str) -> Path | None:
        """The path of a readable file that holds a JSON object; None if the name is not set."""
        value = self.text(name, "")
        if not value:
            return None
        path = Path(value).expanduser()
        try:
            if not isinstance(json.loads(path.read_bytes()), dict):
                raise ValueError
        except OSError as why:
            self.faults.append(f"{name} names {value[:200]}, which cannot be read: {why.strerror}.")
        except (ValueError, RecursionError):
            self.faults.append(f"{name} names {value[:200]}, which holds no JSON object.")
        return path

    def done(self) -> None:
        """Raise all faults, if there are any."""
        if self.faults:
            raise SettingsError("\n".join(self.faults))


def read_settings(env: Mapping[str, str], read: Callable[[Reader], T]) -> T:
    """Apply `read`, then raise `SettingsError` with every fault that it met."""
    reader = Reader(env)
    value = read(reader)
    reader.done()
    return value


def data_dir(env: Mapping[str, str]) -> Path:
    """Where one machine keeps its servers' data: DATA_DIR, else the user's data directory."""
    if env.get("DATA_DIR"):
        return Path(env["DATA_DIR"]).expanduser()
    home = env.get("XDG_DATA_HOME") or Path(env.get("HOME", "~")).expanduser() / ".local" / "share"
    return Path(home) / "drivestream"
