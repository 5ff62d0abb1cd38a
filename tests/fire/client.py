"""The API as somebody uses it who does not give up: asks again until there is an answer."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

LIMIT = 240.0
ANSWER_SECONDS = 20.0
AGAIN_SECONDS = 1.0
Answer = tuple[int, Any]


class NoAnswer(Exception):
    """None came within the limit."""


def call(url: str, method: str = "GET", body: object = None, key: str = "") -> tuple[int, Any, str]:
    """Status, JSON, and the link to the next page; raises `OSError`, or `ValueError` for an answer
    that was cut off."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            link = answer.headers.get("Link") or ""
            return answer.status, json.load(answer), link.partition("<")[2].partition(">")[0]
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused), ""


class Client:
    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, method: str, path: str, body: object = None, key: str = "") -> Answer:
        """Until the answer is not about the server's own trouble, nor, with a key, about an earlier
        request of the same key that is still under way."""
        until = time.monotonic() + LIMIT
        why: object = "nothing was asked"
        while time.monotonic() < until:
            try:
                status, said, _ = call(f"{self._url}{path}", method, body, key)
                if status < 500 and not (key and status in (409, 429)):
                    return status, said
                why = f"{status} {said}"
            except (OSError, ValueError) as error:
                why = error
            time.sleep(AGAIN_SECONDS)
        raise NoAnswer(f"{method} {path}: {why}")

    def get(self, path: str) -> Any:
        """A JSON answer, which must be there."""
        status, said = self.ask("GET", path)
        if status != 200:
            raise NoAnswer(f"GET {path}: {status} {said}")
        return said

    def every(self, path: str) -> list[Mapping[str, Any]]:
        """All rows of a list, page by page."""
        rows: list[Mapping[str, Any]] = []
        url = f"{self._url}{path}"
        while url:
            status, page, link = call(url)
            if status != 200:
                raise NoAnswer(f"GET {url}: {status} {page}")
            rows += page
            url = urljoin(self._url, link) if link else ""
        return rows
