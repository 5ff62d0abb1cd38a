"""Drive's raw answers: one bounded request each, paid for from what was announced beforehand.

Not the adapter of the services: that turns answers into verdicts, and the doctor must see what
Google really says.
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
from services.adapters.drive.problem import Problem, Refusal, problem

MOST_UNITS = 2_000
LIST, GET, DOWNLOAD = 100, 5, 200
"""What Google charges, in units (`drive-api.md` §0)."""
BIGGEST = 8 * 1024 * 1024
REDIRECTS = 3
AGENT = "drivestream-doctor (gzip)"
TIMES = httpx.Timeout(connect=10.0, read=30.0, write=10.0, pool=10.0)
OVERALL_SECONDS = 60.0


TOKEN = re.compile(r"(?=\S*\d)[\w+/=.-]{20,}")
"""What may be somebody's key or token, in words that are not ours: no word of a sentence is so."""


def quoted(message: str) -> str:
    """Words of another's, cut short, and without anything in them that may be a secret."""
    return TOKEN.sub("[hidden]", message)[:120]


class SpentError(Exception):
    """The units that were announced are used up."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; `failure` says why nothing did. `size` is what travelled, in bytes."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    seconds: float = 0.0
    failure: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is a success that holds what a success of the API holds."""
        return self.status in (200, 206)

    @property
    def said(self) -> Problem:
        """Google's words for an error."""
        return problem(self.body)

    @property
    def refusal(self) -> Refusal:
        """The same as the services' table of verdicts takes it."""
        return Refusal(
            status=self.status,
            content_type=self.headers.get("content-type", ""),
            body=self.body,
            retry_after=self.headers.get("retry-after"),
        )

    def document(self) -> Mapping[str, Any]:
        """Its JSON object; empty where there is none."""
        try:
            decoded = msgspec.json.decode(self.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return decoded

    def words(self) -> str:
        """The answer in a few words: status, reasons, place, message."""
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


class Asker:
    """Asks Drive at one address with one signature. `sign` is None for no signature at all."""

    def __init__(self, url: str, client: httpx.Client, signature: Mapping[str, str]) -> None:
        self.files = f"{url}/drive/v3/files"
        self.units = 0
        self.answers: list[Answer] = []
        self._client = client
        self._signature = signature

    def list(self, query: Mapping[str, str], **more: Mapping[str, str] | None) -> Answer:
        """files.list."""
        both = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
        return self._ask(self.files, {**both, **query}, LIST, **more)

    def get(
        self, item_id: str, query: Mapping[str, str], **more: Mapping[str, str] | None
    ) -> Answer:
        """files.get. The id is one that was checked."""
        url = f"{self.files}/{item_id}"
        return self._ask(url, {"supportsAllDrives": "true", **query}, GET, **more)

    def bytes_of(self, item_id: str, span: str, **more: Mapping[str, str] | None) -> Answer:
        """Some bytes of a file, such as `0-1023`."""
        headers = {"Range": f"bytes={span}", "Accept-Encoding": "identity"}
        headers |= dict(more.pop("headers", None) or {})
        url = f"{self.files}/{item_id}"
        query = {"alt": "media", "supportsAllDrives": "true"}
        return self._ask(url, query, DOWNLOAD, headers=headers, **more)

    def _ask(
        self,
        url: str,
        query: Mapping[str, str],
        units: int,
        headers: Mapping[str, str] | None = None,
        signature: Mapping[str, str] | None = None,
    ) -> Answer:
        """One answer, whatever it is. Raises `SpentError`, and nothing else."""
        if self.units + units > MOST_UNITS:
            raise SpentError
        self.units += units
        signed = self._signature if signature is None else signature
        given = {"User-Agent": AGENT, "Accept-Encoding": "gzip", **(headers or {}), **signed}
        answer = self._followed(httpx.URL(url, params=dict(query)), given, set(signed))
        self.answers.append(answer)
        return answer

    def _followed(self, url: httpx.URL, headers: dict[str, str], secret: set[str]) -> Answer:
        """After redirects; the signature stays with the host that it is for."""
        home = url.host
        for _ in range(REDIRECTS):
            answer = self._once(url, headers)
            location = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                return answer
            try:
                url = url.join(location)
            except httpx.InvalidURL:
                return Answer(failure="redirected to what is no address")
            if url.host != home:
                headers = {name: value for name, value in headers.items() if name not in secret}
        return Answer(failure="redirected again and again")

    def _once(self, url: httpx.URL, headers: Mapping[str, str]) -> Answer:
        began = time.monotonic()
        body = bytearray()
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > BIGGEST or time.monotonic() - began > OVERALL_SECONDS:
                        return Answer(failure="an answer far too long, or far too slow")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as why:
            return Answer(failure=f"no answer: {type(why).__name__}")
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=bytes(body),
            seconds=time.monotonic() - began,
        )


@contextmanager
def asking(url: str, signature: Mapping[str, str]) -> Iterator[Asker]:
    """An `Asker` for as long as the block lasts. Trust is the system's, or SSL_CERT_FILE's."""
    trust = ssl.create_default_context()
    with httpx.Client(verify=trust, timeout=TIMES, follow_redirects=False) as client:
        yield Asker(url, client, signature)


def keys(*pairs: tuple[str, str | None]) -> Mapping[str, str]:
    """The header that carries the resource keys of these ids, where there are any."""
    known = [f"{item}/{key}" for item, key in pairs if key and RESOURCE_KEY.fullmatch(key)]
    return {"X-Goog-Drive-Resource-Keys": ",".join(known)} if known else {}
