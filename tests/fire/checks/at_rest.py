"""What must be so once all is quiet: replays, lag, `verify`, and an index that can be rebuilt."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from tests.fire.checks.verdict import Verdict, unlike, verdict

PARTS = ("stored", "unchanged", "failed", "pending")
REPLAYS_ENDED = ("completed", "failed", "cancelled")


def replays(
    asked: Sequence[str],
    reports: Mapping[str, Mapping[str, Any]],
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> Verdict:
    """Each replay that was accepted has ended, its equation is closed, and the two of everything
    at the end changed no object. `before` and `after` are MD5s by key."""

    def wrong() -> Iterator[str]:
        for id in asked:
            report = reports.get(id)
            if report is None:
                yield f"replay {id} was accepted, and is not known"
                continue
            if report["state"] not in REPLAYS_ENDED:
                yield f"replay {id} has not ended: {report['state']}"
            said = sum(report[part] for part in PARTS)
            yield from unlike(f"selected of {id}", report["selected"], said)
        for key in sorted(before.keys() | after.keys()):
            yield from unlike(f"object {key}", before.get(key), after.get(key))

    return verdict("replays are safe", f"{len(asked)} replays, {len(after)} objects", wrong())


@dataclass(frozen=True, kw_only=True)
class Rest:
    """`behind` are messages by reader and partition, as counted from Kafka and the database;
    `told` the same by the API, and `unknown` what it says that it does not know. `in_flight` is
    what each worker says that it has in hand."""

    behind: Mapping[str, int]
    told: Mapping[str, int]
    unknown: Sequence[str] = ()
    in_flight: Mapping[str, float] = field(default_factory=dict)
    letters: int = 0
    letters_told: int | None = 0


def nothing_behind(rest: Rest) -> Verdict:
    def wrong() -> Iterator[str]:
        yield from (f"{who} is {left} behind" for who, left in rest.behind.items() if left)
        yield from (f"the API says {who}: {left}" for who, left in rest.told.items() if left)
        yield from (f"the API does not know: {it}" for it in rest.unknown)
        yield from (f"{who} has {n} in hand" for who, n in rest.in_flight.items() if n)
        yield from unlike("dead letters", rest.letters, rest.letters_told)
        if not rest.told:
            yield "the API names no reader"

    told = f"{len(rest.behind)} partitions by own count, {len(rest.told)} by the API"
    return verdict("lag and metrics are true", told, wrong())


def verified(code: int, said: str) -> Verdict:
    """`drivestream verify --deep` finds the same as we."""
    wrong = [] if code == 0 else [f"exit code {code}: {said[-1500:]}"]
    last = said.strip().rpartition("\n")[2]
    return verdict("verify --deep is clean", last[:200], wrong)


def rebuilt(
    code: int,
    said: str,
    before: Mapping[str, Sequence[str]],
    after: Mapping[str, Sequence[str]],
) -> Verdict:
    """All tables, filled again from the topics, have the rows that they had."""

    def wrong() -> Iterator[str]:
        if code != 0:
            yield f"the rebuild ended with {code}: {said[-1500:]}"
        for table in sorted(before.keys() | after.keys()):
            live, new = set(before.get(table, ())), set(after.get(table, ()))
            yield from (f"{table} lacks {row}" for row in sorted(live - new))
            yield from (f"{table} has besides {row}" for row in sorted(new - live))
            yield from unlike(f"rows of {table}", len(before.get(table, ())), len(after[table]))

    rows = sum(map(len, after.values()))
    return verdict(
        "a rebuilt index is the live one", f"{rows} rows in {len(after)} tables", wrong()
    )


def fetched_once(fetched: Set[str], stored: Set[str], unchanged: Set[str]) -> Verdict:
    """Without a fire, Drive is asked for the bytes of what is stored then, and of nothing else."""

    def wrong() -> Iterator[str]:
        yield from (
            f"{id} is stored, and Drive did not serve it" for id in sorted(stored - fetched)
        )
        yield from (f"{id} is unchanged, and was fetched" for id in sorted(unchanged & fetched))

    told = f"{len(fetched)} files fetched for {len(stored)} stored, {len(unchanged)} unchanged"
    return verdict("Drive served what the report says", told, wrong())
