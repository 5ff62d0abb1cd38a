"""What the API says of replays, their plans, and dead letters."""

from datetime import datetime
from typing import ClassVar

import msgspec

from local.show.reports import Count, Report
from local.show.text import columns, counted, moment, printable, size


class Planned(msgspec.Struct, frozen=True):
    """How many files were planned, and how many of them were asked for at most."""

    files: Count
    most: Count | None = None

    @property
    def most_files(self) -> int:
        """The bound of what is selected."""
        return self.files if self.most is None else min(self.files, self.most)


class ReplayReport(Report, frozen=True, kw_only=True):
    """`GET /replays/{id}`; of `GET /replays` each entry."""

    verb: ClassVar[str] = "selected"

    found: Count = msgspec.field(name="selected")
    redriven: Count = 0
    files_per_second: Count | None = None
    plan: Planned

    @property
    def handled(self) -> int:
        """With the records that are published again as they are: dead letters, or a copy."""
        return self.done + self.redriven

    @property
    def total(self) -> int:
        """What was planned, until everything is selected."""
        selected = self.found + self.redriven
        return selected if self.final else max(selected, self.plan.most_files)

    @property
    def goal(self) -> str:
        """`2,400 planned`, then `2,400 selected`."""
        everything = self.total == self.found + self.redriven
        return f"{self.total:,} {self.verb if everything else 'planned'}"

    def equation(self) -> str:
        """With what bounds its speed."""
        bound = self.files_per_second
        slow = f"; at most {counted(bound, 'file')} per second" if bound and not self.final else ""
        return super().equation() + slow

    def notes(self) -> list[str]:
        """With the records that are no files of its own."""
        said = f"{counted(self.redriven, 'record')} will be published again unchanged."
        return [*super().notes(), *([said] if self.redriven else [])]


class ReplayStarted(msgspec.Struct, frozen=True):
    """`POST /replays`."""

    replay_id: str


class Sample(msgspec.Struct, frozen=True):
    """One of the files that a plan selects."""

    name: str


class Selected(msgspec.Struct, frozen=True):
    """Whether a plan is of dead letters, which are no files."""

    dead_letters: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /replays/plan`: what a replay would do. Nothing has been published.

    `no_op` are the files whose objects are there already; `left_out` the imports that are paused or
    cancelled; `unreadable` files whose own event cannot be read; `unread` listings that the
    database does not show yet; `earliest` the oldest time that the log still holds.
    """

    plan_id: str
    select: Selected
    target: str | None = None
    files: Count
    bytes: Count
    quota_units: Count
    seconds: float | None
    no_op: Count
    by_outcome: dict[str, Count]
    by_reason: dict[str, Count]
    imports: Count
    left_out: Count
    unreadable: Count
    unread: Count
    samples: list[Sample]
    earliest: datetime | None

    def sentences(self) -> str:
        """What it comes to, then the counts, then what to know about them."""
        counts = {**self.by_outcome, **self.by_reason}
        lines = [f"  {number:,} {printable(word)}" for word, number in counts.items()]
        if self.target:
            lines.append(f"Only copies outcomes to feeds.{self.target}.")
        if self.samples:
            names = ", ".join(printable(sample.name, 40) for sample in self.samples)
            lines.append(f"For example: {names}.")
        if self.no_op:
            lines.append(f"Nothing to do for {self.no_op:,}: their objects are there already.")
        if self.left_out:
            lines.append(
                f"Left out because paused or cancelled: {counted(self.left_out, 'import')}."
            )
        if self.unreadable:
            lines.append(f"Left out because unreadable: {counted(self.unreadable, 'file')}.")
        if self.unread:
            lines.append(
                f"Not indexed yet: {counted(self.unread, 'listing')}. Make a new plan in a few "
                "seconds."
            )
        if self.earliest:
            lines.append(f"The log starts at {moment(self.earliest)}.")
        return "\n".join([self._sum(), *lines])

    def _sum(self) -> str:
        if not self.files:
            return "The selection matches no files, so there is nothing to replay."
        what = counted(self.files, "dead letter" if self.select.dead_letters else "file")
        whose = f" of {counted(self.imports, 'import')}" if self.imports else ""
        time = f", about {self.seconds:,.0f} s at today's quota" if self.seconds else ""
        return f"{what}{whose}, {size(self.bytes)}, {counted(self.quota_units, 'quota unit')}{time}"


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /dead-letters`, each entry: where a record lay that could not be read, and why."""

    topic: str
    partition: int
    offset: int
    at: datetime
    reason: str
    message: str

    @property
    def place(self) -> str:
        """As the events name it."""
        return f"{self.topic}/{self.partition}/{self.offset}"


def replay_table(replays: list[ReplayReport]) -> str:
    """A line each."""
    return columns(
        ("replay", "state", "selected", "done", "failed", "name"),
        [(r.id, r.state, r.found, r.done, r.failed, r.name) for r in replays],
    )


def dead_letter_table(letters: list[DeadLetter]) -> str:
    """A line each."""
    return columns(
        ("at", "from", "reason", "message"),
        [(moment(d.at), d.place, d.reason, d.message) for d in letters],
    )
