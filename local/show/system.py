"""What the system does, as `GET /system` says: a page for a terminal, a line for elsewhere."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from local.show.reports import Count, Waiting
from local.show.text import columns, duration, moment, printable, size

Seconds = float | None
LABEL = 14
"""Columns of a label."""
LEAST_SHOWN = 0.05


class Limit(msgspec.Struct, frozen=True):
    """What limits the speed."""

    reason: str
    message: str


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """How far a group is behind in one partition."""

    group: str
    topic: str
    messages: Count
    seconds: Seconds
    seconds_to_clear: Seconds


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """One process. `in_hand` says where its work is on average, wherever that may be."""

    id: str
    service: str
    state: str
    waiting_for: Waiting | None
    in_flight: Count
    concurrency: Count
    in_hand: dict[str, float]
    busy: float
    holds: Sequence[str]

    def row(self) -> tuple[object, ...]:
        """As a row of the table."""
        work = f"{self.in_flight:,} of {self.concurrency:,}" if self.concurrency else "-"
        most = sorted(self.in_hand.items(), key=lambda place: -place[1])
        where = " ".join(f"{name} {amount:.1f}" for name, amount in most if amount >= LEAST_SHOWN)
        says = str(self.waiting_for) if self.waiting_for and self.state == "waiting" else where
        busy = f"{self.busy:.0%}" if self.concurrency else "-"
        return self.id, self.state, len(self.holds), work, busy, says


class Rate(msgspec.Struct, frozen=True):
    """Each second."""

    found: float
    files: float
    bytes: float

    def __str__(self) -> str:
        return f"{self.files:,.1f} files/s, {size(int(self.bytes))}/s"


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one minute."""

    stored: Count
    unchanged: Count
    failed: Count
    bytes: Count


class Rates(msgspec.Struct, frozen=True):
    """Of now, and of the last hour."""

    now: Rate | None
    minutes: list[Minute]

    def hour(self) -> str:
        """`1,203 stored (62.1 MB), 4 unchanged, 1 failed`."""
        total = [sum(getattr(m, name) for m in self.minutes) for name in Minute.__struct_fields__]
        stored, unchanged, failed, bytes = total
        return f"{stored:,} stored ({size(bytes)}), {unchanged:,} unchanged, {failed:,} failed"


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """Google's, each minute."""

    unit: str
    limit: Count | None
    used: Count

    def __str__(self) -> str:
        if self.limit is None:
            return f"{self.used:,} {self.unit} a minute, no limit set"
        return f"{self.used:,} of {self.limit:,} {self.unit} a minute"


class System(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /system`."""

    as_of: datetime
    limit: Limit
    lag: list[Lag]
    workers: list[Worker]
    rates: Rates
    quota: Quota
    dead_letters: Count | None
    unknown: list[str]

    def line(self) -> str:
        """All that matters, for a log."""
        behind = "; ".join(f"{group} {messages:,} behind" for group, messages in self._behind())
        now = f"{self.rates.now}" if self.rates.now else "no rates"
        said = f"{printable(self.limit.reason)}: {printable(self.limit.message, 400)}"
        return f"{moment(self.as_of)}  {now}; {behind or 'nothing behind'}; {said}"

    def page(self, width: int = 0) -> str:
        """All of it; sentences are wrapped to this many columns, if any is given."""
        letters = "-" if self.dead_letters is None else f"{self.dead_letters:,}"
        head = [
            _sentence("Limit", printable(self.limit.message, 400), width),
            f"Now           {self.rates.now or 'not known'}",
            f"Last hour     {self.rates.hour()}",
            f"Quota         {self.quota}",
            f"Dead letters  {letters}",
            *(_sentence("Not current", printable(said), width) for said in self.unknown),
        ]
        return "\n\n".join(["\n".join(head), self._lag_table(), self._worker_table()])

    def _behind(self) -> Iterator[tuple[str, int]]:
        for group in dict.fromkeys(each.group for each in self.lag):
            messages = sum(each.messages for each in self.lag if each.group == group)
            if messages:
                yield printable(group, 60), messages

    def _lag_table(self) -> str:
        header = ("reader", "topic", "partitions", "behind", "oldest waits", "clear in")
        rows = []
        for group, topic in dict.fromkeys((each.group, each.topic) for each in self.lag):
            own = [each for each in self.lag if (each.group, each.topic) == (group, topic)]
            late = [each for each in own if each.messages]
            waits = _longest([each.seconds for each in late])
            clears = _longest([each.seconds_to_clear for each in late])
            rows.append((group, topic, len(own), sum(e.messages for e in own), waits, clears))
        return columns(header, rows)

    def _worker_table(self) -> str:
        shown = [worker for worker in self.workers if worker.state != "stopped"]
        if not shown:
            return "No worker is running."
        header = ("worker", "state", "partitions", "in progress", "busy", "waits for")
        return columns(header, [worker.row() for worker in shown])


def _sentence(label: str, said: str, width: int) -> str:
    """One line, or as many as it takes in a terminal: what says why is never cut off."""
    line = f"{label:<{LABEL}}{said}"
    if not width:
        return line
    indent = " " * min(LABEL, width // 4)
    return textwrap.fill(line, max(width, 2 * LABEL), subsequent_indent=indent)


def _longest(found: Sequence[Seconds]) -> str | None:
    """Of those partitions that are behind; None if there is none, or if one is not known."""
    known = [each for each in found if each is not None]
    return duration(max(known)) if known and len(known) == len(found) else None
