"""Which links to thumbnails are followed, and which bytes are an image.

A link is text from outside. It must not make us send requests to other servers.
"""

import re
from collections.abc import Mapping
from contextlib import aclosing

import httpx

from services.adapters.drive.requests import DriveSession
from services.core.errors import TryAgain
from services.core.ports import Thumbnail

LARGEST = 256 * 1024
# Neither a port nor a user can be part of it, and no character that libraries read differently.
_GOOGLE = re.compile(r"https://(?:[a-z0-9-]{1,63}\.){1,5}googleusercontent\.com/[!-\[\]-~]*")
_TYPES = (
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
)


async def fetch(session: DriveSession, link: str, headers: Mapping[str, str]) -> Thumbnail | None:
    """What the link leads to. No key or token is sent, and no redirect is followed."""
    if not (_GOOGLE.fullmatch(link) or link.startswith(f"{session.origin}/")):
        return None
    try:
        async with aclosing(await session.send_plain(link, headers)) as response:
            if response.status_code != 200:
                return None
            body = await session.first_bytes(response.aiter_raw(), LARGEST)
    except (TryAgain, httpx.InvalidURL):
        return None
    return _image(body) if len(body) <= LARGEST else None


def _image(body: bytes) -> Thumbnail | None:
    types = (mime_type for mime_type, begins in _TYPES if begins.match(body))
    mime_type = next(types, None)
    return Thumbnail(mime_type, body) if mime_type else None
