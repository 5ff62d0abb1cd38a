"""API keys: how one looks, how it is written in the settings, and what it allows."""

import re
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

PREFIX = "drivestream_"
"""Begins every key, so that scanners for leaked secrets find it."""
RANDOM_BYTES = 32
SCOPES = ("read", "import", "admin")
"""Each includes those before it."""
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
DIGEST = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


class ApiKey(NamedTuple):
    """What is known of a key. Nobody can tell the key itself from this."""

    name: str
    scope: str
    digest: bytes

    def allows(self, scope: str) -> bool:
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def setting(self) -> str:
        return f"{self.name}:{self.scope}:{self.digest.hex()}"


def digest_of(key: bytes) -> bytes:
    """Without a salt, and fast: a key has 256 random bits, which nobody can guess."""
    return sha256(key).digest()


def new_key(name: str, scope: str) -> tuple[str, ApiKey]:
    """The key, and what goes into the settings."""
    key = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    return key, ApiKey(name, scope, digest_of(key.encode()))


def parse_keys(text: str) -> tuple[Sequence[ApiKey], Sequence[str]]:
    """The keys in a setting, and what is wrong with it. No fault quotes a value."""
    keys: list[ApiKey] = []
    faults: list[str] = []
    for number, entry in enumerate(text.split(","), 1):
        parts = entry.strip().split(":")
        if parts == [""]:
            continue
        fault = _fault(parts, {key.name for key in keys}, {key.digest for key in keys})
        if fault:
            faults.append(f"Entry {number} of API_KEYS {fault}.")
        else:
            keys.append(ApiKey(parts[0], parts[1], bytes.fromhex(parts[2])))
    return keys, faults


def _fault(parts: Sequence[str], names: set[str], digests: set[bytes]) -> str:
    if any(part.startswith(PREFIX) for part in parts):
        return "contains a key itself. Only the key's SHA-256 belongs there"
    if len(parts) != 3:
        return "must be NAME:SCOPE:SHA256. `drivestream key NAME SCOPE` makes one"
    name, scope, digest = parts
    if not NAME.fullmatch(name):
        return "has a name that is not 1 to 64 letters, digits, dots, dashes and underscores"
    if name in names:
        return "has a name that another entry has"
    if scope not in SCOPES:
        return f"has a scope that is not one of {', '.join(SCOPES)}"
    if not DIGEST.fullmatch(digest):
        return "does not end in a SHA-256, which is 64 hexadecimal digits"
    return "has the key of another entry" if bytes.fromhex(digest) in digests else ""
