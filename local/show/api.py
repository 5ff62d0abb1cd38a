"""Drivestream's API as the command line uses it."""

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from local.servers.health import OPENER
from local.show.reports import ImportReport, Started
from local.show.text import printable
from services.core import validation

TIMEOUT_S = 30.0
LARGEST_PAGE = 1_000
NEXT = re.compile(r'<([^>]+)>; rel="next"')
LOCAL = ("localhost", "127.0.0.1", "::1")
T = TypeVar("T")


class ApiError(Exception):
    """The API refused, or its answer makes no sense. The message is for a person.

    `code` is the one in the problem+json, if there was one.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ApiUnavailableError(ApiError):
    """The API does not answer at the moment. A later attempt may succeed."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the API answered to a request of `path`. `next` is the path of the next page."""

    path: str
    body: bytes
    next: str | None = None

    def read(self, kind: type[T]) -> T:
        """The JSON in the body."""
        return decoded(self.body, kind, self.path)


class Api:
    """The API at one address. `key` is an API key, or empty."""

    def __init__(self, url: str, key: str = "") -> None:
        self._key = key
        self._url = url.rstrip("/")
        # The environment's proxy is for other machines.
        here = urlsplit(url).hostname in LOCAL
        self._opener = OPENER if here else urllib.request.build_opener()

    def start(self, folder_url: str) -> str:
        """Start an import of the folder; its id."""
        return self.post("/import/google-drive", {"folderUrl": folder_url}).read(Started).job_id

    def report(self, import_id: str) -> ImportReport:
        """The state of the import."""
        return self.get(f"/imports/{segment(import_id)}").read(ImportReport)

    def get(self, path: str) -> Answer:
        """Raises `ApiError` and `ApiUnavailableError`, as all methods here do."""
        return self._call(urllib.request.Request(self._url + path), path)

    def post(
        self,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str | None = None,
        method: str = "POST",
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """Ask for something. `key` is an Idempotency-Key: repeated, it asks for the same thing."""
        request = urllib.request.Request(
            self._url + path,
            data=b"" if body is None else msgspec.json.encode(body),
            headers={
                "Content-Type": "application/json",
                **({"Idempotency-Key": key} if key else {}),
            },
            method=method,
        )
        return self._call(request, path, timeout_s)

    def items(self, path: str, most: int) -> Iterator[object]:
        """The first entries of a list, from as many pages as they take."""
        joined = "&" if "?" in path else "?"
        next_path: str | None = f"{path}{joined}limit={min(most, LARGEST_PAGE)}"
        while next_path and most > 0:
            page = self.get(next_path)
            entries = page.read(list[object])[:most]
            yield from entries
            most, next_path = most - len(entries), page.next

    def _call(
        self, request: urllib.request.Request, path: str, timeout_s: float = TIMEOUT_S
    ) -> Answer:
        request.add_header("Accept", "application/json")
        if self._key:  # not for whom an answer may redirect to
            request.add_unredirected_header("Authorization", f"Bearer {self._key}")
        try:
            with self._opener.open(request, timeout=timeout_s) as response:
                link = NEXT.search(response.headers.get("Link", ""))
                return Answer(path=path, body=response.read(), next=link[1] if link else None)
        except urllib.error.HTTPError as error:
            with error:
                raise refusal(error.code, error.read(20_000), path) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            reason = getattr(reason, "strerror", None) or reason
            raise ApiUnavailableError(
                f"The API at {self._url} is not responding: {reason}."
            ) from None


def segment(id: str) -> str:
    """An id as a part of a path."""
    return quote(id, safe="")


def refusal(status: int, body: bytes, path: str) -> ApiError:
    """The sentence and the code in a problem+json body; the body itself if it is something else."""
    kind = ApiUnavailableError if status >= 500 else ApiError
    try:
        problem = json.loads(body)
        hint = " Put the key into DRIVESTREAM_API_KEY." if status == 401 else ""
        return kind(printable(str(problem["detail"]), 1_000) + hint, str(problem["code"]))
    except (ValueError, KeyError, TypeError):
        text = printable(body.decode(errors="replace").strip())
        return kind(f"{path} answers {status}: {text}")


def decoded(raw: bytes, kind: type[T], path: str) -> T:
    """A JSON answer of this kind; `ApiError` names a field that is missing or wrong."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise _not_ours(error, kind, path) from None
    except msgspec.DecodeError:
        raise ApiError(f"The response of {path} is not JSON. Check the API's URL.") from None


def shaped(document: object, kind: type[T], path: str) -> T:
    """As `decoded`, of what is JSON no more."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _not_ours(error, kind, path) from None


def _not_ours(error: msgspec.ValidationError, kind: object, path: str) -> ApiError:
    field, fault = validation.refusal(error, kind)
    return ApiError(
        f"The response of {path} is not valid: {field or 'it'} {fault}. The API may have another "
        "version than this command."
    )
