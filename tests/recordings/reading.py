"""The recordings, as tests read them."""

import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from services.core.wire import Record

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A record that an earlier version wrote, and where it lay."""

    record: Record = field(repr=False)
    name: str
    partition: int = 0
    offset: int = 0

    @property
    def headers(self) -> Mapping[str, str]:
        return {name: value.decode() for name, value in self.record.headers}


@dataclass(frozen=True)
class Recording:
    """What one earlier version wrote."""

    folder: Path

    @property
    def commit(self) -> str:
        return self.folder.name

    @cached_property
    def samples(self) -> Sequence[Recorded]:
        """One event of each type that this version knew."""
        return self._records("samples.jsonl.xz")

    @cached_property
    def log(self) -> Sequence[Recorded]:
        """Everything in its topics after its session, each partition in order."""
        return self._records("log.jsonl.xz")

    @property
    def database(self) -> str:
        """Its tables and rows, as SQL."""
        return self._text("database.sql.xz")

    @cached_property
    def answers(self) -> Mapping[str, Any]:
        """What its API said at the end, by path; None for addresses that it did not have."""
        answers: Mapping[str, Any] = self._said["answers"]
        return answers

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """Of those that its answers depend on."""
        settings: Mapping[str, str] = self._said["settings"]
        return settings

    @cached_property
    def _said(self) -> Mapping[str, Any]:
        said: Mapping[str, Any] = json.loads(self._text("answers.json.xz"))
        return said

    def _records(self, name: str) -> Sequence[Recorded]:
        return [_recorded(line) for line in self._text(name).splitlines()]

    def _text(self, name: str) -> str:
        return lzma.decompress((self.folder / name).read_bytes()).decode()


def _recorded(line: str) -> Recorded:
    told = json.loads(line)
    headers = [(name, value.encode()) for name, value in told["headers"]]
    value = (told["value"] or "").encode()
    return Recorded(
        record=Record(topic=told["topic"], key=told["key"].encode(), value=value, headers=headers),
        name=told.get("name") or dict(told["headers"]).get("ce_type", ""),
        partition=told.get("partition", 0),
        offset=told.get("offset", 0),
    )


RECORDINGS = [Recording(path.parent) for path in sorted(HERE.glob("*/answers.json.xz"))]
UNRELEASED = "a579bb7"
"""The oldest that runs. Until the tables and events were agreed on, a few things still moved."""
