"""The settings, read by the very readers of the services: which are given, and all their faults."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from urllib.parse import urlsplit

from local.doctor.findings import Finding, wrong
from local.doctor.secrets import CUTS
from services.core.settings import Reader

SERVICES = ("api", "lister", "transfer", "indexer")
GIVEN_BY_UP = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL")
"""What `drivestream up` sets for the servers that it starts: not missing where nothing is named."""
PLAIN = re.compile(r"\d{1,10}|true|false|yes|no|on|off", re.IGNORECASE)
# Names, where nothing else can be meant; a secret that was put there by mistake does not fit.
NAMES = {
    "S3_BUCKET": re.compile(r"[a-z0-9][a-z0-9.-]{2,62}"),
    "AWS_REGION": re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}"),
    "HOST": re.compile(r"[0-9.]{7,15}|localhost|::1?"),
    "KAFKA_BOOTSTRAP_SERVERS": re.compile(r"[a-z0-9.-]+:\d{1,5}(,[a-z0-9.-]+:\d{1,5})*"),
    "DRIVE_QUOTA_MODEL": re.compile(r"units|queries"),
    "DRIVE_QUOTA_SHARES": re.compile(r"[a-z]+=\d{1,3}(,[a-z]+=\d{1,3})*"),
}
QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
HIDDEN = "given (not shown)"


class Noted(Reader):
    """A reader that remembers what it was asked for: name by name, the default or None."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(env)
        self.asked: dict[str, str | None] = {}

    def text(self, name: str, default: str | None = None) -> str:
        """As the reader does."""
        self.asked.setdefault(name, default)
        return super().text(name, default)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where settings come from: the environment, and the copy that runs here, if one does."""

    env: Mapping[str, str] = field(repr=False)
    copy: Mapping[str, str] = field(repr=False, default_factory=dict)
    running: bool = False
    emulated: bool = False

    @property
    def known(self) -> Mapping[str, str]:
        """What the services would read. A key of one's own is for Google, not for our emulator."""
        copied = dict(self.copy)
        if self.env.get("GOOGLE_API_KEY") or self.env.get("GOOGLE_APPLICATION_CREDENTIALS"):
            copied.pop("DRIVE_API_URL", None)
        given = {name: value for name, value in self.env.items() if value}
        return {**copied, **given}


def settings(around: Surroundings) -> Sequence[Finding]:
    """A finding for each fault, then one for each setting."""
    reader = Noted(around.known)
    for service in SERVICES:
        import_module(f"services.{service}.__main__").Settings.read(reader)
    faults = [fault for fault in dict.fromkeys(reader.faults) if not _given_by_up(fault, around)]
    found = [_fault(fault, around.known) for fault in faults]
    faulty = {finding.check for finding in found}
    return [*found, *_each(reader, around, faulty)]


def _given_by_up(fault: str, around: Surroundings) -> bool:
    alone = not around.running and not any(
        around.env.get(name) for name in ("S3_ENDPOINT_URL", *GIVEN_BY_UP)
    )
    return alone and fault in {f"{name} is not set." for name in GIVEN_BY_UP}


def _fault(fault: str, known: Mapping[str, str]) -> Finding:
    """Faults quote what was given, which may be a secret in the wrong place."""
    name, _, rest = fault.partition(" ")
    value = known.get(name, "").strip()
    for quoted in (value, *(value[:length] for length in CUTS if len(value) > length)):
        if quoted and shown(name, value) != value:
            rest = rest.replace(quoted, "what it is")
    fault = f"{name} {rest}"
    if name == "GOOGLE_APPLICATION_CREDENTIALS":
        todo = "Set it to the path of the service account's key file, not to what the file holds."
        return wrong(name, "It names no readable file that holds a JSON object.", todo)
    todo = f"Set {name}." if fault.endswith("is not set.") else f"Correct or unset {name}."
    return wrong(name, QUOTED.sub("what it is", fault), todo)


def _each(reader: Noted, around: Surroundings, but: Collection[str]) -> Iterator[Finding]:
    defaults, unset = [], []
    for name, default in sorted(reader.asked.items()):
        if name in but:
            continue
        if value := around.known.get(name, "").strip():
            where = "" if around.env.get(name) else ", from what runs here"
            yield Finding(check=name, seen=shown(name, value) + where)
        elif default:
            defaults.append(f"{name}={default}")
        else:
            unset.append(name)
    yield Finding(check="Defaults", seen="; ".join(defaults) or "none")
    yield Finding(check="Not set", seen=", ".join(unset) or "none")


def shown(name: str, value: str) -> str:
    """A value as far as it cannot be a secret."""
    if PLAIN.fullmatch(value) or (name in NAMES and NAMES[name].fullmatch(value)):
        return value
    if name.endswith("_URL"):
        return origin(value) or HIDDEN
    return HIDDEN


def origin(url: str) -> str:
    """Scheme, host and port of an address; nothing else of it."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}" if parts.scheme and host else ""
