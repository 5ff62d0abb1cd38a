"""The lines of a transfer, and what it says when one of them limits the speed."""

from dataclasses import dataclass
from typing import Self

from services.core.events import Waiting
from services.core.flow.line import Line, LineSpec

STORE_LINE, DRIVE_LINE = "store_line", "drive_line"
LAGS = (
    "download_too_slow",
    "Google Drive sent this file much more slowly than the others.",
)
STREAM_PATIENCE = 600.0
"""Seconds. A large file stands still, too, while Drive's side is waited for."""


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Large files go to the store on a line of their own, or small ones would wait for hours."""

    down: Line
    up: Line
    up_in_parts: Line

    @classmethod
    def to_store(cls, address: str) -> Self:
        """To the store as messages name it."""
        still = ("store_unreachable", f"The object store at {address} did not answer.")
        to = "to the store"
        return cls(
            down=Line(LineSpec(name="from Google Drive", limits=DRIVE_LINE, lagging=LAGS)),
            up=Line(LineSpec(name=to, limits=STORE_LINE, still=still)),
            up_in_parts=Line(
                LineSpec(name=to, limits=STORE_LINE, still=still, patience=STREAM_PATIENCE)
            ),
        )

    @property
    def limit(self) -> Waiting | None:
        """What the line carries that files wait for, if they do."""
        return self.up.limit or self.up_in_parts.limit or self.down.limit
