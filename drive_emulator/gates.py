"""What a request must pass before it is answered: today, the key."""

from collections.abc import Callable, Collection

from drive_emulator.asgi import Request
from drive_emulator.errors import invalid_credentials, invalid_key, missing_key

Gate = Callable[[Request], None]
"""Raises `ApiError` to refuse. Quotas, key states and faults are further gates."""


def key_of(request: Request) -> str:
    """`key=` or `X-Goog-Api-Key`, or nothing."""
    return request.params.get("key") or request.header(b"x-goog-api-key")


def key_gate(accepted: Collection[str]) -> Gate:
    """Lets the holder of an accepted key pass; a key makes nobody: its holder stays anonymous."""

    def check(request: Request) -> None:
        key = key_of(request)
        if key in accepted:
            return
        if key:
            raise invalid_key()
        if request.header(b"authorization"):
            raise invalid_credentials()
        raise missing_key()

    return check
