"""Settings, read once in `__main__` from the environment; every fault is reported together.

No fault quotes a value: what was put into the wrong setting may be a secret. Secrets have a `repr`
that hides them, so that no log and no traceback prints one.
"""

import os
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from services.core.setting_names import NAMES, unknown_names

T = TypeVar("T")
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}

BREAKS_A_LINE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories: control characters, bytes that are no text, line and paragraph separators."""


class SettingsError(Exception):
    """What is wrong with the environment, one sentence a line."""


@dataclass(frozen=True)
class Secret:
    """A value that must never be printed; `reveal()` is for the adapter that needs it."""

    value: str = field(repr=False)

    def reveal(self) -> str:
        return self.value

    def __str__(self) -> str:
        return "********"


class Reader:
    """Takes typed values out of an environment; remembers every fault and every name.

    After a fault the default is returned, or what is nearest to it, so that reading goes on.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.names: set[str] = set()
        self.faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """A value of one line; a fault if there is neither a value nor a default."""
        self.names.add(name)
        value = self._env.get(name, "").strip(" \t\r\n")
        if any(unicodedata.category(character) in BREAKS_A_LINE for character in value):
            self.faults.append(
                f"{name} contains a line break, a control character or bytes that are not UTF-8."
            )
            value = ""
        elif not value and default is None:
            self.faults.append(f"{name} is not set.")
        return value or default or ""

    def secret(self, name: str, default: str | None = None) -> Secret:
        return Secret(self.text(name, default))

    def number(self, name: str, default: int, at_least: int, at_most: int) -> int:
        """A whole number within bounds, both included."""
        try:
            value = int(self.text(name, str(default)))
        except ValueError:
            value = at_least - 1
        if at_least <= value <= at_most:
            return value
        self.faults.append(f"{name} must be a whole number from {at_least} to {at_most}.")
        return default

    def flag(self, name: str, default: bool) -> bool:
        """One of 1, true, yes, on, 0, false, no, off."""
        raw = self.text(name, str(default)).lower()
        if raw not in TRUE | FALSE:
            self.faults.append(f"{name} must be true or false.")
        return raw in TRUE

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        """An address with one of the schemes and a host.

        An `http` address holds no password: it is shown in messages, and some are for browsers.
        """
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
        elif parts.scheme in ("http", "https") and "@" in parts.netloc:
            self.faults.append(f"{name} must not contain a user name or a password.")
        else:
            return value.rstrip("/")
        return default or ""

    def json_file(self, name: str) -> Path | None:
        """The path of a readable file that holds a JSON object; None if the name is not set."""
        value = self.text(name, "")
        if not value:
            return None
        path = Path(value).expanduser()
        try:
            msgspec.json.decode(path.read_bytes(), type=dict)
        except OSError as why:
            self.faults.append(f"{name} names {_shown(path)} that cannot be read: {why.strerror}.")
        except (ValueError, RecursionError):
            self.faults.append(f"{name} names {_shown(path)} that holds no JSON object.")
        return path


def read_settings(
    env: Mapping[str, str],
    read: Callable[[Reader], T],
    warn: Callable[[str], None] = lambda _: None,
) -> T:
    """Apply `read`, then raise `SettingsError` with every fault that it met.

    `warn` is given a sentence for each name that looks like a setting and that nothing reads. A
    name that resembles a setting which was read and is not set is a fault instead.
    """
    reader = Reader(env)
    value = read(reader)
    for name, close in unknown_names(env, NAMES | reader.names):
        if not close:
            warn(f"{name} is not a setting of Drivestream, so nothing reads it.")
            continue
        is_fault = close in reader.names and not env.get(close, "").strip()
        tell = reader.faults.append if is_fault else warn
        tell(f"{name} is not a setting; did you mean {close}?")
    if reader.faults:
        raise SettingsError("\n".join(reader.faults))
    return value


def _shown(path: Path) -> str:
    """The path, unless it may be the content of a key file that was taken for its path."""
    is_path = len(path.parts) > 1 and os.path.isdir(path.parent)
    return f"{path}, a file" if is_path else "a file"
