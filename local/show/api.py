"""Drivestream's API as the command line uses it: start an import, read its report."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from local.servers.health import OPENER

FINAL = frozenset({"completed", "completed_with_failures", "failed", "cancelled"})
GROWING = frozenset({"queued", "listing"})
TIMEOUT_S = 30.0
T = TypeVar("T")
Count = Annotated[int, msgspec.Meta(ge=0)]


class ApiError(Exception):
    """The API refused, or its answer makes no sense. The message is for a person."""


class ApiUnavailableError(Exception):
    """The API does not answer at the moment. A later attempt may succeed."""


class Waiting(msgspec.Struct, frozen=True):
    """Why an import does not progress; `until` is when it is expected to continue, if known."""

    message: str
    until: datetime | None = None

    def __str__(self) -> str:
        until = f" (until {self.until.astimezone():%H:%M:%S})" if self.until else ""
        return printable(self.message) + until


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /imports/{id}`. Counts are distinct files, sizes are bytes."""

    state: str
    name: str | None = None
    message: str | None = None
    waiting_for: Waiting | None = None
    found: Count
    stored: Count
    unchanged: Count
    failed: Count
    pending: Count
    found_bytes: Count
    stored_bytes: Count
    skipped: dict[str, Count]
    failures: dict[str, Count]
    first_stored_at: datetime | None = None

    @property
    def final(self) -> bool:
        """Whether the import has ended."""
        return self.state in FINAL

    @property
    def growing(self) -> bool:
        """Whether more files may still be found."""
        return self.state in GROWING

    @property
    def done(self) -> int:
        """Files with an outcome."""
        return self.stored + self.unchanged + self.failed

    @property
    def closes(self) -> bool:
        """Whether every file found is accounted for."""
        return self.found == self.done + self.pending

    def equation(self) -> str:
        """`240 found = 235 stored + 4 unchanged + 1 failed + 0 pending; skipped 3 reason`."""
        sign = "=" if self.closes else "≠"
        parts = f"{self.stored:,} stored + {self.unchanged:,} unchanged + {self.failed:,} failed"
        reasons = (f"{number:,} {reason}" for reason, number in sorted(self.skipped.items()))
        skipped = f"; skipped {', '.join(reasons)}" if self.skipped else ""
        return f"{self.found:,} found {sign} {parts} + {self.pending:,} pending{skipped}"


class Started(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /import/google-drive`."""

    job_id: str


class Api:
    """The API at one address."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def start(self, folder_url: str) -> str:
        """Start an import of the folder; its id."""
        path = "/import/google-drive"
        return decoded(self._call(path, {"folderUrl": folder_url}), Started, path).job_id

    def report(self, import_id: str) -> ImportReport:
        """The state of the import."""
        path = f"/imports/{import_id}"
        return decoded(self._call(path), ImportReport, path)

    def _call(self, path: str, body: Mapping[str, str] | None = None) -> bytes:
        request = urllib.request.Request(
            self._url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        try:
            with OPENER.open(request, timeout=TIMEOUT_S) as response:
                answer: bytes = response.read()
                return answer
        except urllib.error.HTTPError as error:
            with error:
                detail = problem_detail(error.read(2000).decode(errors="replace"))
            kind = ApiUnavailableError if error.code >= 500 else ApiError
            raise kind(f"{path} answers {error.code}: {detail}") from None
        except (OSError, http.client.HTTPException) as error:
            raise ApiUnavailableError(f"The API does not answer: {error}") from None


def decoded(raw: bytes, kind: type[T], path: str) -> T:
    """A JSON answer of this kind; `ApiError` names a field that is missing or wrong."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise ApiError(f"The answer of {path} is not what was expected: {error}.") from None


def problem_detail(problem: str) -> str:
    """The sentence in a problem+json body; the body itself if it is something else."""
    try:
        return str(json.loads(problem)["detail"])
    except (ValueError, KeyError, TypeError):
        return problem.strip()


def printable(text: str, length: int = 200) -> str:
    """Text from elsewhere on one line: no control characters, and cut to a length."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= length else line[: length - 1] + "…"
