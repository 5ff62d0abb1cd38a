"""Every import that was accepted has ended, with each of its files; and its report is true."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from tests.fire.checks.verdict import Verdict, unlike, verdict

ENDED = ("completed", "completed_with_failures", "failed", "cancelled")
PARTS = ("stored", "unchanged", "failed", "pending")
NEVER_TRUE = ("lost", "gone", "not_found", "trashed", "not_permitted", "abusive_file")
"""Reasons that the fire gives no cause for: Drive has all files, and shows them all the time."""


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """A row of `import_files`."""

    import_id: str
    file_id: str
    state: str
    reason: str | None = None
    object_key: str | None = None
    md5: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """An import that was answered with 202, and the ids of the files that its folder has."""

    import_id: str
    files: Set[str]


def by_import(rows: Iterable[FileRow]) -> Mapping[str, Sequence[FileRow]]:
    found: dict[str, list[FileRow]] = {}
    for row in rows:
        found.setdefault(row.import_id, []).append(row)
    return found


def lost(
    accepted: Sequence[Accepted],
    states: Mapping[str, str],
    rows: Iterable[FileRow],
    poisoned: Set[str],
) -> Verdict:
    """Each file of each folder has an outcome. `poisoned` are ids that no file has."""
    of = by_import(rows)

    def wrong() -> Iterator[str]:
        yield from unlike("imports in the database", {a.import_id for a in accepted}, {*states})
        for each in accepted:
            state = states.get(each.import_id, "no row")
            if state not in ENDED:
                yield f"import {each.import_id} has not ended: {state}"
            if state == "cancelled":
                continue
            mine = {row.file_id: row.state for row in of.get(each.import_id, ())}
            files = {id: it for id, it in mine.items() if it != "skipped"}
            for id in sorted(each.files - files.keys()):
                yield f"file {id} of import {each.import_id} has no row"
            for id in sorted(files.keys() - each.files - poisoned):
                yield f"import {each.import_id} has a file that Drive has not: {id}"
            for id in sorted(id for id, it in files.items() if it == "pending"):
                yield f"file {id} of import {each.import_id} is still pending"

    files = sum(len(each.files) for each in accepted)
    return verdict("nothing is lost", f"{len(accepted)} imports of {files} files", wrong())


def closed_equation(
    counted: Mapping[str, Mapping[str, int]],
    rows: Iterable[FileRow],
    reports: Mapping[str, Mapping[str, Any]],
    polls: int,
    broken: Sequence[Mapping[str, Any]],
) -> Verdict:
    """found = stored + unchanged + failed + pending: in each report while it burned, and at the end
    as counted in the rows, and as counted file by file through the API."""
    of = by_import(rows)

    def wrong() -> Iterator[str]:
        for row in broken:
            yield f"a report did not close: {row}"
        for id, report in reports.items():
            said = {part: report[part] for part in PARTS}
            yield from unlike(f"found of {id}", report["found"], sum(said.values()))
            states = Counter(row.state for row in of.get(id, ()))
            yield from unlike(f"rows of {id}", said, {part: states[part] for part in PARTS})
            yield from unlike(
                f"files of {id} by the API",
                said,
                {part: counted.get(id, {}).get(part, 0) for part in PARTS},
            )

    told = f"{polls} reports while it burned, {len(reports)} at the end"
    return verdict("found = stored + unchanged + failed + pending", told, wrong())


def failures_heal(
    rows: Iterable[FileRow],
    failed: Iterable[tuple[str, str, str]],
    cancelled: Set[str],
    poisoned: Set[str],
) -> Verdict:
    """What failed in the fire, as (import, file, reason) in the log, failed for a reason that can
    be true, and was stored once it was retried without a fire."""
    told = list(failed)

    def wrong() -> Iterator[str]:
        for import_id, id, reason in told:
            if reason in NEVER_TRUE:
                yield f"file {id} of import {import_id} failed as {reason}"
        for row in rows:
            is_open = row.import_id not in cancelled and row.file_id not in poisoned
            if row.state == "failed" and is_open:
                yield f"file {row.file_id} of {row.import_id} is failed for ever: {row.reason}"

    reasons = Counter(reason for _, _, reason in told)
    said = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or "none"
    return verdict("what failed is stored by a retry", f"failures in the log: {said}", wrong())
