"""What the API says of imports, replays, plans and dead letters.

An answer may have more fields than these. One that lacks a field without a default is refused.
"""

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec

from local.show.text import columns, counted, printable

FINAL = frozenset({"completed", "completed_with_failures", "failed", "cancelled"})
GROWING = frozenset({"queued", "listing"})
Count = Annotated[int, msgspec.Meta(ge=0)]


class Started(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /import/google-drive`."""

    job_id: str


class Waiting(msgspec.Struct, frozen=True):
    """Why nothing progresses; `until` is when it is expected to continue, if known."""

    message: str
    until: datetime | None = None

    def __str__(self) -> str:
        until = f" (until {self.until.astimezone():%H:%M:%S})" if self.until else ""
        return printable(self.message) + until


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an import or of a replay. Counts are distinct files, sizes are bytes."""

    verb: ClassVar[str]

    id: str
    state: str
    name: str | None = None
    message: str | None = None
    waiting_for: Waiting | None = None
    found: Count
    stored: Count
    unchanged: Count
    failed: Count
    pending: Count
    failures: dict[str, Count] = {}
    stored_bytes: Count | None = None

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self.state in FINAL

    @property
    def growing(self) -> bool:
        """Whether more files may still be found."""
        return self.state in GROWING

    @property
    def good(self) -> bool:
        """Whether every file is stored, by this import or an earlier one."""
        return self.state == "completed" and self.closes and not self.pending and not self.failed

    @property
    def done(self) -> int:
        """Files with an outcome."""
        return self.stored + self.unchanged + self.failed

    @property
    def closes(self) -> bool:
        """Whether every file found is accounted for."""
        return self.found == self.done + self.pending

    def equation(self) -> str:
        """`240 found = 235 stored + 4 unchanged + 1 failed + 0 pending`."""
        sign = "=" if self.closes else "≠"
        parts = f"{self.stored:,} stored + {self.unchanged:,} unchanged + {self.failed:,} failed"
        return f"{self.found:,} {self.verb} {sign} {parts} + {self.pending:,} pending"

    def progress(self) -> str:
        """`Holidays: 1,203 of 2,400 found so far, 62.1 MB, 3 failed`."""
        name = f"{printable(self.name, 40)}: " if self.name else ""
        found = f"{self.found:,} {self.verb}{' so far' if self.growing else ''}"
        size = "" if self.stored_bytes is None else f", {self.stored_bytes / 1e6:,.1f} MB"
        failed = f", {self.failed:,} failed" if self.failed else ""
        return f"{name}{self.done:,} of {found}{size}{failed}"

    def line(self) -> str:
        """Its id, its state and its equation."""
        name = f"{printable(self.name, 80)}: " if self.name else ""
        return f"{printable(self.id)}  {self.state}  {name}{self.equation()}"

    def sentences(self) -> str:
        """The line, and what went wrong."""
        said = [printable(self.message)] if self.message else []
        reasons = [f"  {number:,} failed: {reason}" for reason, number in self.failures.items()]
        return "\n".join([self.line(), *said, *reasons])


class ImportReport(Report, frozen=True, kw_only=True):
    """`GET /imports/{id}`."""

    verb: ClassVar[str] = "found"

    found_bytes: Count
    stored_bytes: Count
    skipped: dict[str, Count]
    failures: dict[str, Count]
    first_stored_at: datetime | None = None

    def equation(self) -> str:
        """With what was skipped, and why."""
        reasons = (f"{number:,} {reason}" for reason, number in sorted(self.skipped.items()))
        return super().equation() + (f"; skipped {', '.join(reasons)}" if self.skipped else "")


class ReplayReport(Report, frozen=True, kw_only=True):
    """`GET /replays/{id}`; of `GET /replays` each entry."""

    verb: ClassVar[str] = "selected"

    found: Count = msgspec.field(name="selected")
    redriven: Count = 0

    def equation(self) -> str:
        """With the records that were published again as they are."""
        more = f"; {counted(self.redriven, 'record')} published again" if self.redriven else ""
        return super().equation() + more


class ReplayStarted(msgspec.Struct, frozen=True):
    """`POST /replays`."""

    replay_id: str


class Retried(msgspec.Struct, frozen=True):
    """`POST /imports/{id}/retry`: how many are tried again."""

    files: Count
    folders: Count

    def __str__(self) -> str:
        if not self.files and not self.folders:
            return "Nothing has failed that could be tried again."
        one = self.files + self.folders == 1
        parts = [(self.files, "file"), (self.folders, "folder")]
        said = " and ".join(counted(number, word) for number, word in parts if number)
        return f"{said} {'is' if one else 'are'} tried again."


class Sample(msgspec.Struct, frozen=True):
    """One of the files that a plan selects."""

    name: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /replays/plan`: what a replay would do. Nothing has been published.

    `no_op` are the files whose objects are there already; `left_out` the imports that are paused or
    cancelled; `earliest` is the oldest time that the log still holds.
    """

    plan_id: str
    files: Count
    bytes: Count
    quota_units: Count
    no_op: Count
    by_outcome: dict[str, Count]
    by_reason: dict[str, Count]
    seconds: float | None = None
    samples: list[Sample] = []
    left_out: Count = 0
    earliest: datetime | None = None

    def sentences(self) -> str:
        """What it comes to, then the counts."""
        if not self.files:
            return "The selection is empty: there is nothing to replay."
        time = "" if self.seconds is None else f", about {self.seconds:,.0f} s at today's quota"
        lines = [
            f"{counted(self.files, 'file')}, {self.bytes / 1e6:,.1f} MB, "
            f"{self.quota_units:,} quota units{time}",
            f"{self.no_op:,} of them change nothing: their objects are there already.",
        ]
        counts = {**self.by_outcome, **self.by_reason}
        lines += [f"  {number:,} {word}" for word, number in counts.items()]
        if self.samples:
            names = ", ".join(printable(sample.name, 40) for sample in self.samples)
            lines.append(f"Such as {names}.")
        if self.left_out:
            lines.append(
                f"Left out, since paused or cancelled: {counted(self.left_out, 'import')}."
            )
        if self.earliest:
            lines.append(f"The log begins at {self.earliest:%Y-%m-%d %H:%M:%S %Z}.")
        return "\n".join(lines)


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /dead-letters`, each entry: where a record lay that could not be read, and why."""

    topic: str
    partition: int
    offset: int
    at: datetime
    reason: str
    message: str


def replay_table(replays: list[ReplayReport]) -> str:
    """A line each."""
    return columns(
        ("replay", "state", "name", "selected", "done", "failed"),
        [(r.id, r.state, r.name, r.found, r.done, r.failed) for r in replays],
    )


def dead_letter_table(letters: list[DeadLetter]) -> str:
    """A line each."""
    return columns(
        ("at", "from", "reason", "message"),
        [
            (
                f"{d.at:%Y-%m-%d %H:%M:%S}",
                f"{d.topic}/{d.partition}/{d.offset}",
                d.reason,
                d.message,
            )
            for d in letters
        ],
    )
