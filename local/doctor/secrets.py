"""Removes secrets from text: those in the settings, and everything that looks like one.

The checks print no secrets. But errors of libraries and answers of servers may quote what they were
sent, so everything passes through here as well.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "********"
NAMED = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL|DATABASE_(READ_)?URL", re.IGNORECASE)
FILE = "GOOGLE_APPLICATION_CREDENTIALS"
SHORTEST = 6
"""A shorter secret cannot be told from ordinary words, so it is not searched for."""
CUTS = (40, 80, 100, 200)
"""Messages quote values up to one of these lengths. The beginning of a secret is a secret, too."""
OURS = {"drivestream", "emulator-key"}
"""Values of secret settings that everybody knows: those of the demo."""
RESOURCE_KEY = re.compile(r"resourcekey=([^&#\s]+)", re.IGNORECASE)
PUBLIC_FIELDS = {"type", "auth_uri", "token_uri", "universe_domain", "auth_provider_x509_cert_url"}
BIGGEST_FILE = 64 * 1024
PATTERNS = [
    re.compile(r"-----BEGIN[\s\S]*?(?:-----END[^-]*-----|$)"),
    re.compile(r"AIza[\w-]{20,}"),
    re.compile(r"ya29\.[\w.-]+"),
    re.compile(r"eyJ[\w-]{10,}(?:\.[\w-]+)*"),
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]+"),
    re.compile(r"(?<=://)[^/\s@]+(?=@)"),
    re.compile(
        r"(?i)(?<=[?&;\s])(?:api_?key|key|access_token|oauth_token|token|resourcekey|password|"
        r"secret|signature|x-amz-[a-z]+)=[^&\s\"']+"
    ),
    re.compile(r"\b0-[\w-]{16,}"),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.gserviceaccount\.com"),
]


class Secrets:
    """The secrets in the environment; `hide` replaces them."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._known: list[str] = []
        self.add(*_values(env))

    def add(self, *values: str) -> None:
        """More secrets."""
        found = {part for value in values for part in _spellings(value)}
        self._known = sorted({*self._known, *found} - OURS, key=len, reverse=True)

    def hide(self, text: str) -> str:
        """The text on one line, without secrets and control characters."""
        for known in self._known:
            text = text.replace(known, HIDDEN)
        for pattern in PATTERNS:
            text = pattern.sub(HIDDEN, text)
        return "".join(c if c.isprintable() else " " for c in text)


def resource_keys(link: str) -> Sequence[str]:
    """The resource keys in a link, however they are encoded."""
    return RESOURCE_KEY.findall(unquote(link))


def _values(env: Mapping[str, str]) -> Iterator[str]:
    for name, value in env.items():
        if "@" in value:
            yield from _userinfo(value)
        if name == FILE:
            yield from _of_file(value)
        elif NAMED.search(name):
            yield value


def _userinfo(value: str) -> Iterator[str]:
    """`user:password` of an address, whole and in parts; of each, if there are several."""
    for address in value.split(","):
        before = address.rpartition("@")[0].rpartition("//")[2]
        yield before
        yield before.partition(":")[2]
    try:
        yield urlsplit(value).password or ""
    except ValueError:
        return


def _of_file(value: str) -> Iterator[str]:
    """The secrets in a key file; the value itself if it is the key instead of its path."""
    if "{" in value or "PRIVATE" in value or "\n" in value:
        yield value
        return
    try:
        with Path(value).expanduser().open("rb") as file:
            text = file.read(BIGGEST_FILE).decode(errors="replace")
    except (OSError, ValueError):
        return
    yield text
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(fields, dict):
        private = (value for name, value in fields.items() if name not in PUBLIC_FIELDS)
        yield from (value for value in private if isinstance(value, str))


def _spellings(secret: str) -> Iterator[str]:
    """The forms in which a secret may be quoted: stripped, cut off, encoded, line by line."""
    for part in {secret, secret.strip(), unquote(secret), *secret.split("\n")}:
        cut = [part[:length] for length in CUTS if len(part) > length]
        for text in (part, *cut):
            if len(text) >= SHORTEST:
                yield from (text, quote(text, safe=""), quote(text))
                yield from (json.dumps(text)[1:-1], repr(text)[1:-1])
