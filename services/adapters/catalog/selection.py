"""Counts what a replay would select, in one transaction, so that all its numbers are of one moment
and of the offsets that the indexer had consumed by then.

A row's outcome is its best one, whether or not a retry of it is under way: that is what a fold of
the log up to those offsets gives.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.adapters.catalog.rows import (
    FROM_FOUND,
    consumed_offsets,
    import_files,
    imports,
    replay_files,
)
from services.adapters.catalog.views.replays import Sample, SelectionCounts
from services.core.events import REPLAY, ReplayScope, Selection

MOST_IMPORTS = 1_000
"""That a plan names, those with the most files first. It counts them all."""
SAMPLES = 10
STATEMENT_SECONDS = 60
_FILE = import_files.c
OUTCOME = case(
    (_FILE.outcome_at.is_(None), "none"), (_FILE.reason.is_not(None), "failed"), else_=_FILE.state
)
KNOWN = or_(_FILE.listed, _FILE.outcome_at.is_not(None))
"""Neither only skipped, nor only named by a retry."""
AT = func.coalesce(_FILE.outcome_at, _FILE.metadata_at)
READABLE = _FILE.outcome_at.is_(None) | (_FILE.metadata_source >= FROM_FOUND)
"""Whether the file's `FileFound` could be read. Without it, there is nothing to replay."""
HALTED = func.coalesce(or_(imports.c.cancelled, imports.c.control == "paused"), False)
"""Nothing of such an import may be worked on, even if it has ended."""
IN_SCOPE: Mapping[ReplayScope, Sequence[ColumnElement[bool]]] = {
    ReplayScope.MISSING: (_FILE.outcome_at.is_(None),),
    ReplayScope.FAILED: (_FILE.outcome_at.is_not(None), _FILE.reason.is_not(None)),
    ReplayScope.ALL: (),
    ReplayScope.VERIFY: (_FILE.outcome_at.is_not(None), _FILE.reason.is_(None)),
}


async def count_selection(
    connection: AsyncConnection, wanted: Selection, scope: ReplayScope, *, even_halted: bool
) -> SelectionCounts:
    """The connection must be in a transaction at repeatable read."""
    await connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"))
    selected = _Selected(wanted, scope, even_halted)
    groups = (await connection.execute(selected.by_outcome())).all()
    by_import = (await connection.execute(selected.by_import())).all()
    left_out = (await connection.execute(selected.left_out())).scalar_one()
    samples = (await connection.execute(selected.samples())).mappings()
    consumed = (await connection.execute(select(consumed_offsets))).all()
    reasons: set[str] = set()
    if wanted.reasons:
        failed_for = select(_FILE.reason).where(_FILE.reason.in_(wanted.reasons)).distinct()
        reasons = set((await connection.execute(failed_for)).scalars())
    by_outcome: Counter[str] = Counter()
    by_reason: Counter[str] = Counter()
    for group in groups:
        if not group.readable:
            continue
        by_outcome[group.outcome] += group.files
        if group.outcome == "failed":
            by_reason[group.reason] += group.files
    return SelectionCounts(
        files=by_outcome.total(),
        bytes=sum(int(group.bytes) for group in groups if group.readable),
        by_outcome=dict(sorted(by_outcome.items())),
        by_reason=dict(sorted(by_reason.items())),
        by_import={group.import_id: group.files for group in by_import},
        imports=by_import[0].imports if by_import else 0,
        left_out=left_out,
        unreadable=sum(group.files for group in groups if not group.readable),
        samples=[Sample(**row) for row in samples],
        consumed={(row.topic, row.partition): (row.topic_id, row.next_offset) for row in consumed},
        unknown_reasons=sorted({*wanted.reasons} - reasons),
    )


class _Selected:
    """Queries of the files that a replay selects."""

    def __init__(self, wanted: Selection, scope: ReplayScope, even_halted: bool) -> None:
        self._conditions = conditions(wanted, scope)
        self._left_out = false() if even_halted else HALTED

    def by_outcome(self) -> Select[Any]:
        size = func.coalesce(_FILE.size, _FILE.stored_size, 0)
        outcome, reason = OUTCOME.label("outcome"), _FILE.reason
        counted = func.count().label("files"), func.sum(size).label("bytes")
        by = outcome, reason, READABLE.label("readable")
        return self._select(*by, *counted).where(~self._left_out).group_by(*by)

    def by_import(self) -> Select[Any]:
        files, id = func.count().label("files"), _FILE.import_id
        groups = self._select(id, files, func.count().over().label("imports"))
        groups = groups.where(~self._left_out, READABLE)
        return groups.group_by(id).order_by(files.desc(), id).limit(MOST_IMPORTS)

    def left_out(self) -> Select[Any]:
        return self._select(func.count(_FILE.import_id.distinct())).where(self._left_out, READABLE)

    def samples(self) -> Select[Any]:
        first = self._select(
            _FILE.file_id.label("google_drive_id"),
            _FILE.name,
            _FILE.import_id,
            OUTCOME.label("outcome"),
            _FILE.reason,
        )
        return (
            first.where(~self._left_out, READABLE)
            .order_by(_FILE.import_id, _FILE.file_id)
            .limit(SAMPLES)
        )

    def _select(self, *columns: ColumnElement[Any]) -> Select[Any]:
        joined = import_files.outerjoin(imports, imports.c.id == _FILE.import_id)
        return select(*columns).select_from(joined).where(self._conditions)


def conditions(wanted: Selection, scope: ReplayScope) -> ColumnElement[bool]:
    """Of a row of `import_files`: whether it meets every part of the selection that is given."""
    given = [KNOWN, *IN_SCOPE[scope]]
    replayed = [id for id in wanted.imports if id.startswith(REPLAY)]
    if replayed:
        row = replay_files.c
        theirs = select(row.import_id, row.file_id).where(row.replay_id.in_(replayed))
        given.append(
            tuple_(_FILE.import_id, _FILE.file_id).in_(theirs)
            | _FILE.import_id.in_([id for id in wanted.imports if id not in replayed])
        )
    lists = (
        (_FILE.import_id, () if replayed else wanted.imports),
        (_FILE.folder_id, wanted.folders),
        (_FILE.file_id, wanted.files),
        (OUTCOME, wanted.outcomes),
        (_FILE.reason, wanted.reasons),
    )
    given += [column.in_(values) for column, values in lists if values]
    if wanted.since is not None:
        given.append(wanted.since <= AT)
    if wanted.until is not None:
        given.append(wanted.until > AT)
    return and_(*given)
