"""The settings, read in the same way as by the services: which are set, and everything wrong."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from local.doctor.findings import Finding, wrong
from local.doctor.secrets import CUTS
from local.run.data_folder import DataFolder
from local.servers.emulator import KEY, PORT, emulator_problem
from local.servers.ports import LOOPBACK
from local.settings import RecordingReader, over, read_all

DRIVE = ("GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "DRIVE_API_URL")
SET_BY_UP = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL")
"""Settings that `drivestream up` makes for the servers that it starts, so they may be missing."""
PLAIN = re.compile(r"\d{1,10}|true|false|yes|no|on|off", re.IGNORECASE)
# Settings whose values are shown if they have the right form: a secret put there by mistake does
# not have it.
NAMES = {
    "S3_BUCKET": re.compile(r"[a-z0-9][a-z0-9.-]{2,62}"),
    "AWS_REGION": re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}"),
    "S3_ADDRESSING_STYLE": re.compile(r"path|virtual"),
    "S3_SERVER_SIDE_ENCRYPTION": re.compile(r"AES256|aws:kms(:dsse)?"),
    "HOST": re.compile(r"[0-9.]{7,15}|localhost|::1?"),
    "KAFKA_BOOTSTRAP_SERVERS": re.compile(r"[a-z0-9.-]+:\d{1,5}(,[a-z0-9.-]+:\d{1,5})*"),
    "KAFKA_SECURITY_PROTOCOL": re.compile(r"(SASL_)?(PLAINTEXT|SSL)"),
    "KAFKA_SASL_MECHANISM": re.compile(r"PLAIN|SCRAM-SHA-(256|512)"),
    "DRIVE_QUOTA_MODEL": re.compile(r"units|queries"),
    "DRIVE_QUOTA_SHARES": re.compile(r"[a-z]+=\d{1,3}(,[a-z]+=\d{1,3})*"),
}
QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
HIDDEN = "set (value not shown)"
REDACTED = "the present value"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The environment, and the settings of the copy or the emulator that runs here."""

    env: Mapping[str, str] = field(repr=False)
    running: Mapping[str, str] = field(repr=False, default_factory=dict)
    copy_runs: bool = False
    emulated: bool = False

    @property
    def known(self) -> Mapping[str, str]:
        """The settings as the services would read them.

        Credentials in the environment are for Google, not for the emulator that runs here.
        """
        running = dict(self.running)
        if self.env.get("GOOGLE_API_KEY") or self.env.get("GOOGLE_APPLICATION_CREDENTIALS"):
            running.pop("DRIVE_API_URL", None)
        return over(running, self.env)


def configuration(env: Mapping[str, str], folder: DataFolder) -> Configuration:
    """The configuration of this machine. Without credentials, a running emulator is used."""
    own_drive = any(env.get(name) for name in DRIVE)
    with suppress(OSError):  # a DATA_DIR that cannot be read has no copy of ours
        if copy := folder.running():
            emulated = copy.settings.get("GOOGLE_API_KEY") == KEY and not own_drive
            return Configuration(env=env, running=copy.settings, copy_runs=True, emulated=emulated)
    port = env.get("EMULATOR_PORT", "")
    url = f"http://{LOOPBACK}:{port if port.isdecimal() else PORT}"
    if own_drive or emulator_problem(url):
        return Configuration(env=env)
    return Configuration(
        env=env, running={"DRIVE_API_URL": url, "GOOGLE_API_KEY": KEY}, emulated=True
    )


def settings(found: Configuration) -> Sequence[Finding]:
    """A finding for each fault, then one for each setting."""
    reader = read_all(found.known)
    faults = [_fault(fault, found.known) for fault in reader.faults if not _set_by_up(fault, found)]
    faulty = {finding.check for finding in faults}
    return [*faults, *_each(reader, found, faulty)]


def _set_by_up(fault: str, found: Configuration) -> bool:
    own_servers = any(found.env.get(name) for name in ("S3_ENDPOINT_URL", *SET_BY_UP))
    missing = {f"{name} is not set." for name in SET_BY_UP}
    return not found.copy_runs and not own_servers and fault in missing


def _fault(fault: str, known: Mapping[str, str]) -> Finding:
    """A fault without the value that it quotes, which may be a secret in the wrong place."""
    name, _, rest = fault.partition(" ")
    value = known.get(name, "").strip()
    for quoted in (value, *(value[:length] for length in CUTS if len(value) > length)):
        if quoted and shown(name, value) != value:
            rest = rest.replace(quoted, REDACTED)
    fault = f"{name} {rest}"
    if name == "GOOGLE_APPLICATION_CREDENTIALS":
        todo = "Set it to the path of the service account's key file, not to the file's content."
        return wrong(name, "It is not the path of a readable JSON file.", todo)
    todo = f"Set {name}." if fault.endswith("is not set.") else f"Correct or unset {name}."
    return wrong(name, QUOTED.sub(REDACTED, fault), todo)


def _each(
    reader: RecordingReader, found: Configuration, except_for: Collection[str]
) -> Iterator[Finding]:
    defaults, unset = [], []
    for name, default in sorted(reader.asked.items()):
        if name in except_for:
            continue
        if value := found.known.get(name, "").strip():
            source = "" if found.env.get(name, "").strip() == value else ", from what runs here"
            yield Finding(check=name, seen=shown(name, value) + source)
        elif default:
            defaults.append(f"{name}={default}")
        else:
            unset.append(name)
    yield Finding(check="Defaults", seen="; ".join(defaults) or "none")
    yield Finding(check="Not set", seen=", ".join(unset) or "none")


def shown(name: str, value: str) -> str:
    """A value, or the part of it that cannot be a secret."""
    if "PASSWORD" in name:  # it may be a number
        return HIDDEN
    if PLAIN.fullmatch(value) or (name in NAMES and NAMES[name].fullmatch(value)):
        return value
    if name.endswith("_URL"):
        return origin(value) or HIDDEN
    return HIDDEN


def origin(url: str) -> str:
    """Only the scheme, host and port of an address; empty if it is not one."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}" if parts.scheme and host else ""
