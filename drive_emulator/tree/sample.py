"""The sample folder: one person's pictures of some years, in albums with names and dates.

2,400 pictures, a dozen files that are not images, about 170 MB.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import NamedTuple

from drive_emulator.content import documents
from drive_emulator.content.blobs import Blob, BlobCache
from drive_emulator.content.paintings import PAINTINGS, Painting
from drive_emulator.tree.entry import Entry
from drive_emulator.tree.explicit_layout import ExplicitLayout, FolderNode

TITLE = "Drivestream sample pictures"
_HOUR = 3_600_000
_DOC = "application/vnd.google-apps.document"
_SHEET = "application/vnd.google-apps.spreadsheet"


class Album(NamedTuple):
    """A folder of pictures of one day."""

    path: str
    start_ms: int
    pictures: int
    naming: str
    themes: tuple[str, ...]
    location: tuple[float, ...] | None


# From the newest to the oldest, the order in which Drive lists them:
# path | day | pictures | who named the files | themes | latitude and longitude
_ALBUMS = """
Wallpapers | 2026-05-20 | 24 | title | large
Prints/Modern shapes | 2026-04-18 | 90 | title | pattern poster
Prints/Travel posters | 2026-04-11 | 59 | title | poster
Patterns/Quarter circles | 2026-03-28 | 59 | title | pattern
Patterns/Tiles | 2026-03-21 | 59 | title | pattern
Night skies/Northern lights | 2026-02-14 | 66 | camera | night | 69.6 18.9
Night skies/Milky Way | 2026-01-17 | 59 | camera | night
City lights/New Year | 2025-12-31 | 80 | phone | city
City lights/Tokyo | 2025-11-22 | 93 | camera | city | 35.66 139.7
Weekends/Autumn fog | 2025-10-19 | 73 | camera | forest mountains
Weekends/Lighthouse and harbour | 2025-09-21 | 87 | phone | sea
Holidays 2025/Sicily/Evenings on the beach | 2025-08-24 | 101 | phone | sea | 37.5 14.0
Holidays 2025/Sicily/Aeolian islands | 2025-08-20 | 93 | camera | sea | 37.5 14.0
Holidays 2025/Sicily | 2025-08-17 | 79 | phone | sea forest | 37.5 14.0
Holidays 2025/Dolomites/Seceda at dawn | 2025-07-19 | 100 | camera | mountains | 46.6 11.72
Holidays 2025/Dolomites/Lago di Braies | 2025-07-17 | 93 | camera | mountains forest | 46.6 11.72
Holidays 2025/Dolomites | 2025-07-14 | 82 | phone | mountains forest | 46.6 11.72
Holidays 2025/Lofoten/Midnight | 2025-03-09 | 86 | camera | night sea | 68.2 13.9
Holidays 2025/Lofoten | 2025-03-07 | 100 | camera | mountains sea night | 68.2 13.9
Weekends/First snow | 2024-12-08 | 72 | phone | mountains forest
Holidays 2024/Namibia/Sossusvlei | 2024-10-12 | 72 | camera | desert | -24.75 15.29
Holidays 2024/Namibia/Camp under the stars | 2024-10-11 | 79 | camera | night desert | -24.75 15.29
Holidays 2024/Namibia | 2024-10-09 | 93 | phone | desert night forest | -24.75 15.29
Holidays 2024/Ha Long Bay | 2024-04-20 | 100 | phone | sea | 20.9 107.1
Holidays 2024/Costa Rica/Pacific coast | 2024-02-18 | 93 | phone | sea | 9.6 -84.6
Holidays 2023/Scotland/Skye | 2023-06-18 | 93 | camera | forest sea mountains | 56.8 -4.2
Holidays 2023/Scotland | 2023-06-11 | 86 | phone | forest mountains sea | 56.8 -4.2
Holidays 2023/Canary Islands | 2023-02-19 | 86 | phone | sea desert night
Old scans/Summer at the lake | 2019-07-28 | 79 | title | mountains sea
Old scans | 2018-08-05 | 64 | title | forest mountains sea
"""

_DOCUMENTS: tuple[tuple[str, str, documents.Document | str], ...] = (
    ("", "Read me first.txt", documents.TEXT),
    ("", "Where what was taken", _SHEET),
    ("Holidays 2025/Dolomites", "Hut bookings.pdf", documents.PDF),
    ("Holidays 2025/Dolomites", "Packing list.txt", documents.TEXT),
    ("Holidays 2025/Dolomites", "Route plan", _DOC),
    ("Holidays 2025/Sicily", "Ferry tickets.pdf", documents.PDF),
    ("Holidays 2025/Sicily", "Stromboli from the boat.mp4", documents.MP4),
    ("Holidays 2024/Namibia", "Budget.csv", documents.CSV),
    ("Holidays 2024/Namibia", "Travel diary", _DOC),
    ("Holidays 2023/Scotland", "Ordnance survey notes.pdf", documents.PDF),
    ("Old scans", "Negatives, first batch.zip", documents.ZIP),
    ("Prints", "Print shop prices.csv", documents.CSV),
    ("Prints", "Order form", _DOC),
)


def albums() -> list[Album]:
    result = []
    for line in _ALBUMS.strip().splitlines():
        path, day, pictures, naming, themes, *where = line.split(" | ")
        start = round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
        location = tuple(float(each) for each in where[0].split()) if where else None
        result.append(Album(path, start, int(pictures), naming, tuple(themes.split()), location))
    return result


def sample(cache: BlobCache, seed: int) -> ExplicitLayout:
    """The same pictures under the same names for the same seed."""
    root = FolderNode(TITLE)
    folders = [root]
    for album in albums():
        rng = random.Random(f"{seed}/{album.path}")
        _folder(root, album.path, folders).files += _pictures(album, cache, rng)
    for path, name, kind in _DOCUMENTS:
        _folder(root, path, folders).files.append(_document(name, kind, cache))
    for folder in folders:
        folder.files.sort(key=lambda file: -file.modified_ms)
    return ExplicitLayout(root)


def _folder(root: FolderNode, path: str, folders: list[FolderNode]) -> FolderNode:
    folder = root
    for name in filter(None, path.split("/")):
        found = folder.find(name)
        if found is None:
            found = folder.add(name)
            folders.append(found)
        folder = found
    return folder


def _pictures(album: Album, cache: BlobCache, rng: random.Random) -> Iterator[Entry]:
    chosen = _chosen(album, cache, rng)
    gap = 12 * _HOUR // album.pictures
    first = rng.randrange(100, 8_000)
    for number, (painting, blob) in zip(range(album.pictures, 0, -1), chosen, strict=False):
        taken = album.start_ms + 6 * _HOUR + number * gap + rng.randrange(gap // 2)
        yield Entry(
            _name(album, painting, blob, number + first, taken),
            blob.container.mime_type,
            blob,
            taken,
            album.start_ms + 30 * _HOUR + number * 1_500,  # uploaded one by one the next morning
            theme=painting.theme,
            location=album.location,
        )


def _chosen(album: Album, cache: BlobCache, rng: random.Random) -> Iterator[tuple[Painting, Blob]]:
    """Endless: every painting that suits the album once, then all again in another order."""
    large = album.themes == ("large",)
    suitable = [each for each in PAINTINGS if each.theme in album.themes]
    if large:  # wallpapers: a few of each scene that is wide enough
        suitable = [each for each in PAINTINGS[:24] if each.aspect >= 1][:8]
    last: Painting | None = None
    for _ in count():
        rng.shuffle(suitable)
        if suitable[0] is last:
            suitable.reverse()
        for last in suitable:
            yield last, cache.large(last) if large else cache.natural(last)


def _name(album: Album, painting: Painting, blob: Blob, number: int, taken_ms: int) -> str:
    extension = blob.container.extension
    if album.naming == "phone":
        moment = datetime.fromtimestamp(taken_ms / 1000, UTC)
        return f"IMG_{moment:%Y%m%d_%H%M%S}.{extension}"
    if album.naming == "camera":
        return f"DSC{number:05d}.{extension.upper()}"
    scene = painting.scene.__name__.replace("_", " ").capitalize()
    return f"{scene} no. {number}.{extension}"


def _document(name: str, kind: documents.Document | str, cache: BlobCache) -> Entry:
    when = round(datetime(2026, 5, 1, tzinfo=UTC).timestamp() * 1000) + len(name) * 60_000
    if isinstance(kind, str):
        return Entry(name, kind, None, when, when)
    return Entry(name, kind.container.mime_type, cache.document(kind), when, when)
