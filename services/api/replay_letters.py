"""Counts the dead letters that a replay would publish again."""

from collections import Counter
from collections.abc import Sequence

from services.adapters.catalog.views.replays import Sample, SelectionCounts
from services.adapters.kafka.dead_letters import is_selected
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import Raw
from services.core.events import LogEnd, Selection

SAMPLES = 10
MOST_IMPORTS = 1_000


async def count_letters(
    log_reader: RangeReader, ends: Sequence[LogEnd], select: Selection
) -> SelectionCounts:
    """By the topics that they are of, in `by_outcome`. Raises `KafkaUnavailableError`."""
    topics, reasons, imports = Counter[str](), Counter[str](), Counter[str]()
    samples: list[Sample] = []
    size = 0
    async for records in log_reader.records(ends):
        for letter in records:
            if not is_selected(letter, select):
                continue
            size += len(letter.value or b"")
            topics[_told(letter, "dlq_original_topic")] += 1
            reasons[_told(letter, "dlq_error_code")] += 1
            if import_id := _told(letter, "ce_importid"):
                imports[import_id] += 1
            if len(samples) < SAMPLES:
                samples.append(_sample(letter))
    return SelectionCounts(
        files=topics.total(),
        bytes=size,
        by_outcome=dict(sorted(topics.items())),
        by_reason=dict(sorted(reasons.items())),
        by_import=dict(imports.most_common(MOST_IMPORTS)),
        imports=len(imports),
        samples=samples,
        unknown_reasons=sorted({*select.reasons} - {*reasons}),
    )


def _sample(letter: Raw) -> Sample:
    """Named by where it lay."""
    parts = ("dlq_original_topic", "dlq_original_partition", "dlq_original_offset")
    return Sample(
        google_drive_id=(letter.key or b"").decode(errors="replace")[:256],
        name="/".join(_told(letter, part) for part in parts),
        import_id=_told(letter, "ce_importid"),
        outcome="none",
        reason=_told(letter, "dlq_error_code"),
    )


def _told(letter: Raw, header: str) -> str:
    return letter.headers.get(header, b"").decode(errors="replace")[:256]
