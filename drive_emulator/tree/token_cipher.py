"""Ids and page tokens that carry their meaning, unreadable and unforgeable: no index is needed.

A sealed text is a keyed hash of the payload followed by the payload, masked by a second hash of
the first. Each is half of a misuse-resistant cipher (SIV), and all that a test server needs.
"""

import binascii
import hashlib

LONGEST = 64  # bytes of a payload: what one BLAKE2b hash can mask
_TAG = 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_PLAIN = bytes.maketrans(b"-_", b"+/")


class TokenCipher:
    """Seals payloads of 1 to `LONGEST` bytes under a secret."""

    def __init__(self, secret: bytes) -> None:
        self._sign = hashlib.blake2b(b"sign" + secret).digest()
        self._mask = hashlib.blake2b(b"mask" + secret).digest()

    def close(self, payload: bytes, bound_to: bytes = b"") -> str:
        """Text of `[A-Za-z0-9_-]`: 4 characters for every 3 bytes of a 16-byte tag and payload."""
        tag = hashlib.blake2b(payload + bound_to, digest_size=_TAG, key=self._sign).digest()
        sealed = tag + self._masked(payload, tag)
        text = binascii.b2a_base64(sealed, newline=False)
        return text.translate(_URL_SAFE).rstrip(b"=").decode("ascii")

    def open(self, text: str, bound_to: bytes = b"") -> bytes | None:
        """The payload; None unless this very text was sealed by this secret for `bound_to`."""
        try:
            raw = text.encode("ascii").translate(_PLAIN)
            sealed = binascii.a2b_base64(raw + b"=" * (-len(raw) % 4), strict_mode=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        if not _TAG < len(sealed) <= _TAG + LONGEST:
            return None
        payload = self._masked(sealed[_TAG:], sealed[:_TAG])
        return payload if self.close(payload, bound_to) == text else None

    def _masked(self, payload: bytes, tag: bytes) -> bytes:
        size = len(payload)
        mask = hashlib.blake2b(tag, digest_size=size, key=self._mask).digest()
        return (int.from_bytes(payload) ^ int.from_bytes(mask)).to_bytes(size)
