"""Removes objects that no row points to: a plan first, then exactly what was planned.

Why it takes no object that is needed: see decisions/0042. In short: the object is old, nothing that
could write or find it is running, the indexer has counted all of the log, an import or replay of
this very database has stored it, and right before each batch all of this is asked again.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import blake2b
from itertools import islice
from typing import IO, Protocol, Self

import msgspec

from services.adapters.catalog.pointers import Running
from services.adapters.store.listing import Listed
from services.core.errors import Stop
from services.core.thumbnail import PREFIX
from services.verifying.comparing import (
    Objects,
    ReadsBucket,
    ReadsPointers,
    Sleep,
    pairs,
    patiently,
    rows,
)
from services.verifying.prune_plan import PrunePlan

BATCH = 500
LOOKERS = 8
EXAMPLES = 10
MOST_FAILED = 1000
"""Then the store refuses all of them, more likely than not."""
Place = tuple[str, int]


class PrunesBucket(ReadsBucket, Protocol):
    def delete(self, keys: Sequence[str]) -> Mapping[str, str]: ...


class ReadsState(ReadsPointers, Protocol):
    def running(self) -> Sequence[Running]: ...
    def known(self, ids: Sequence[str]) -> set[str]: ...
    def read_up_to(self) -> Mapping[Place, int]: ...


@dataclass
class Progress:
    """`seen` objects were looked at, of which `selected` with so many `bytes` are to go. `others`
    have no row, but are not known to be ours; `new` are too young."""

    seen: int = 0
    selected: int = 0
    bytes: int = 0
    others: int = 0
    new: int = 0
    deleted: int = 0
    deleted_bytes: int = 0
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


class Selected:
    """Keys and sizes in a file without a name, since there may be a million. Closed at the end."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._digest = blake2b(digest_size=16)
        self.examples: list[str] = []
        self.objects = self.bytes = 0

    def add(self, key: str, size: int) -> None:
        line = msgspec.json.encode((key, size)) + b"\n"
        self._file.write(line)
        self._digest.update(line)
        self.objects += 1
        self.bytes += size
        if len(self.examples) < EXAMPLES:
            self.examples.append(key)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[tuple[str, int]]:
        self._file.seek(0)
        for line in self._file:
            yield msgspec.json.decode(line, type=tuple[str, int])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Pruning:
    """`ends` gives how far the log reaches, by topic and partition. `tell` gets the progress."""

    def __init__(
        self,
        store: PrunesBucket,
        catalog: ReadsState,
        ends: Callable[[], Mapping[Place, int]],
        tell: Callable[[Progress], None],
        *,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._store, self._catalog, self._ends = store, catalog, ends
        self._tell, self._sleep = tell, sleep
        self.progress = Progress()
        self._lookers = ThreadPoolExecutor(LOOKERS, thread_name_prefix="prune")

    def plan(self, before: datetime, *, others: bool) -> tuple[PrunePlan, Sequence[str]]:
        """What would be deleted, and some of it. Raises `Stop` while anything runs."""
        with Selected() as selected:
            self._select(before, others, selected)
            return self._plan_of(selected, before, others), selected.examples

    def execute(self, plan: PrunePlan) -> Progress:
        """Raises `Stop` before the first deletion if it would not delete what was planned, and
        later as soon as anything runs."""
        if plan.bucket != self._store.bucket:
            message = f"The plan is for bucket {plan.bucket}, not for {self._store.bucket}."
            raise Stop("other_bucket", message)
        with Selected() as selected:
            self._select(plan.before, plan.others, selected)
            if self._plan_of(selected, plan.before, plan.others) != plan:
                raise Stop(
                    "plan_expired",
                    f"The plan is out of date: it had {plan.objects} objects, and now there are "
                    f"{selected.objects}, or they are not the same. Nothing was deleted.",
                )
            chosen = iter(selected)
            while batch := [*islice(chosen, BATCH)]:
                if len(self.progress.failed) >= MOST_FAILED:
                    raise Stop(
                        "deletions_refused",
                        f"{len(self.progress.failed)} objects could not be deleted, so the rest "
                        "was not tried.",
                    )
                self._delete(dict(batch), plan.before)
                self._tell(self.progress)
        return self.progress

    def _plan_of(self, selected: Selected, before: datetime, others: bool) -> PrunePlan:
        return PrunePlan(
            bucket=self._store.bucket,
            before=before,
            others=others,
            objects=selected.objects,
            bytes=selected.bytes,
            digest=selected.digest,
        )

    def _select(self, before: datetime, others: bool, selected: Selected) -> None:
        self.check_quiet()
        pointless = self._pointless(before)
        while batch := [*islice(pointless, BATCH)]:
            found = self._still_pointless(batch)
            for each in found if others else self._ours(found):
                selected.add(each.key, each.size)
            self.progress.selected, self.progress.bytes = selected.objects, selected.bytes
            self._tell(self.progress)

    def _pointless(self, before: datetime) -> Iterator[Listed]:
        """Old objects to which no row pointed when the listing came to them."""
        listed = Objects(self._store, sleep=self._sleep)
        for pair in pairs(listed, rows(self._catalog, sleep=self._sleep)):
            if pair.object is None:
                continue
            self.progress.seen += 1
            if self.progress.seen % 10_000 == 0:
                self._tell(self.progress)
            if pair.rows:
                continue
            if pair.object.modified < before:
                yield pair.object
            else:
                self.progress.new += 1

    def _still_pointless(self, found: Sequence[Listed]) -> Sequence[Listed]:
        """Without those that a row points to by now, and thumbnails of pictures that are there;
        with what only a look at the object tells, for pictures."""
        pointed = self._pointed_to([each.key for each in found])
        left = [each for each in found if _picture(each.key) not in pointed]
        looks = self._lookers.map(self._look, left)
        return [look for look in looks if look is not None]

    def _look(self, listed: Listed) -> Listed | None:
        if listed.key.startswith(PREFIX):
            return listed
        return patiently(partial(self._store.look, listed.key), self._sleep)

    def _ours(self, found: Sequence[Listed]) -> Sequence[Listed]:
        """Stored by an import or a replay of this database, or a thumbnail."""
        ids = sorted({each.stored_by for each in found if each.stored_by})
        known = patiently(partial(self._catalog.known, ids), self._sleep) if ids else set()
        ours = [each for each in found if each.key.startswith(PREFIX) or each.stored_by in known]
        self.progress.others += len(found) - len(ours)
        return ours

    def _delete(self, batch: Mapping[str, int], before: datetime) -> None:
        """Those of a batch that are still as they were planned."""
        self.check_quiet()
        pointed = self._pointed_to([*batch])
        gone: dict[str, int] = {}
        keys = [key for key in batch if _picture(key) not in pointed]
        for key, now in zip(keys, self._lookers.map(self._see, keys), strict=True):
            if now is not None and now.modified < before and now.size == batch[key]:
                gone[key] = now.size
        self.progress.kept += len(batch) - len(gone)
        if not gone:
            return
        failed = patiently(partial(self._store.delete, [*gone]), self._sleep)
        self.progress.failed |= failed
        self.progress.deleted += len(gone) - len(failed)
        self.progress.deleted_bytes += sum(n for key, n in gone.items() if key not in failed)
        needed = self._pointed_to([*gone])
        self.progress.lost += [key for key in gone if key in needed and key not in failed]

    def _see(self, key: str) -> Listed | None:
        return patiently(partial(self._store.look, key), self._sleep)

    def _pointed_to(self, keys: Sequence[str]) -> set[str]:
        pictures = sorted({_picture(key) for key in keys})
        return patiently(partial(self._catalog.pointed_to, pictures), self._sleep)

    def check_quiet(self) -> None:
        """Raise `Stop` while an import or a replay has not ended, or the indexer has not counted
        all of the log. The log is asked first: what was requested by then has a row."""
        ends = patiently(self._ends, self._sleep)
        read = patiently(self._catalog.read_up_to, self._sleep)
        if behind := sum(max(0, end - read.get(place, 0)) for place, end in ends.items()):
            raise Stop(
                "indexer_behind",
                f"The indexer has {behind} messages to read, which may point to objects. Wait "
                "until it has read them (see `drivestream status`), and run the command again.",
            )
        if running := patiently(self._catalog.running, self._sleep):
            which = ", ".join(f"{each.kind} {each.id} ({each.state})" for each in running)
            raise Stop(
                "imports_running",
                f"Not everything has ended: {which}. Wait until it has, or cancel it, and run the "
                "command again.",
            )


def _picture(key: str) -> str:
    """The key of a thumbnail's picture; every other object's own."""
    if not key.startswith(PREFIX):
        return key
    return key.removeprefix(PREFIX).partition("/")[2] or key
