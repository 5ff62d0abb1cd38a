"""No commit is past unfinished work, and none goes back. From samples of what was committed."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.fire.checks.verdict import Verdict, verdict
from tests.fire.sampling import TRANSFER, Commit

Work = tuple[str, str, int]
"""Import, file, round."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A record in `files.found`. `owners` are the import and the replay that it belongs to, each
    with the epoch under which it was published; none for what nobody can read."""

    partition: int
    offset: int
    work: Work | None
    owners: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """When what is done with a message was written into the log, in milliseconds since the epoch:
    outcomes, dead letters by partition and offset, and controls with their epochs."""

    outcomes: Mapping[Work, int]
    letters: Mapping[tuple[int, int], int]
    controls: Mapping[str, Sequence[tuple[int, int]]]

    def at(self, message: Message) -> int | None:
        """The first time at which a commit past this message was right; None if there is none."""
        if message.work is None:
            return self.letters.get((message.partition, message.offset))
        passed_over = [
            at
            for owner, epoch in message.owners.items()
            for later, at in self.controls.get(owner, ())
            if later > epoch
        ]
        outcome = self.outcomes.get(message.work)
        return min([*passed_over, *([] if outcome is None else [outcome])], default=None)


def in_order(commits: Sequence[Commit], messages: Iterable[Message], finished: Finished) -> Verdict:
    """Each message below a committed offset was finished by then, or a control of its import had
    made it void."""
    first = _first_seen(commits)
    checked = 0

    def wrong() -> Iterator[str]:
        nonlocal checked
        for message in messages:
            offsets, times = first.get(message.partition, ([], []))
            # The first commit that is past it: the lowest offset above its own.
            place = bisect_left(offsets, message.offset + 1)
            if place == len(offsets):
                continue
            checked += 1
            done, passed = finished.at(message), times[place]
            where = f"files.found/{message.partition}/{message.offset} ({message.work})"
            if done is None:
                yield f"{where} was committed at {passed} and has no outcome"
            elif done > passed:
                yield f"{where} was committed at {passed}, {done - passed} ms before its outcome"

    faults = list(wrong())
    told = f"{checked} messages below {len(commits)} samples of commits"
    return verdict("no commit is past unfinished work", told, faults)


def never_back(commits: Sequence[Commit]) -> Verdict:
    """Who lost a partition commits nothing there any more."""

    def wrong() -> Iterator[str]:
        newest: dict[tuple[str, int], Commit] = {}
        for commit in commits:
            place = commit.group, commit.partition
            before = newest.get(place)
            if before is not None and commit.offset < before.offset:
                yield (
                    f"{place} went from {before.offset} (at {before.at}) back to {commit.offset} "
                    f"(at {commit.at})"
                )
            newest[place] = commit

    return verdict("no zombie commits", f"{len(commits)} samples of commits", wrong())


def _first_seen(commits: Iterable[Commit]) -> Mapping[int, tuple[list[int], list[int]]]:
    """By partition each offset that the transfers committed, ascending, and when it was seen
    first."""
    found: dict[int, tuple[list[int], list[int]]] = {}
    for commit in commits:
        if commit.group != TRANSFER:
            continue
        offsets, times = found.setdefault(commit.partition, ([], []))
        if not offsets or commit.offset > offsets[-1]:
            offsets.append(commit.offset)
            times.append(commit.at)
    return found
