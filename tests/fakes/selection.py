"""What a replay selects, counted file by file: the same as the catalog's SQL, told another way."""

from collections import Counter

from services.adapters.catalog.rows import FileRow, Rows
from services.adapters.catalog.views.replays import Sample, SelectionCounts
from services.core.events import FileOutcome, ReplayScope, Selection


def counted(
    rows: Rows, wanted: Selection, scope: ReplayScope, *, even_halted: bool = False
) -> SelectionCounts:
    """`consumed` is empty."""
    chosen = [row for _, row in sorted(rows.files.items()) if _wanted(rows, row, wanted, scope)]
    halted = {id for id, row in rows.imports.items() if row.cancelled or row.control == "paused"}
    if even_halted:
        halted = set()
    whole = [row for row in chosen if row.outcome_at is None or row.metadata_source == 3]
    files = [row for row in whole if row.import_id not in halted]
    by_import = Counter(row.import_id for row in files)
    return SelectionCounts(
        files=len(files),
        bytes=sum(next((n for n in (r.size, r.stored_size) if n is not None), 0) for r in files),
        by_outcome=dict(sorted(Counter(map(outcome, files)).items())),
        by_reason=dict(
            sorted(Counter(r.reason or "" for r in files if outcome(r) == "failed").items())
        ),
        by_import=dict(sorted(by_import.items(), key=lambda it: (-it[1], it[0]))[:1_000]),
        imports=len(by_import),
        left_out=len({row.import_id for row in whole} & halted),
        unreadable=sum(row.import_id not in halted for row in chosen) - len(files),
        samples=[_sample(row) for row in files[:10]],
        unknown_reasons=sorted({*wanted.reasons} - {row.reason for row in rows.files.values()}),
    )


def outcome(row: FileRow) -> FileOutcome:
    """What the log's outcomes come to, whatever a retry has asked for since."""
    if row.outcome_at is None:
        return "none"
    if row.reason is not None:
        return "failed"
    return "unchanged" if row.state == "unchanged" else "stored"


def _wanted(rows: Rows, row: FileRow, wanted: Selection, scope: ReplayScope) -> bool:
    state = outcome(row)
    if not row.listed and state == "none":
        return False
    in_scope = {
        ReplayScope.MISSING: state == "none",
        ReplayScope.FAILED: state == "failed",
        ReplayScope.ALL: True,
        ReplayScope.VERIFY: state in ("stored", "unchanged"),
    }
    at = row.outcome_at or row.metadata_at
    assert at is not None
    return (
        in_scope[scope]
        and (not wanted.imports or _of(rows, row, wanted))
        and row.folder_id in (wanted.folders or (row.folder_id,))
        and row.file_id in (wanted.files or (row.file_id,))
        and state in (wanted.outcomes or (state,))
        and row.reason in (wanted.reasons or (row.reason,))
        and (wanted.since is None or at >= wanted.since)
        and (wanted.until is None or at < wanted.until)
    )


def _of(rows: Rows, row: FileRow, wanted: Selection) -> bool:
    """Whether a named import, or a named replay, has the file."""
    key = row.import_id, row.file_id
    return row.import_id in wanted.imports or any(
        (id, *key) in rows.replay_files for id in wanted.imports
    )


def _sample(row: FileRow) -> Sample:
    return Sample(
        google_drive_id=row.file_id,
        name=row.name,
        import_id=row.import_id,
        outcome=outcome(row),
        reason=row.reason,
    )
