"""The twelve properties, and what else must hold: from all that was found to what is wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core.wire import UndecodableError, UnknownEventError, decode, event_id
from tests.fire.checks import (
    at_rest,
    commits,
    facts,
    imports,
    objects,
    poison,
    processes,
    windows,
)
from tests.fire.checks.at_rest import Rest
from tests.fire.checks.objects import Object
from tests.fire.checks.poison import Poison
from tests.fire.checks.verdict import Verdict
from tests.fire.evidence import Tables
from tests.fire.history import Entry, History
from tests.fire.load import Trees
from tests.fire.sampling import Samples

IN_HAND = 50
"""Files of three transfers of eight at once, and what they or a lister did since their last commit,
which is up to a second ago."""
STRIKES = ("kill", "stop", "freeze", "add", "kafka", "emulator")
Dump = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """`replayed` are the MD5s of all objects before the last replays. `again` are the imports of
    each tree after the fire. `rebuild` and `verify` are exit code and last words."""

    history: History
    trees: Trees
    records: Sequence[Raw]
    tables: Tables
    bucket: Mapping[str, Object]
    replayed: Mapping[str, str]
    reports: Mapping[str, Mapping[str, Any]]
    replays: Mapping[str, Mapping[str, Any]]
    counted: Mapping[str, Mapping[str, int]]
    samples: Samples
    rest: Rest
    again: Sequence[str]
    fetched: Set[str]
    uploads: Sequence[str]
    verify: tuple[int, str]
    rebuild: tuple[int, str]
    dumps: tuple[Dump, Dump]
    schema: Mapping[str, object]

    def sizes(self) -> Mapping[str, int]:
        """How much of everything was looked at."""
        return {
            "imports": len(self.reports),
            "files": len(self.tables.files),
            "objects": len(self.bucket),
            "records": len(self.records),
        }


def check(found: Evidence) -> Sequence[Verdict]:
    """Each property, in the order in which they matter to users."""
    return [*_of_files(found), *_of_log(found), *_of_processes(found), *_at_rest(found)]


def _of_files(found: Evidence) -> Sequence[Verdict]:
    rows, history = found.tables.files, found.history
    accepted = [
        imports.Accepted(import_id=it["import_id"], files=found.trees.now[it["tree"]].keys())
        for it in history.of("import")
    ]
    poisoned = {it["file_id"] for it in history.of("poison") if it["import_id"]}
    cancelled = {id for id, state in found.tables.states.items() if state == "cancelled"}
    now = {id: md5 for tree in found.trees.now.values() for id, md5 in tree.items()}
    failed = [
        (event.import_id, event.file_id, event.reason)
        for _, event in _events(found.records)
        if isinstance(event, e.FileFailed) and event.file_id not in poisoned
    ]
    return [
        imports.lost(accepted, found.tables.states, rows, poisoned),
        imports.closed_equation(
            found.counted, rows, found.reports, found.samples.equations, found.samples.broken
        ),
        objects.right_bytes(found.bucket, rows, found.tables.images, found.trees.ever, now),
        objects.once(found.bucket, rows, found.tables.images, found.trees.ever, now.keys()),
        imports.failures_heal(rows, failed, cancelled, poisoned),
    ]


def _of_log(found: Evidence) -> Sequence[Verdict]:
    thrown = [poison_of(it) for it in found.history.of("poison")]
    places = {each.place for each in thrown}
    letters = [raw for raw in found.records if raw.topic == "dead.letters"]
    states = {(row.import_id, row.file_id): row.state for row in found.tables.files}
    stored = [
        (event_id(event), event.file.file_id)
        for _, event in _events(found.records)
        if isinstance(event, e.FileStored)
    ]
    events = [raw for raw in found.records if raw.topic != "dead.letters"]
    return [
        commits.in_order(found.samples.commits, messages(found.records), finished(found.records)),
        commits.never_back(found.samples.commits),
        facts.repeats(stored, _blows(found.history.of("fault")), IN_HAND),
        poison.set_aside(thrown, letters, states),
        facts.contract(events, places, found.schema),
        windows.counted(_events(found.records)),
    ]


def _of_processes(found: Evidence) -> Sequence[Verdict]:
    history = found.history
    unanswered = history.of("unanswered")
    deaths = sum(1 for it in history.of("fault") if str(it["target"]).startswith("transfer"))
    lost = sum(1 for it in history.of("fault") if "store" in str(it["target"]))
    return [
        processes.bounded_memory(found.samples.memory),
        processes.stays(history.of("exit"), unanswered, history.of("not_ended")),
        processes.stops_in_time(history.of("stopped")),
        objects.no_uploads(found.uploads, deaths + lost),
    ]


def _at_rest(found: Evidence) -> Sequence[Verdict]:
    asked = [
        it["id"] for it in found.history.of("asked") if it["word"] == "replay" and it.get("id")
    ]
    after = {key: each.md5 for key, each in found.bucket.items()}
    closing = [row for row in found.tables.files if row.import_id in {*found.again}]
    stored, unchanged = (
        {row.file_id for row in closing if row.state == state} for state in ("stored", "unchanged")
    )
    return [
        at_rest.replays(asked, found.replays, found.replayed, after),
        at_rest.nothing_behind(found.rest),
        at_rest.fetched_once(found.fetched, stored, unchanged),
        at_rest.verified(*found.verify),
        at_rest.rebuilt(*found.rebuild, *found.dumps),
    ]


def poison_of(entry: Entry) -> Poison:
    return Poison(
        place=(entry["topic"], entry["partition"], entry["offset"]),
        value=bytes.fromhex(entry["value"]),
        import_id=entry["import_id"],
        file_id=entry["file_id"],
    )


def messages(records: Sequence[Raw]) -> Sequence[commits.Message]:
    """All of `files.found`."""
    found = []
    for raw in (raw for raw in records if raw.topic == "files.found"):
        work, owners = None, {}
        try:
            event = decode(raw.topic, raw.value)
        except (UndecodableError, UnknownEventError):
            event = None
        if isinstance(event, e.FileFound):
            work = event.import_id, event.file_id, event.round
            owners = {event.import_id: event.epoch}
            if event.replay_id:
                owners[event.replay_id] = event.replay_epoch
        found.append(
            commits.Message(partition=raw.partition, offset=raw.offset, work=work, owners=owners)
        )
    return found


def finished(records: Sequence[Raw]) -> commits.Finished:
    """What the log says of when something was done."""
    outcomes: dict[commits.Work, int] = {}
    controls: dict[str, list[tuple[int, int]]] = {}
    for raw, event in _events(records):
        match event:
            case e.FileStored():
                work = event.import_id, event.file.file_id, event.file.round
            case e.FileFailed():
                round = event.file.round if event.file else event.round
                work = event.import_id, event.file_id, round
            case e.ImportPaused() | e.ImportResumed() | e.ImportCancelled() | e.ImportStalled():
                controls.setdefault(event.import_id, []).append((event.epoch, raw.at_ms))
                continue
            case _:
                continue
        outcomes[work] = min(raw.at_ms, outcomes.get(work, raw.at_ms))
    letters: dict[tuple[int, int], int] = {}
    for raw in (raw for raw in records if raw.topic == "dead.letters"):
        if raw.headers.get("dlq_original_topic") == b"files.found":
            place = (
                int(raw.headers["dlq_original_partition"]),
                int(raw.headers["dlq_original_offset"]),
            )
            letters[place] = min(raw.at_ms, letters.get(place, raw.at_ms))
    return commits.Finished(outcomes=outcomes, letters=letters, controls=controls)


def _events(records: Sequence[Raw]) -> Sequence[tuple[Raw, e.Message]]:
    found = []
    for raw in records:
        try:
            found.append((raw, decode(raw.topic, raw.value)))
        except (UndecodableError, UnknownEventError):
            continue
    return found


def _blows(faults: Sequence[Entry]) -> int:
    """How often somebody was struck who may have had work in hand."""
    kinds = Counter(entry["kind"] for entry in faults)
    return sum(kinds[kind] for kind in STRIKES)
