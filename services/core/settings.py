"""Settings, read once in `__main__` from the environment; every fault is reported together.

A reader takes values by name and collects what is wrong; `done()` raises one `SettingsError` with
all of it. Secrets have a `repr` that hides them, so that no log and no traceback prints one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
GOOGLE = "https://www.googleapis.com"
QUOTA_USER = "drivestream"
LONGEST_QUOTA_USER = 40


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


@dataclass(frozen=True, kw_only=True)
class KafkaSettings:
    """Where the brokers are."""

    bootstrap_servers: str

    @classmethod
    def read(cls, reader: Reader) -> "KafkaSettings":
        """From KAFKA_BOOTSTRAP_SERVERS."""
        return cls(bootstrap_servers=reader.text("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:29092"))


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """The S3-compatible store. `endpoint_url` is empty for Amazon's own."""

    access_key_id: str
    secret_access_key: Secret
    region: str
    bucket: str
    endpoint_url: str
    public_url: str
    public_read: bool

    @classmethod
    def read(cls, reader: Reader) -> "StoreSettings":
        """From AWS_* and S3_*."""
        endpoint = reader.url("S3_ENDPOINT_URL", ("http", "https"), "")
        return cls(
            access_key_id=reader.text("AWS_ACCESS_KEY_ID"),
            secret_access_key=reader.secret("AWS_SECRET_ACCESS_KEY"),
            region=reader.text("AWS_REGION", "us-east-1"),
            bucket=reader.text("S3_BUCKET", "drivestream"),
            endpoint_url=endpoint,
            public_url=reader.url("S3_PUBLIC_URL", ("http", "https"), "") or endpoint,
            public_read=reader.flag("S3_PUBLIC_READ", False),
        )


@dataclass(frozen=True, kw_only=True)
class DriveSettings:
    """Google Drive, or whatever answers like it.

    Where `credentials_file` is given, a service account asks and the key is not used: who sets both
    has put the account in the key's place. `quota_user` names us where a key makes us anonymous.
    `timeout_seconds` is the longest wait for a listing's end or a file's first byte.
    """

    api_url: str
    api_key: Secret
    credentials_file: Path | None = None
    quota_user: str = QUOTA_USER
    cool_down_seconds: float = 600.0
    timeout_seconds: float = 60.0

    @classmethod
    def read(cls, reader: Reader) -> "DriveSettings":
        """From DRIVE_* and GOOGLE_*; a missing key is Drive's to refuse, readably."""
        quota_user = reader.text("DRIVE_QUOTA_USER", QUOTA_USER)
        if len(quota_user) > LONGEST_QUOTA_USER:
            reader.faults.append(f"DRIVE_QUOTA_USER has at most {LONGEST_QUOTA_USER} characters.")
        return cls(
            api_url=reader.url("DRIVE_API_URL", ("https", "http"), GOOGLE),
            api_key=reader.secret("GOOGLE_API_KEY", ""),
            credentials_file=reader.json_file("GOOGLE_APPLICATION_CREDENTIALS"),
            quota_user=quota_user,
            cool_down_seconds=float(reader.number("DRIVE_COOL_DOWN_SECONDS", 600, 1, 86_400)),
            timeout_seconds=float(reader.number("DRIVE_TIMEOUT_SECONDS", 60, 1, 3_600)),
        )


class QuotaModel(Enum):
    """What Google counts: units since May 2026, requests in projects that are older."""

    UNITS = "units"
    QUERIES = "queries"


USUAL_LIMITS = {QuotaModel.UNITS: 325_000, QuotaModel.QUERIES: 12_000}
"""A minute, per user and project: Google's usage limits (`limits` page of Drive's guides)."""


@dataclass(frozen=True, kw_only=True)
class QuotaSettings:
    """What all workers together may spend a minute (0: no limit), and how it is split.

    `shares` are the parts of it, 0 to 1, that each kind of work gets.
    """

    per_minute: int
    model: QuotaModel
    shares: Mapping[str, float]

    @classmethod
    def read(cls, reader: Reader) -> "QuotaSettings":
        """From DRIVE_QUOTA_UNITS_PER_MINUTE, DRIVE_QUOTA_MODEL and DRIVE_QUOTA_SHARES."""
        model = _model(reader, "DRIVE_QUOTA_MODEL")
        usual = USUAL_LIMITS[model]
        return cls(
            per_minute=reader.number("DRIVE_QUOTA_UNITS_PER_MINUTE", usual, 0, 10**9),
            model=model,
            shares=_shares(reader, "DRIVE_QUOTA_SHARES"),
        )


USUAL_SHARES = {"transfer": 88, "lister": 10, "preview": 2}


def _model(reader: Reader, name: str) -> QuotaModel:
    raw = reader.text(name, QuotaModel.UNITS.value).lower()
    try:
        return QuotaModel(raw)
    except ValueError:
        reader.faults.append(f"{name} must be units or queries, not {raw[:40]!r}.")
        return QuotaModel.UNITS


def _shares(reader: Reader, name: str) -> Mapping[str, float]:
    """Percentages such as `transfer=88,lister=10,preview=2`, as parts of one."""
    usual = ",".join(f"{kind}={percent}" for kind, percent in USUAL_SHARES.items())
    raw = reader.text(name, usual)
    given = [part.partition("=") for part in raw.split(",")]
    percents = {kind.strip(): _percent(value) for kind, _, value in given}
    whole = len(given) == len(percents) and percents.keys() == USUAL_SHARES.keys()
    if not whole or min(percents.values()) < 1:
        reader.faults.append(f"{name} must give each a whole percentage, like {usual}.")
    elif sum(percents.values()) > 100:
        reader.faults.append(f"{name} must not add up to more than 100, as {raw[:80]!r} does.")
    return {kind: percent / 100 for kind, percent in percents.items()}


def _percent(raw: str) -> int:
    """0 for what is no percentage."""
    digits = raw.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 3 else 0


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """PostgreSQL. The address holds a password, so it is a secret."""

    url: Secret

    @classmethod
    def read(cls, reader: Reader) -> "DatabaseSettings":
        """From DATABASE_URL."""
        return cls(url=Secret(reader.url("DATABASE_URL", ("postgresql", "postgres"))))


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
