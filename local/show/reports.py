"""What the API says of imports, and of anything that is watched to its end.

An answer may have more fields than these. One that lacks a field without a default is refused.
"""

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec

from local.show.text import counted, duration, moment, printable, size

FINAL = frozenset({"completed", "completed_with_failures", "failed", "cancelled"})
GROWING = frozenset({"queued", "listing"})
Count = Annotated[int, msgspec.Meta(ge=0)]


class Started(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /import/google-drive`."""

    job_id: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /imports/preview`."""

    name: str
    complete: bool
    stopped_by: str | None = None
    images: Count
    bytes: Count
    types: dict[str, Count] = {}
    skipped: dict[str, Count] = {}
    folders: Count
    folders_listed: Count
    folders_failed: dict[str, Count] = {}
    names: list[str] = []
    seconds: float | None = None

    def __str__(self) -> str:
        """In plain words, with the largest numbers first."""
        least = "" if self.complete else "at least "
        found = f"{least}{counted(self.images, 'image')}, {size(self.bytes)}"
        lines = [f"{printable(self.name).strip() or 'The folder'}: {found}, in {self._folders()}."]
        if self.types:
            lines.append(f"Types: {_by_count(self.types)}.")
        if self.skipped:
            lines.append(f"Not imported: {_by_count(self.skipped)}.")
        if self.folders_failed:
            lines.append(f"Folders that cannot be listed: {_by_count(self.folders_failed)}.")
        if self.names:
            lines.append(f"For example: {', '.join(printable(name, 40) for name in self.names)}.")
        if self.seconds is not None and self.images:
            lines.append(f"Google's quota lets it be copied in {least}{duration(self.seconds)}.")
        if not self.complete:
            lines.append("The preview stopped before the end. An import finds everything.")
        return "\n".join(lines)

    def _folders(self) -> str:
        seen = counted(self.folders, "folder")
        if self.folders_listed >= self.folders:
            return seen
        return f"{self.folders_listed:,} of {seen} seen so far"


def _by_count(counts: dict[str, int]) -> str:
    most = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count:,} {printable(name, 60)}" for name, count in most[:10])


class Waiting(msgspec.Struct, frozen=True):
    """Why nothing progresses; `until` is when it is expected to continue, if known."""

    message: str
    until: datetime | None = None
    reason: str = ""

    @property
    def has_its_turn_later(self) -> bool:
        """Whether nothing is wrong: other imports go first."""
        return self.reason == "behind_others"

    def __str__(self) -> str:
        until = f" (until {moment(self.until)})" if self.until else ""
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
    failures: dict[str, Count]
    stored_bytes: Count

    @property
    def note(self) -> str:
        """What it waits for, if anything."""
        return f"waiting: {self.waiting_for}" if self.waiting_for else ""

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self.state in FINAL

    @property
    def total(self) -> int | None:
        """How many files it has; None while more may be found."""
        return None if self.state in GROWING else self.found

    @property
    def goal(self) -> str:
        """`2,400 found so far`."""
        return f"{self.found:,} {self.verb}{' so far' if self.total is None else ''}"

    @property
    def good(self) -> bool:
        """Whether every file is stored, by this import or an earlier one."""
        return self.state == "completed" and self.closes and not self.pending and not self.failed

    @property
    def done(self) -> int:
        """Files with an outcome."""
        return self.stored + self.unchanged + self.failed

    @property
    def handled(self) -> int:
        """How much of the total is done."""
        return self.done

    @property
    def left(self) -> int:
        """How many of those found so far are not done."""
        return max(0, (self.found if self.total is None else self.total) - self.handled)

    @property
    def closes(self) -> bool:
        """Whether every file found is accounted for."""
        return self.found == self.done + self.pending

    def equation(self) -> str:
        """`240 found = 235 stored + 4 unchanged + 1 failed + 0 pending`."""
        sign = "=" if self.closes else "≠"
        parts = f"{self.stored:,} stored + {self.unchanged:,} unchanged + {self.failed:,} failed"
        left = "not done" if self.state == "cancelled" else "pending"
        return f"{self.found:,} {self.verb} {sign} {parts} + {self.pending:,} {left}"

    def progress(self) -> str:
        """`Holidays: 1,203 of 2,400 found so far, 62.1 MB, 3 failed`."""
        name = f"{printable(self.name, 40)}: " if self.name else ""
        failed = f", {self.failed:,} failed" if self.failed else ""
        return f"{name}{self.handled:,} of {self.goal}, {size(self.stored_bytes)}{failed}"

    def line(self) -> str:
        """Its id, its state and its equation."""
        name = f"{printable(self.name, 80)}: " if self.name else ""
        return f"{printable(self.id)}  {self.state}  {name}{self.equation()}"

    def notes(self) -> list[str]:
        """What went wrong, line by line."""
        said = [printable(self.message)] if self.message else []
        counts = self.failures.items()
        return said + [f"  {number:,} failed: {printable(reason)}" for reason, number in counts]

    def sentences(self) -> str:
        """The line, and what went wrong."""
        return "\n".join([self.line(), *self.notes()])


class FailedFolder(msgspec.Struct, frozen=True):
    """A folder that could not be listed. The path of the imported folder itself is empty."""

    path: str
    message: str

    def __str__(self) -> str:
        name = printable(self.path, 80) or "the imported folder itself"
        return f"  not listed: {name}: {printable(self.message)}"


class Parked(msgspec.Struct, frozen=True):
    """Failed files that Google withholds for a day. They are tried again by themselves, except
    where there is no such time."""

    files: Count
    after: datetime | None

    def __str__(self) -> str:
        when = f" Drivestream retries at {moment(self.after)}." if self.after else ""
        return f"Google limits downloads of {counted(self.files, 'file')} for up to 24 hours.{when}"


class ImportReport(Report, frozen=True, kw_only=True):
    """`GET /imports/{id}`."""

    verb: ClassVar[str] = "found"

    found_bytes: Count
    skipped: dict[str, Count]
    folders_failed: Count = 0
    failed_folders: list[FailedFolder] = []
    parked: Parked | None = None
    first_stored_at: datetime | None = None
    limited_by: Waiting | None = None

    @property
    def note(self) -> str:
        """What it waits for, or else what limits its speed."""
        return super().note or str(self.limited_by or "")

    def equation(self) -> str:
        """With what was skipped, and why."""
        reasons = (f"{number:,} {reason}" for reason, number in sorted(self.skipped.items()))
        return super().equation() + (f"; skipped {', '.join(reasons)}" if self.skipped else "")

    def notes(self) -> list[str]:
        """With the folders that could not be listed, and the files that come back."""
        parked = [str(self.parked)] if self.parked else []
        return [*super().notes(), *self.folder_notes(), *parked]

    def folder_notes(self) -> list[str]:
        """The folders that could not be listed."""
        folders = [str(folder) for folder in self.failed_folders]
        if more := self.folders_failed - len(folders):
            folders.append(f"  not listed: {counted(more, 'more folder')}")
        return folders


class Retried(msgspec.Struct, frozen=True):
    """`POST /imports/{id}/retry`: how many are tried again."""

    files: Count
    folders: Count

    def __str__(self) -> str:
        if not self.files and not self.folders:
            return "Nothing matching has failed, so there is nothing to retry."
        one = self.files + self.folders == 1
        parts = [(self.files, "file"), (self.folders, "folder")]
        said = " and ".join(counted(number, word) for number, word in parts if number)
        return f"{said} {'is' if one else 'are'} being retried."
