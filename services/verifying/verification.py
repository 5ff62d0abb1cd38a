"""Compares every object with the rows that point to it.

An import may run meanwhile. So nothing is reported that a second look does not confirm: an object
is missing if the store still has none, and foreign if no row points to it then and it is not new.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from threading import Lock
from typing import Literal

from msgspec import Struct

from services.adapters.catalog.pointers import Row
from services.adapters.store.listing import Listed
from services.core.thumbnail import PREFIX
from services.verifying.comparing import (
    Objects,
    Pair,
    ReadsBucket,
    ReadsPointers,
    Sleep,
    pairs,
    patiently,
    rows,
)

Kind = Literal["missing", "different", "foreign"]
KINDS: tuple[Kind, ...] = ("missing", "different", "foreign")
BATCH = 500
READERS = 8
"""Objects that are read at once, in a deep comparison."""
NEW = timedelta(hours=1)
"""Of an object that is younger, the row may be on its way: see decisions/0042."""


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is not as it should be. `says` is a sentence, `cure` a command."""

    kind: Kind
    key: str
    file_id: str = ""
    import_id: str = ""
    says: str
    cure: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """`after` is the key after which to begin; `only_import` compares one import's rows only, and
    then no object is foreign."""

    deep: bool = False
    after: str = ""
    only_import: str = ""


@dataclass
class Progress:
    """`done` keys that rows point to, of about `expected`; `key` is the last that was compared.
    `read` are bytes, in a deep comparison. `new` objects without a row are too young to be
    judged."""

    expected: int = 0
    done: int = 0
    new: int = 0
    thumbnails: int = 0
    read: int = 0
    key: str = ""
    found: Counter[Kind] = field(default_factory=Counter)


class Verification:
    """`find` gets each finding at once, and `tell` the progress after each batch. A caller may stop
    it at any time, and begin again after `progress.key`."""

    def __init__(
        self,
        store: ReadsBucket,
        catalog: ReadsPointers,
        options: Options,
        find: Callable[[Finding], None],
        tell: Callable[[Progress], None],
        *,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._store, self._catalog, self._options = store, catalog, options
        self._find, self._tell, self._sleep = find, tell, sleep
        self.progress = Progress(key=options.after)
        self._counting = Lock()

    def run(self, now: datetime) -> Progress:
        """`now` is the time by the store's clock, more or less."""
        only, after, sleep = self._options.only_import, self._options.after, self._sleep
        self.progress.expected = patiently(partial(self._catalog.expected, only), sleep)
        merged = pairs(
            Objects(self._store, after=after, sleep=sleep),
            rows(self._catalog, after=after, only_import=only, sleep=sleep),
            only_rows=bool(only),
        )
        readers = ThreadPoolExecutor(READERS, thread_name_prefix="verify")
        try:
            while batch := [*islice(merged, BATCH)]:
                self._judge(batch, readers, now - NEW)
                self.progress.key = batch[-1].key
                self._tell(self.progress)
        finally:  # whoever is stopped does not wait for the large objects that are being read
            readers.shutdown(wait=False, cancel_futures=True)
        return self.progress

    def _judge(self, batch: Sequence[Pair], readers: ThreadPoolExecutor, old: datetime) -> None:
        both = [pair for pair in batch if pair.object is not None and pair.rows]
        differing = (readers.map if self._options.deep else map)(self._different, both)
        findings = [
            *self._missing([pair for pair in batch if pair.object is None]),
            *(found for found in differing if found),
            *self._foreign([each.object for each in batch if each.object and not each.rows], old),
        ]
        self.progress.done += sum(1 for pair in batch if pair.rows)
        for finding in sorted(findings, key=lambda found: found.key):
            self.progress.found[finding.kind] += 1
            self._find(finding)

    def _missing(self, lacking: Sequence[Pair]) -> Iterator[Finding]:
        """The listing may be older than the row, and the row older than a deletion of it."""
        if not lacking:
            return
        still = self._pointed_to([pair.key for pair in lacking])
        for pair in lacking:
            there = patiently(partial(self._store.look, pair.key), self._sleep)
            if there is None and pair.key in still:
                yield _finding("missing", pair.rows[-1], "The bucket has no such object.", "check")
            elif there is not None and (found := self._different(pair._replace(object=there))):
                yield found

    def _different(self, pair: Pair) -> Finding | None:
        assert pair.object is not None
        size = pair.object.size
        for row in pair.rows:
            if row.size is not None and row.size != size:
                says = f"The object has {size} bytes, and the row says {row.size}."
                return _finding("different", row, says, "force")
        return self._bytes_differ(pair) if self._options.deep else None

    def _bytes_differ(self, pair: Pair) -> Finding | None:
        digest = patiently(partial(self._store.digest, pair.key), self._sleep)
        if digest is None:
            return _finding("missing", pair.rows[-1], "The bucket has no such object.", "check")
        with self._counting:
            self.progress.read += digest.size
        for row in pair.rows:
            for what, said, is_ in (
                ("bytes", row.size, digest.size),
                ("SHA-256", row.sha256, digest.sha256),
                # Beside a SHA-256, an MD5 is only Drive's word (decisions/0008).
                ("MD5", None if row.sha256 else row.md5, digest.md5),
            ):
                if said is not None and said != is_:
                    says = f"Its {what}: {is_}, and the row says {said}."
                    return _finding("different", row, says, "force")
        return None

    def _foreign(self, found: Sequence[Listed], old: datetime) -> Iterator[Finding]:
        if self._options.only_import:
            return
        pictures = [each for each in found if not each.key.startswith(PREFIX)]
        self.progress.thumbnails += len(found) - len(pictures)
        judged = [each for each in pictures if each.modified < old]
        self.progress.new += len(pictures) - len(judged)
        pointed = self._pointed_to([each.key for each in judged])
        for each in judged:
            if each.key not in pointed:
                says = f"No row points to this object of {each.size} bytes."
                yield Finding(kind="foreign", key=each.key, says=says, cure="drivestream prune")

    def _pointed_to(self, keys: Sequence[str]) -> set[str]:
        if not keys:
            return set()
        return patiently(partial(self._catalog.pointed_to, keys), self._sleep)


def _finding(kind: Kind, row: Row, says: str, transfer: str) -> Finding:
    which = f"--import {row.import_id} --file {row.file_id}" if row.import_id else ""
    cure = f"drivestream replay plan --mode all --transfer {transfer} "
    return Finding(
        kind=kind,
        key=row.key,
        file_id=row.file_id,
        import_id=row.import_id,
        says=says,
        cure=cure + (which or f"--file {row.file_id}"),
    )
