"""What nobody can read is in `dead.letters`, whole, with where it came from and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.adapters.kafka.reader import Raw
from tests.fire.checks.facts import Place
from tests.fire.checks.verdict import Verdict, unlike, verdict

HEADERS = (
    *("dlq_original_topic", "dlq_original_partition", "dlq_original_offset"),
    *("dlq_original_timestamp", "dlq_original_group", "dlq_original_bytes"),
    *("dlq_error_code", "dlq_error_message", "kafka_dlt-original-topic"),
)


@dataclass(frozen=True, kw_only=True)
class Poison:
    """A record that was written. `import_id` is its owner, where its headers name one."""

    place: Place
    value: bytes
    import_id: str = ""
    file_id: str = ""


def set_aside(
    poison: Sequence[Poison], letters: Iterable[Raw], failed: Mapping[tuple[str, str], str]
) -> Verdict:
    """`failed` are the states of files by import and file. Where several services read a topic,
    each of them may write a letter."""
    of: dict[Place, list[Raw]] = {}
    for letter in letters:
        of.setdefault(_origin(letter), []).append(letter)

    def wrong() -> Iterator[str]:
        for each in poison:
            mine = of.pop(each.place, [])
            if not mine:
                yield f"{each.place} is no dead letter"
            for letter in mine:
                yield from _faults(letter, each)
            if each.import_id:
                state = failed.get((each.import_id, each.file_id), "not there")
                yield from unlike(f"{each.file_id} of {each.import_id}", "failed", state)
        for place in of:
            yield f"{place} was set aside, and nobody had poisoned it"

    owned = sum(1 for each in poison if each.import_id)
    told = f"{len(poison)} poisoned records, {owned} of them with an owner"
    return verdict("poison is set aside, and blocks nothing", told, wrong())


def _origin(letter: Raw) -> Place:
    told = {name: letter.headers.get(name, b"").decode(errors="replace") for name in HEADERS[:3]}
    topic, partition, offset = told.values()
    return topic, int(partition or -1), int(offset or -1)


def _faults(letter: Raw, poison: Poison) -> Iterator[str]:
    where = f"the dead letter {letter.offset} of {poison.place}"
    for name in HEADERS:
        if not letter.headers.get(name):
            yield f"{where} has no {name}"
    yield from unlike(f"the value of {where}", poison.value, letter.value or b"")
