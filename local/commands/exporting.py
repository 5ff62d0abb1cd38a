"""Every image in one file, which is whole or not there.

Pages are fetched one by one, so an API that restarts meanwhile only delays it. Until the last page
is there, they go to a file beside the target, or for standard output to a temporary one.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from local.commands.output import OutputError
from local.show.api import LARGEST_PAGE, Answer, Api, ApiUnavailableError, shaped
from local.show.images import ListedImage
from services.core.csv_text import csv_text

COLUMNS = ListedImage.__struct_fields__
ATTEMPTS, PAUSE_S = 6, 2.0
Format = Callable[[Sequence[Any], str], bytes]


def _csv(rows: Sequence[Any], path: str) -> bytes:
    images = shaped(rows, list[ListedImage], path)
    return csv_text([getattr(image, name) for name in COLUMNS] for image in images)


def _json_lines(rows: Sequence[Any], path: str) -> bytes:
    """Each as the API gave it."""
    shaped(rows, list[ListedImage], path)
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


FORMATS: Mapping[str, Format] = {"csv": _csv, "jsonl": _json_lines}


def export(api: Api, path: str, form: str, target: Path | None) -> int:
    """Write what the list at this path has; how many images. Raises `OutputError`."""
    try:
        with _whole(target) as file:
            if form == "csv":
                file.write(csv_text([COLUMNS]))
            return _write(api, path, FORMATS[form], file)
    except BrokenPipeError:
        raise
    except OSError as why:
        where = f" to {target}" if target else ""
        raise OutputError(f"The images could not be exported{where}: {why.strerror}.") from why


def _write(api: Api, path: str, form: Format, file: IO[bytes]) -> int:
    number = 0
    next_path: str | None = f"{path}{'&' if '?' in path else '?'}limit={LARGEST_PAGE}"
    while next_path:
        page = _page(api, next_path)
        rows = page.read(list[Any])
        file.write(form(rows, next_path))
        number, next_path = number + len(rows), page.next
    return number


def _page(api: Api, path: str) -> Answer:
    for _ in range(ATTEMPTS - 1):
        try:
            return api.get(path)
        except ApiUnavailableError:
            time.sleep(PAUSE_S)
    return api.get(path)


@contextmanager
def _whole(target: Path | None) -> Iterator[IO[bytes]]:
    """What is written takes the target's place at the end, if nothing failed. A target that is no
    plain file, such as a pipe, is written to at the end."""
    path = None if target is None else target.resolve()
    if path is None or (path.exists() and not path.is_file()):
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            if path is None:
                shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.flush()
            else:
                with path.open("wb") as whole:
                    shutil.copyfileobj(file, whole)
        return
    part = path.with_name(f".drivestream-{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            part.chmod(path.stat().st_mode & 0o777)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
