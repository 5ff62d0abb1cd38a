"""Who receives webhooks, and the secret that signs them."""

import binascii
from base64 import b64decode
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from services.core.settings import Reader, Secret

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a key, as Standard Webhooks has it."""
LONGEST_URL = 2_000
MOST_URLS = 20
"""Each costs a consumer and a thread."""


@dataclass(frozen=True)
class Endpoint:
    """One receiver. Its URL may hold a secret of its own, in its path or its query, so only `name`
    is ever shown. `id` names what was sent to it, for as long as the URL stays the same."""

    url: Secret

    @property
    def id(self) -> str:
        return sha256(self.url.reveal().encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        return f"{urlsplit(self.url.reveal()).netloc}#{self.id[:6]}"


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """`secrets` all sign: while one replaces another, receivers may know either. Links in webhooks
    begin with `api_url`; if it is empty they are paths."""

    endpoints: tuple[Endpoint, ...] = ()
    secrets: tuple[Secret, ...] = ()
    api_url: str = ""

    @classmethod
    def read(cls, reader: Reader) -> "WebhookSettings":
        urls = _split(reader.text("WEBHOOK_URLS", ""))
        secrets = _split(reader.text("WEBHOOK_SECRET", ""))
        faulty = [number for number, url in enumerate(urls, 1) if not is_url(url)]
        if faulty:
            reader.faults.append(
                "WEBHOOK_URLS must be URLs such as https://hooks.example.com/path, separated by "
                "commas, without a user name or password. Write a comma inside a URL as %2C. "
                f"Number {faulty[0]} is not such a URL."
            )
        if len(urls) > MOST_URLS:
            reader.faults.append(f"WEBHOOK_URLS must have at most {MOST_URLS} URLs.")
        if not all(map(is_key, secrets)):
            reader.faults.append(
                f"WEBHOOK_SECRET must be {PREFIX} and the base64 of {SHORTEST} to {LONGEST} random "
                "bytes. While a new secret replaces an old one, give both, separated by a comma."
            )
        if urls and not secrets:
            reader.faults.append(
                "WEBHOOK_SECRET must be set if WEBHOOK_URLS is: receivers cannot trust what is "
                "not signed."
            )
        return cls(
            endpoints=tuple(Endpoint(Secret(url)) for url in urls),
            secrets=tuple(map(Secret, secrets)),
            api_url=reader.url("API_PUBLIC_URL", ""),
        )


def is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = text.isascii() and " " not in text and "@" not in parts.netloc and not parts.fragment
    return known and plain and len(text) <= LONGEST_URL


def is_key(secret: str) -> bool:
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secret.startswith(PREFIX) and SHORTEST <= len(key) <= LONGEST


def _split(text: str) -> list[str]:
    """The parts between commas, each once."""
    return list(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))
