"""A client that gives Drive's raw answers, within a budget of quota units.

The services' own adapter turns answers into verdicts. The doctor must see what Google really says.
"""

import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from services.adapters.drive.answers import RESOURCE_KEY
from services.adapters.drive.refusals import Problem, Refusal, problem
from services.adapters.environment import proxy_for

BUDGET_UNITS = 2_000
LIST, GET, DOWNLOAD = 100, 5, 200
"""What Google charges for each request, in quota units."""
MAX_BYTES = 8 * 1024 * 1024
MAX_REDIRECTS = 3
AGENT = "drivestream-doctor (gzip)"
TIMEOUT = httpx.Timeout(connect=10.0, read=30.0, write=10.0, pool=10.0)
OVERALL_SECONDS = 60.0
TOKEN = re.compile(r"(?=\S*\d)[\w+/=.-]{20,}")
"""What may be a key or a token in a foreign message. No ordinary word looks like it."""


def quoted(message: str) -> str:
    """A foreign message, cut short, without anything that may be a secret."""
    return TOKEN.sub("[hidden]", message)[:120]


class BudgetSpentError(Exception):
    """The announced quota units are spent."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer; `failure` says why there is none."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    seconds: float = 0.0
    failure: str = ""

    @property
    def ok(self) -> bool:
        """Whether the status is that of a successful request to the API."""
        return self.status in (200, 206)

    @property
    def said(self) -> Problem:
        """The error that Google describes in the body."""
        return problem(self.body)

    @property
    def refusal(self) -> Refusal:
        """The answer in the form that the services judge."""
        return Refusal(
            status=self.status,
            content_type=self.headers.get("content-type", ""),
            body=self.body,
            retry_after=self.headers.get("retry-after"),
        )

    def document(self) -> Mapping[str, Any]:
        """The JSON object in the body; empty if there is none."""
        try:
            decoded = msgspec.json.decode(self.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return decoded

    def summary(self) -> str:
        """The answer in a few words: status, reasons, location, message."""
        if self.failure:
            return self.failure
        kind = self.headers.get("content-type", "").partition(";")[0]
        said = self.said
        if not (said.reasons or said.message or said.status):
            return f"{self.status} {kind or 'without a type'}, {len(self.body):,} bytes"
        reasons = (
            " + ".join(dict.fromkeys(said.reasons)) or f"no reason, status {said.status or '-'}"
        )
        place = f" at {', '.join(dict.fromkeys(said.locations))}" if said.locations else ""
        return f"{self.status} {reasons}{place}: “{quoted(said.message)}”"


class DriveClient:
    """Sends requests to one Drive with one signature, and counts their quota units."""

    def __init__(self, url: str, client: httpx.Client, signature: Mapping[str, str]) -> None:
        self.files = f"{url}/drive/v3/files"
        self.units = 0
        self.answers: list[Answer] = []
        self._client = client
        self._signature = signature

    def list(self, query: Mapping[str, str], **more: Mapping[str, str] | None) -> Answer:
        """files.list."""
        both = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
        return self._request(self.files, {**both, **query}, LIST, **more)

    def get(
        self, item_id: str, query: Mapping[str, str], **more: Mapping[str, str] | None
    ) -> Answer:
        """files.get. The id must be valid."""
        url = f"{self.files}/{item_id}"
        return self._request(url, {"supportsAllDrives": "true", **query}, GET, **more)

    def bytes_of(self, item_id: str, span: str, **more: Mapping[str, str] | None) -> Answer:
        """A range of bytes of a file, such as `0-1023`."""
        headers = {"Range": f"bytes={span}", "Accept-Encoding": "identity"}
        headers |= dict(more.pop("headers", None) or {})
        url = f"{self.files}/{item_id}"
        query = {"alt": "media", "supportsAllDrives": "true"}
        return self._request(url, query, DOWNLOAD, headers=headers, **more)

    def _request(
        self,
        url: str,
        query: Mapping[str, str],
        units: int,
        headers: Mapping[str, str] | None = None,
        signature: Mapping[str, str] | None = None,
    ) -> Answer:
        """One answer, of whatever kind. Raises only `BudgetSpentError`."""
        if self.units + units > BUDGET_UNITS:
            raise BudgetSpentError
        self.units += units
        signed = self._signature if signature is None else signature
        given = {"User-Agent": AGENT, "Accept-Encoding": "gzip", **(headers or {}), **signed}
        answer = self._followed(httpx.URL(url, params=dict(query)), given, set(signed))
        self.answers.append(answer)
        return answer

    def _followed(self, url: httpx.URL, headers: dict[str, str], secret: set[str]) -> Answer:
        """The answer after redirects. The signature is sent only to the original host."""
        home = url.host
        for _ in range(MAX_REDIRECTS):
            answer = self._once(url, headers)
            location = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                return answer
            try:
                url = url.join(location)
            except httpx.InvalidURL:
                return Answer(failure="a redirect to an invalid address")
            if url.host != home:
                headers = {name: value for name, value in headers.items() if name not in secret}
        return Answer(failure="too many redirects")

    def _once(self, url: httpx.URL, headers: Mapping[str, str]) -> Answer:
        began = time.monotonic()
        body = bytearray()
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_BYTES or time.monotonic() - began > OVERALL_SECONDS:
                        return Answer(failure="the response is too long or too slow")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as why:
            return Answer(failure=f"no response: {type(why).__name__}")
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=bytes(body),
            seconds=time.monotonic() - began,
        )


@contextmanager
def drive_client(url: str, signature: Mapping[str, str]) -> Iterator[DriveClient]:
    """A client for the block. It trusts the system's certificates, or those in SSL_CERT_FILE."""
    trust, proxy = ssl.create_default_context(), proxy_for(url)
    with httpx.Client(verify=trust, timeout=TIMEOUT, proxy=proxy, trust_env=False) as client:
        yield DriveClient(url, client, signature)


def keys(*pairs: tuple[str, str | None]) -> Mapping[str, str]:
    """The header with the resource keys of these ids, if there are any."""
    known = [f"{item}/{key}" for item, key in pairs if key and RESOURCE_KEY.fullmatch(key)]
    return {"X-Goog-Drive-Resource-Keys": ",".join(known)} if known else {}
