"""The monitor's windows, counted once more from the whole log."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from services.adapters.kafka.reader import Raw
from services.core import events as e
from tests.fire.checks.verdict import Verdict, unlike, verdict

SIZES = (10, 60)
Key = tuple[str | None, int, int]
"""Import or None for all, seconds, start in seconds since the epoch."""
Counts = Mapping[str, int]


def counted(records: Sequence[tuple[Raw, e.Message]]) -> Verdict:
    """What was published last of each window is what lies in the log, all imports together and
    each of them. Windows that were still open when the log was read are left out."""
    published = {_key(event): event for _, event in records if isinstance(event, e.WindowCounted)}
    truth = _truth(records)
    whole = {key[1:] for key, window in published.items() if key[0] is None and _is_whole(window)}
    last = max((start + seconds for seconds, start in whole), default=0)

    def wrong() -> Iterator[str]:
        for key in sorted(truth.keys() | published.keys(), key=str):
            import_id, seconds, start = key
            if (seconds, start) in whole:
                found = _counts(published[key]) if key in published else {}
                yield from unlike(f"window {key}", dict(truth.get(key, {})), found)
            elif import_id is None and start + seconds <= last:
                yield f"window {key} never became whole"

    told = f"{len(whole)} windows of all imports, {len(published)} in all"
    return verdict("the monitor counts what is in the log", told, wrong())


def _key(window: e.WindowCounted) -> Key:
    return window.import_id, window.seconds, int(window.start.timestamp())


def _is_whole(window: e.WindowCounted) -> bool:
    return window.as_of >= window.start + timedelta(seconds=window.seconds)


def _truth(records: Sequence[tuple[Raw, e.Message]]) -> Mapping[Key, Counts]:
    truth: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for raw, event in records:
        if not isinstance(event, e.FileFound | e.FileStored | e.FileFailed):
            continue
        for seconds in SIZES:
            start = raw.at_ms // 1000 // seconds * seconds
            for import_id in (None, event.import_id):
                truth[import_id, seconds, start].update(_adds(event))
    return truth


def _adds(event: e.FileFound | e.FileStored | e.FileFailed) -> Counts:
    match event:
        case e.FileFound():
            return {"found": 1}
        case e.FileStored(unchanged=True):
            return {"unchanged": 1}
        case e.FileStored():
            return {"stored": 1, "bytes": event.size}
        case e.FileFailed():
            return {"failed": 1, event.reason: 1}


def _counts(window: e.WindowCounted) -> Counts:
    names = "found", "stored", "unchanged", "failed", "bytes"
    counts = {name: getattr(window, name) for name in names} | dict(window.failures)
    return {name: count for name, count in counts.items() if count}
