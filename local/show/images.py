"""What the API says of images, and of what failed in an import, for a terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from local.paths import CHECKOUT
from local.show.reports import Count
from local.show.text import columns, counted, moment, printable, size

WORDS = CHECKOUT / "web" / "src" / "text" / "reasons.json"
EXAMPLES = 3
LONGEST_URL = 8_000
"""Far more than one has: cut, it would open nothing."""


class ListedImage(msgspec.Struct, frozen=True):
    """An entry of `GET /images`."""

    id: int
    name: str
    google_drive_id: str
    size: Count
    mime_type: str
    storage_path: str
    created_at: datetime
    content_type: str


def image_table(images: Sequence[ListedImage]) -> str:
    """With the URL in the last column."""
    return columns(
        ("Drive id", "name", "size", "type", "stored", "URL"),
        [
            (
                image.google_drive_id,
                image.name,
                size(image.size),
                image.content_type,
                moment(image.created_at),
                image.storage_path,
            )
            for image in images
        ],
        LONGEST_URL,
    )


class FailedFile(msgspec.Struct, frozen=True):
    """A file of `GET /imports/{id}/files?state=failed`."""

    google_drive_id: str
    name: str
    path: str
    reason: str | None
    message: str | None

    def __str__(self) -> str:
        place = f"{self.path}/{self.name}" if self.path else self.name
        said = f": {printable(self.message)}" if self.message else ""
        return f"{printable(place, 100)}{said}"


class Words(msgspec.Struct, frozen=True):
    """What the page says of a reason."""

    title: str
    cure: str = ""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The files of an import that failed for one reason."""

    reason: str
    title: str
    cure: str
    files: Count
    retry: str
    examples: Sequence[FailedFile]

    def __str__(self) -> str:
        lines = [f"{counted(self.files, 'file')}: {printable(self.title)} ({self.reason})"]
        lines += [f"    {file}" for file in self.examples]
        if more := self.files - len(self.examples):
            lines.append(f"    … and {counted(more, 'more file')}" if self.examples else "")
        lines += [f"  What to do: {self.cure}"] if self.cure else []
        lines.append(f"  To try again: {self.retry}")
        return "\n".join(filter(None, lines))


def failures_of(
    import_id: str, counts: Mapping[str, int], files: Sequence[FailedFile]
) -> Sequence[Failure]:
    """The most frequent reason first."""
    words = reason_words()
    return [
        Failure(
            reason=printable(reason),
            title=(said := words.get(reason, Words(title=reason))).title,
            cure=said.cure,
            files=number,
            retry=f"drivestream retry {printable(import_id)} --reason {printable(reason)}",
            examples=[file for file in files if file.reason == reason][:EXAMPLES],
        )
        for reason, number in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def reason_words() -> Mapping[str, Words]:
    """The page's, so that both say the same."""
    return msgspec.json.decode(WORDS.read_bytes(), type=dict[str, Words])
