"""Which parts a replay has, and which files it selects. Pure; see decisions/0016.

What is selected follows from the log up to fixed ends and from nothing else, so a part that is done
twice selects the same files.
"""

from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from services.core import events as e
from services.core.outcomes import FileFacts
from services.core.topics import DEAD_LETTERS, FILES_FAILED, FILES_FOUND, FILES_STORED

DEEPEST = 3
"""A replay of a replay of a replay is the last: deeper ones would be a loop."""
IMPORT_CANCELLED = "import_cancelled"
FILES = {topic.name for topic in (FILES_FOUND, FILES_STORED, FILES_FAILED)}
SUCCEEDED = ("stored", "unchanged")
OUTCOMES = {
    e.ReplayScope.MISSING: ("none",),
    e.ReplayScope.FAILED: ("failed",),
    e.ReplayScope.ALL: (*SUCCEEDED, "failed", "none"),
    e.ReplayScope.VERIFY: SUCCEEDED,
}


def partitions(replay: e.ReplayRequested) -> list[int]:
    """The partitions of the topic that is replayed, as its ends name them: one part for each."""
    topic = DEAD_LETTERS if replay.select.dead_letters else FILES_FOUND
    return sorted({end.partition for end in replay.ends if end.topic == topic.name})


def parts(replay: e.ReplayRequested, epoch: int) -> list[e.LogPartRequested]:
    """All parts, or the first one if `most` bounds the files: then each part asks for the next,
    with what is left of the bound."""
    wanted = partitions(replay)
    return [part(replay, epoch, p) for p in (wanted if replay.most is None else wanted[:1])]


def next_parts(done: e.LogPartRequested, selected: int) -> list[e.LogPartRequested]:
    """The part after the one that is done, where parts follow one another."""
    replay = done.replay
    if replay is None or replay.most is None:
        return []
    left = replace(replay, most=max(0, replay.most - selected))
    following = [p for p in partitions(replay) if p > done.partition]
    return [part(left, done.epoch, p) for p in following[:1]]


def part(replay: e.ReplayRequested, epoch: int, partition: int) -> e.LogPartRequested:
    """One part; `epoch` is the replay's."""
    topics = {DEAD_LETTERS.name} if replay.select.dead_letters else FILES
    return e.LogPartRequested(
        import_id=replay.import_id,
        epoch=epoch,
        partition=partition,
        why="replay",
        round=replay.round,
        replay=replay,
        ends=tuple(
            end for end in replay.ends if end.partition == partition and end.topic in topics
        ),
    )


def again(
    found: e.FileFound, replay: e.ReplayRequested, epoch: int, replay_epoch: int
) -> e.FileFound:
    """The file as the replay publishes it; `epoch` is its import's newest."""
    modes = {e.ReplayScope.ALL: replay.transfer, e.ReplayScope.VERIFY: e.Mode.VERIFY}
    return replace(
        found,
        epoch=epoch,
        round=replay.round,
        mode=modes.get(replay.scope, e.Mode.CHECK),
        replay_id=replay.import_id,
        replay_epoch=replay_epoch,
    )


@dataclass(slots=True)
class Candidate:
    """What the log says of one file in one import, up to the replay's ends. Its outcome is the best
    one, whether or not a retry is under way, as in the plan.

    `done`: this replay has had an outcome of it already.
    """

    facts: FileFacts
    folder_id: str = ""
    found_at: datetime | None = None
    done: bool = False

    def take(self, event: e.FileFound | e.Outcome, offset: int) -> None:
        """Take an event that lies before the ends."""
        before = self.facts.found
        self.facts.take(event, offset)
        if isinstance(event, e.FileFound):
            self.folder_id = min(self.folder_id or event.folder_id, event.folder_id)
            if self.facts.found != before:
                self.found_at = event.found_at

    def place(self, replay: e.ReplayRequested) -> tuple[str, int]:
        """Topic and offset of what is published again: the outcome, if the replay is for one
        consumer, else the `FileFound`."""
        if replay.target is None or self.facts.outcome is None:
            assert self.facts.found is not None
            return FILES_FOUND.name, self.facts.found[2]
        topic = FILES_FAILED if self.facts.outcome.state == "failed" else FILES_STORED
        return topic.name, self.facts.outcome.offset

    def selected(self, replay: e.ReplayRequested) -> bool:
        """Whether it meets every part of the selection that only the whole log tells."""
        select, facts = replay.select, self.facts
        if facts.found is None:
            return False  # it could not be read, so there is nothing to publish again
        outcome = facts.state or "none"
        at = self.found_at if facts.outcome is None else facts.outcome.at
        reason = "" if facts.outcome is None else facts.outcome.reason
        return (
            outcome in OUTCOMES[replay.scope]
            and (not select.outcomes or outcome in select.outcomes)
            and (not select.reasons or reason in select.reasons)
            and (not select.folders or self.folder_id in select.folders)
            and (select.since is None or (at is not None and at >= select.since))
            and (select.until is None or (at is not None and at < select.until))
        )
