"""Settings, read once in `__main__` from the environment; every fault is reported together.

No fault quotes a value: what was put into the wrong setting may be a secret. Secrets have a `repr`
that hides them, so that no log and no traceback prints one.
"""

import json
import os
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

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
        """The secret itself."""
        return self.value

    def __str__(self) -> str:
        return "********"


class Reader:
    """Takes typed values out of an environment and remembers every fault.

    After a fault the default is returned, or what is nearest to it, so that reading goes on.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._read: set[str] = set()
        self.faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """A value of one line; a fault if there is neither a value nor a default."""
        self._read.add(name)
        value = self._env.get(name, "").strip(" \t\r\n")
        if any(unicodedata.category(character) in BREAKS_A_LINE for character in value):
            self.faults.append(
                f"{name} contains a line break, a control character or bytes that are not UTF-8."
            )
            return default or ""
        if value:
            return value
        if default is None:
            self.faults.append(f"{name} is not set.")
            return ""
        return default

    def secret(self, name: str, default: str | None = None) -> Secret:
        """A value that is never shown."""
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
            return default or ""
        if parts.scheme in ("http", "https") and "@" in parts.netloc:
            self.faults.append(f"{name} must not contain a user name or a password.")
            return default or ""
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
            self.faults.append(f"{name} names {_shown(path)} that cannot be read: {why.strerror}.")
        except (ValueError, RecursionError):
            self.faults.append(f"{name} names {_shown(path)} that holds no JSON object.")
        return path

    def check_names(self) -> list[str]:
        """Sentences about names that look like settings and are none. Call it after all reads.

        A name that resembles a setting which was read and is not set is a fault instead.
        """
        warnings = []
        for name, close in unknown_names(self._env, NAMES | self._read):
            if not close:
                warnings.append(f"{name} is not a setting of Drivestream, so nothing reads it.")
                continue
            sentence = f"{name} is not a setting; did you mean {close}?"
            is_set = self._env.get(close, "").strip()
            (warnings if is_set or close not in self._read else self.faults).append(sentence)
        return warnings

    def done(self) -> None:
        """Raise all faults, if there are any."""
        if self.faults:
            raise SettingsError("\n".join(self.faults))


def read_settings(
    env: Mapping[str, str],
    read: Callable[[Reader], T],
    warn: Callable[[str], None] = lambda _: None,
) -> T:
    """Apply `read`, then raise `SettingsError` with every fault that it met.

    `warn` is given a sentence for each name that looks like a setting and that nothing reads.
    """
    reader = Reader(env)
    value = read(reader)
    for sentence in reader.check_names():
        warn(sentence)
    reader.done()
    return value


def data_dir(env: Mapping[str, str]) -> Path:
    """Where one machine keeps its servers' data: DATA_DIR, else the user's data directory."""
    if env.get("DATA_DIR"):
        return Path(env["DATA_DIR"]).expanduser()
    home = env.get("XDG_DATA_HOME") or Path(env.get("HOME", "~")).expanduser() / ".local" / "share"
    return Path(home) / "drivestream"


def _shown(path: Path) -> str:
    """The path, unless it may be the content of a key file that was taken for its path."""
    is_path = len(path.parts) > 1 and os.path.isdir(path.parent)
    return f"{path}, a file" if is_path else "a file"
