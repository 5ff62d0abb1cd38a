"""Drivestream's API as the command line uses it: start an import, follow its counts."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.servers.health import OPENER

FINAL = frozenset({"completed", "completed_with_failures", "failed", "cancelled"})
LIMIT_S = 30.0


class ApiError(Exception):
    """The API refused, or answered what it never should; in a sentence."""


class Unreachable(Exception):
    """The API does not answer just now; asking again may help."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One answer of `GET /imports/{id}`, checked. Counts are distinct files, sizes bytes."""

    state: str
    message: str
    found: int
    stored: int
    unchanged: int
    failed: int
    pending: int
    found_bytes: int
    stored_bytes: int
    skipped: Mapping[str, int]
    failures: Mapping[str, int]
    first_stored_at: datetime | None

    @property
    def final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in FINAL

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
        skipped = ", ".join(
            f"{number:,} {reason}" for reason, number in sorted(self.skipped.items())
        )
        beside = f"; skipped {skipped}" if skipped else ""
        return f"{self.found:,} found {sign} {parts} + {self.pending:,} pending{beside}"


class Api:
    """The API at one address."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def start(self, folder_url: str) -> str:
        """Ask for an import of the folder; its id."""
        body = self._call("/import/google-drive", {"folderUrl": folder_url})
        if not isinstance(body.get("jobId"), str):
            raise ApiError("POST /import/google-drive gave no jobId.")
        return str(body["jobId"])

    def progress(self, import_id: str) -> Progress:
        """How far the import is."""
        return parsed(self._call(f"/imports/{import_id}"))

    def _call(self, path: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            self._url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        try:
            with OPENER.open(request, timeout=LIMIT_S) as response:
                return _json(path, response.read())
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(2000).decode(errors="replace")
            if error.code >= 500:
                raise Unreachable(f"{path} answers {error.code}: {detail(said)}") from None
            raise ApiError(f"{path} answers {error.code}: {detail(said)}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"The API does not answer: {error}") from None


def detail(problem: str) -> str:
    """The sentence for a person in a problem+json body; the body itself if it is none."""
    try:
        known = json.loads(problem)
        return str(known["detail"])
    except (ValueError, KeyError, TypeError):
        return problem.strip()


def parsed(body: Mapping[str, Any]) -> Progress:
    """Check an answer field by field; `ApiError` names those that are missing or wrong."""
    counts = {name: body.get(name) for name in COUNTS}
    wrong = [name for name, value in counts.items() if not _is_count(value)]
    wrong += [name for name in ("skipped", "failures") if not _are_counts(body.get(name))]
    if not isinstance(body.get("state"), str):
        wrong.append("state")
    if wrong:
        raise ApiError(f"The import's answer lacks, or has wrong: {', '.join(wrong)}.")
    return Progress(
        state=body["state"],
        message=str(body.get("message") or ""),
        skipped=body["skipped"],
        failures=body["failures"],
        first_stored_at=_time(body.get("first_stored_at")),
        **{name: body[name] for name in COUNTS},
    )


COUNTS = ("found", "stored", "unchanged", "failed", "pending", "found_bytes", "stored_bytes")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(_is_count(each) for each in value.values())


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        raise ApiError(f"first_stored_at is not a time: {str(value)[:40]!r}.") from None


def _json(path: str, raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(f"{path} did not answer with a JSON object: {raw[:80]!r}.")
    return body
