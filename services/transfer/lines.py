"""The lines of a transfer, and what it says when one of them limits the speed."""

from dataclasses import dataclass
from typing import Self

from services.core.events import Waiting
from services.core.flow.line import Line, LineSpec
from services.core.ports import STREAM_BYTES

STORE_LINE, DRIVE_LINE, BOTH_LINES = "store_line", "drive_line", "drive_to_store_line"
LAGS = (
    "download_too_slow",
    "Google Drive sent this file much more slowly than the others.",
)
STREAM_PATIENCE = 600.0
"""Seconds. A large file stands still, too, while Drive's side is waited for."""
STREAMS_AT_FIRST = 4
"""More than one, because a download that stalls would hold up every other large file."""


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Large files have a line of their own, or small ones would wait for hours. They are uploaded
    as they come, so it cannot be told which side of it is slow."""

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
                LineSpec(
                    name="from Google Drive to the store",
                    limits=BOTH_LINES,
                    still=still,
                    patience=STREAM_PATIENCE,
                    window=STREAMS_AT_FIRST * STREAM_BYTES,
                )
            ),
        )

    @property
    def limit(self) -> Waiting | None:
        """What the line carries that files wait for, if they do."""
        return self.up.limit or self.up_in_parts.limit or self.down.limit
