"""Encrypts what ids and page tokens mean, so that no index of them is needed.

A token is a keyed hash of the payload, followed by the payload masked with a second hash of the
first: a misuse-resistant construction (SIV), with BLAKE2b for both halves. It is deterministic.
"""

import binascii
import hashlib

MAX_PAYLOAD = 64  # bytes: what one BLAKE2b hash can mask
_SIGNATURE = 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")


class TokenCipher:
    """Encrypts payloads of 1 to `MAX_PAYLOAD` bytes with a secret."""

    def __init__(self, secret: bytes) -> None:
        self._signing_key = hashlib.blake2b(b"sign" + secret).digest()
        self._masking_key = hashlib.blake2b(b"mask" + secret).digest()

    def encrypt(self, payload: bytes, binding: bytes = b"") -> str:
        """A text of `[A-Za-z0-9_-]`, 4 characters for every 3 bytes of signature and payload."""
        signature = hashlib.blake2b(
            payload + binding, digest_size=_SIGNATURE, key=self._signing_key
        ).digest()
        text = binascii.b2a_base64(signature + self._masked(payload, signature), newline=False)
        return text.translate(_URL_SAFE).rstrip(b"=").decode("ascii")

    def decrypt(self, text: str, binding: bytes = b"") -> bytes | None:
        """The payload; None unless this exact text was encrypted with this secret and binding."""
        try:
            raw = text.encode("ascii").translate(_STANDARD)
            data = binascii.a2b_base64(raw + b"=" * (-len(raw) % 4), strict_mode=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        if not _SIGNATURE < len(data) <= _SIGNATURE + MAX_PAYLOAD:
            return None
        payload = self._masked(data[_SIGNATURE:], data[:_SIGNATURE])
        return payload if self.encrypt(payload, binding) == text else None

    def _masked(self, payload: bytes, signature: bytes) -> bytes:
        size = len(payload)
        mask = hashlib.blake2b(signature, digest_size=size, key=self._masking_key).digest()
        return (int.from_bytes(payload) ^ int.from_bytes(mask)).to_bytes(size)
