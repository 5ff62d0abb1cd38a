"""Settings, read once in `__main__` from the environment; every fault is reported together.

No fault quotes a value: what was put into the wrong setting may be a secret. Secrets have a `repr`
that hides them, so that no log and no traceback prints one.
"""

import os
import re
import ssl
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Self, TypeVar, get_type_hints
from urllib.parse import urlsplit

import msgspec

T = TypeVar("T")
NAMES = frozenset(
    {
        *("HOST", "PORT", "ALLOWED_HOSTS", "API_PUBLIC_URL", "CORS_ORIGINS"),
        *("ALLOW_WITHOUT_KEYS", "API_CONNECTIONS", "API_KEYS", "API_OPEN"),
        *("API_REQUESTS_PER_MINUTE",),
        *("DATABASE_READ_URL", "DATABASE_URL", "DATA_DIR"),
        *("DRIVE_API_URL", "DRIVE_COOL_DOWN_SECONDS", "DRIVE_QUOTA_USER", "DRIVE_TIMEOUT_SECONDS"),
        *("DRIVE_QUOTA_MODEL", "DRIVE_QUOTA_SHARES", "DRIVE_QUOTA_UNITS_PER_MINUTE"),
        *("GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"),
        *("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC_PREFIX", "KAFKA_SECURITY_PROTOCOL"),
        *("KAFKA_CA_FILE", "KAFKA_SASL_MECHANISM", "KAFKA_USERNAME", "KAFKA_PASSWORD"),
        *("METRICS_HOST", "METRICS_PORT", "NO_PROGRESS_SECONDS"),
        *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME"),
        *("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"),
        *("PARKED_RETRY_SECONDS", "STALLED_AFTER_SECONDS"),
        *("AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_PROFILE", "S3_ADDRESSING_STYLE", "S3_BUCKET", "S3_CA_FILE", "S3_ENDPOINT_URL"),
        *("S3_KMS_KEY_ID", "S3_PUBLIC_READ", "S3_PUBLIC_URL", "S3_SERVER_SIDE_ENCRYPTION"),
        *("THUMBNAIL_CONCURRENCY", "THUMBNAIL_MEMORY_MB"),
        *("TRANSFER_CONCURRENCY", "TRANSFER_MEMORY_MB"),
        *("WEBHOOK_SECRET", "WEBHOOK_URLS"),
    }
)
"""Every setting of every service; a test keeps the list complete."""
PREFIXES = ("DRIVE_", "METRICS_", "S3_", "THUMBNAIL_", "TRANSFER_", "WEBHOOK_")
"""Names that begin so are meant for us. Other programs, too, read AWS_*, KAFKA_* or API_*."""
LIKENESS = 0.9
"""By difflib, where 1 is equality, from which one name counts as a misspelling of another."""
SHORTEST = 8
"""Shorter names, such as PORT, resemble too many names of other programs."""
OTHERS = re.compile(
    r"S3_CONSOLE_URL|METRICS_API_KEY_FILE|\w+_METRICS_URL|\w+_SERVICE_HOST|\w+_SERVICE_PORT\w*|\w+_PORT_\d+_\w+"
)
"""What `local/` tells its services beside their settings, compose its servers, and Kubernetes every
container."""
KUBERNETES_PORT = re.compile(r"(tcp|udp|sctp)://")
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


class Reader:
    """Takes typed values out of an environment, and goes on after a fault with the default."""

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
        raw = self.text(name, str(default)).lower()
        if raw not in TRUE | FALSE:
            self.faults.append(f"{name} must be true or false.")
        return raw in TRUE

    def url(self, name: str, default: str) -> str:
        """An address of HTTP, without a password: messages and browsers show it."""
        value = self.text(name, default)
        if not value:
            return value
        try:
            parts = urlsplit(value)
            known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            known = False
        if not known:
            self.faults.append(f"{name} must be a URL such as https://host:port.")
        elif "@" in parts.netloc:
            self.faults.append(f"{name} must not contain a user name or password.")
        else:
            return value.rstrip("/")
        return default

    def certificates(self, name: str) -> str:
        """The path of a readable file of certificates in PEM format; "" if the name is not set."""
        path = self.text(name, "")
        try:
            if path:
                ssl.create_default_context(cafile=path)
        except ssl.SSLError:
            self.faults.append(f"{name} names a file without a certificate in PEM format.")
        except OSError as why:
            self.faults.append(f"{name} names a file that cannot be read: {why.strerror}.")
        return path

    def json_file(self, name: str) -> Path | None:
        """The path of a readable file that holds a JSON object; None if the name is not set."""
        value = self.text(name, "")
        if not value:
            return None
        path = Path(value)
        with suppress(RuntimeError):  # of a user that the system does not know
            path = path.expanduser()
        try:
            msgspec.json.decode(path.read_bytes(), type=dict)
        except OSError as why:
            self.faults.append(f"{name} names {_shown(path)} that cannot be read: {why.strerror}.")
        except (ValueError, RecursionError):
            self.faults.append(f"{name} names {_shown(path)} that is not a JSON object.")
        return path


class SettingsGroup:
    """Base of a dataclass that is made of settings: each field is read by its own type."""

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(**{name: part.read(reader) for name, part in get_type_hints(cls).items()})


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
    for name, close in _unknown_names(env, NAMES | reader.names):
        if not close:
            warn(f"{name} is not a setting of Drivestream, and is ignored.")
            continue
        is_fault = close in reader.names and not env.get(close, "").strip()
        tell = reader.faults.append if is_fault else warn
        tell(f"{name} is not a setting. Did you mean {close}?")
    if reader.faults:
        raise SettingsError("\n".join(reader.faults))
    return value


def _unknown_names(env: Mapping[str, str], known: Set[str]) -> Iterator[tuple[str, str]]:
    """Names that look like settings and are none, each with the likely right name, or with ""."""
    candidates = [name for name in sorted(known) if len(name) >= SHORTEST]
    for name in sorted(env.keys() - known):
        value = env[name].strip()
        if not value or OTHERS.fullmatch(name) or KUBERNETES_PORT.match(value):
            continue
        close = get_close_matches(name.upper(), candidates, n=1, cutoff=LIKENESS)
        if close or name.startswith(PREFIXES):
            yield name, "".join(close)


def _shown(path: Path) -> str:
    """The path, unless it may be the content of a key file that was taken for its path."""
    is_path = len(path.parts) > 1 and os.path.isdir(path.parent)
    return f"{path}, a file" if is_path else "a file"
