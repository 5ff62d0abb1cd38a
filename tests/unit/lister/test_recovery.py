"""What was passed over, lost or failed is published again: exactly that, in every history."""

from collections import Counter

import pytest
from msgspec.structs import replace

from services.core import events as e
from services.core import topics
from services.core.murmur2 import partition_of
from tests.fakes.pipeline import IMPORT, ROOT, Pipeline
from tests.fakes.samples import NOW

SEEDS = range(40)


def a_tree(pipeline: Pipeline) -> set[str]:
    """Some folders in each other, each of several pages; the ids of all files."""
    drive, files = pipeline.drive, set()
    drive.add_folder(ROOT)
    folders = [ROOT]
    for number in range(pipeline.rng.randrange(1, 6)):
        folders.append(f"folder-{number}")
        drive.add_folder(folders[-1], parent=pipeline.rng.choice(folders[:-1]))
    for folder in folders:
        for number in range(pipeline.rng.randrange(8)):
            files.add(f"{folder}.{number}")
            drive.add_file(folder, f"{folder}.{number}", b"bytes")
    return files


async def ended_with_failures(seed: int) -> tuple[Pipeline, tuple[str, ...]]:
    """An import that ended, and the files that failed and would not fail again."""
    pipeline = Pipeline(seed)
    files = sorted(a_tree(pipeline))
    pipeline.drive.add_file(ROOT, f"{ROOT}.last", b"bytes")
    pipeline.failing = {f"{ROOT}.last", *pipeline.rng.sample(files, len(files) // 3)}
    await pipeline.begin()
    await pipeline.steps()
    failed = tuple(sorted(pipeline.failing))
    pipeline.failing = set()
    return pipeline, failed


@pytest.mark.parametrize("seed", SEEDS)
async def test_an_import_paused_at_any_moment_ends_whole_after_it_is_resumed(seed: int) -> None:
    pipeline = Pipeline(seed)
    files = a_tree(pipeline)
    await pipeline.begin()
    for _ in range(pipeline.rng.randrange(1, 4)):
        await pipeline.steps(pipeline.rng.randrange(30))
        pipeline.publisher.lives = pipeline.rng.choice([None, *range(12)])
        await pipeline.control(e.ImportPaused)
        await pipeline.steps(pipeline.rng.randrange(60))
        done = dict(pipeline.fetched)
        await pipeline.steps()
        assert done == pipeline.fetched, "a paused import did something"
        await pipeline.control(e.ImportResumed)
    await pipeline.steps()
    assert set(pipeline.facts()) == files
    assert not any(facts.pending() for facts in pipeline.facts().values())
    assert not pipeline.open_folders
    assert set(pipeline.fetched) == files


WHILE_READING = [
    topics.IMPORTS_REQUESTED,
    topics.IMPORTS_LISTED,
    topics.IMPORTS_PAGES,
    topics.FILES_FOUND,
    topics.FILES_FAILED,
]


@pytest.mark.parametrize("topic", WHILE_READING, ids=[topic.name for topic in WHILE_READING])
async def test_a_page_that_a_lister_ends_while_another_one_recovers_loses_no_file(
    topic: topics.Topic,
) -> None:
    pipeline = Pipeline(1)
    files = a_tree(pipeline)
    await pipeline.begin()
    while not pipeline.log.of(topics.IMPORTS_PAGES.name):
        await pipeline.steps(1)
    [page] = pipeline.events(topics.IMPORTS_PAGES)
    await pipeline.control(e.ImportPaused)
    await pipeline.steps()
    pipeline.late[topic.name] = page
    await pipeline.control(e.ImportResumed)
    await pipeline.steps()
    assert not pipeline.late
    assert set(pipeline.fetched) == files
    assert not pipeline.open_folders


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_file_with_an_outcome_is_not_published_again(seed: int) -> None:
    pipeline = Pipeline(seed)
    a_tree(pipeline)
    await pipeline.begin()
    await pipeline.steps(pipeline.rng.randrange(60))
    await pipeline.control(e.ImportPaused)
    await pipeline.steps()
    before = {id for id, facts in pipeline.facts().items() if not facts.pending()}
    await pipeline.control(e.ImportResumed)
    await pipeline.steps()
    found = [x for x in pipeline.events(topics.FILES_FOUND) if isinstance(x, e.FileFound)]
    assert not {x.file_id for x in found if x.epoch == 2} & before
    # Passes that confirm a listing find nothing new, so each file is fetched once.
    assert set(pipeline.fetched.values()) <= {1}


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_resume_that_dies_half_way_ends_whole_and_publishes_a_file_twice_at_most(
    seed: int,
) -> None:
    pipeline = Pipeline(seed)
    files = a_tree(pipeline)
    await pipeline.begin()
    await pipeline.steps(pipeline.rng.randrange(20, 60))
    await pipeline.control(e.ImportPaused)
    await pipeline.steps()
    await pipeline.control(e.ImportResumed)
    pipeline.publisher.lives = pipeline.rng.randrange(12)
    await pipeline.steps()
    assert {id for id, facts in pipeline.facts().items() if facts.state} == files
    assert not pipeline.open_folders
    found = [x for x in pipeline.events(topics.FILES_FOUND) if isinstance(x, e.FileFound)]
    again = Counter(x.file_id for x in found if x.epoch == 2)
    assert max(again.values(), default=0) <= 2


@pytest.mark.parametrize("seed", SEEDS)
async def test_lost_messages_are_healed(seed: int) -> None:
    """Records vanish before they were read, as after an operator's deletion."""
    pipeline = Pipeline(seed)
    files = a_tree(pipeline)
    await pipeline.begin()
    await pipeline.steps(pipeline.rng.randrange(1, 30))
    pipeline.skip(topics.IMPORTS_PAGES, topics.FILES_FOUND)
    await pipeline.steps()
    await pipeline.control(e.ImportStalled)
    await pipeline.steps()
    assert set(pipeline.fetched) == files
    assert not pipeline.open_folders


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_retry_tries_exactly_what_it_names(seed: int) -> None:
    pipeline = Pipeline(seed)
    files = a_tree(pipeline)
    pipeline.failing = {id for id in sorted(files) if pipeline.rng.random() < 0.3}
    await pipeline.begin()
    await pipeline.steps()
    failed = sorted(pipeline.failing)
    facts = pipeline.facts()
    assert [id for id in sorted(facts) if facts[id].state == "failed"] == failed
    named = pipeline.rng.sample(failed, pipeline.rng.randrange(len(failed) + 1))
    before = dict(pipeline.fetched)
    pipeline.failing = set()
    retry = e.RetryRequested(import_id=IMPORT, round=1, at=NOW, files=tuple(named))
    await pipeline.publish(retry)
    await pipeline.steps()
    assert {id: pipeline.fetched[id] - before.get(id, 0) for id in files if id not in before} == {
        id: int(id in named) for id in failed
    }
    assert all(pipeline.fetched[id] == count for id, count in before.items())


@pytest.mark.parametrize("seed", range(10))
async def test_a_retry_whose_api_did_not_know_the_newest_control_is_carried_out(seed: int) -> None:
    pipeline, failed = await ended_with_failures(seed)
    await pipeline.control(e.ImportPaused)
    await pipeline.control(e.ImportResumed)
    await pipeline.steps()
    retry = e.RetryRequested(import_id=IMPORT, epoch=0, round=1, at=NOW, files=failed)
    await pipeline.publish(retry)
    await pipeline.steps()
    assert {pipeline.fetched[id] for id in failed} == {1}


@pytest.mark.parametrize("seed", range(20))
async def test_a_retry_of_a_paused_import_waits_for_the_resume_and_outlives_a_death(
    seed: int,
) -> None:
    pipeline, failed = await ended_with_failures(seed)
    before = dict(pipeline.fetched)
    await pipeline.control(e.ImportPaused)
    await pipeline.publish(
        e.RetryRequested(import_id=IMPORT, epoch=1, round=1, at=NOW, files=failed)
    )
    await pipeline.steps()
    assert before == pipeline.fetched
    await pipeline.control(e.ImportResumed)
    pipeline.publisher.lives = pipeline.rng.randrange(12)
    await pipeline.steps()
    assert not any(facts.pending(1) for facts in pipeline.facts().values() if facts.tried < 1)
    assert set(failed) <= set(pipeline.fetched)
    assert all(pipeline.fetched[id] == count for id, count in before.items())


@pytest.mark.parametrize("seed", range(10))
async def test_a_retry_whose_last_part_was_never_published_is_healed(seed: int) -> None:
    pipeline, failed = await ended_with_failures(seed)
    before = dict(pipeline.fetched)
    named = failed[: len(failed) // 2 + 1]
    part = e.RetryRequested(import_id=IMPORT, round=1, at=NOW, files=named, last=False)
    await pipeline.publish(part)
    await pipeline.steps()
    assert before == pipeline.fetched
    await pipeline.control(e.ImportStalled)
    await pipeline.steps()
    assert pipeline.fetched == {**before, **dict.fromkeys(named, 1)}


@pytest.mark.parametrize("seed", range(10))
async def test_a_retried_file_that_fails_again_where_only_its_folder_is_left_is_answered(
    seed: int,
) -> None:
    pipeline, failed = await ended_with_failures(seed)
    pipeline.failing = set(failed)
    await pipeline.publish(e.RetryRequested(import_id=IMPORT, round=1, at=NOW, files=failed))
    pipeline.delete(topics.FILES_FOUND)
    await pipeline.steps()
    folders = tuple(sorted({id.split(".")[0] for id in failed}))
    await pipeline.control(e.ImportStalled, folders=folders)
    await pipeline.steps()
    assert [id for id, facts in pipeline.facts().items() if facts.pending(1)] == []


async def test_a_root_that_is_retried_long_after_it_failed_is_listed_once() -> None:
    pipeline = Pipeline(seed=1)
    await pipeline.begin()
    await pipeline.steps()
    pipeline.delete(topics.IMPORTS_PAGES)
    pipeline.drive.add_folder(ROOT)
    pipeline.drive.add_file(ROOT, "file", b"bytes")
    await pipeline.publish(e.RetryRequested(import_id=IMPORT, round=1, at=NOW, folders=(ROOT,)))
    await pipeline.steps()
    pages = pipeline.events(topics.IMPORTS_PAGES)
    assert [x.round for x in pages if isinstance(x, e.PageRequested)] == [0, 1]
    assert pipeline.fetched == {"file": 1}


@pytest.mark.parametrize("seed", range(10))
async def test_a_failed_folder_is_listed_again_with_all_below_it(seed: int) -> None:
    pipeline = Pipeline(seed)
    files = a_tree(pipeline)
    broken = pipeline.rng.choice([id for id in pipeline.drive.folders])
    hidden = pipeline.drive.folders.pop(broken)
    await pipeline.begin()
    await pipeline.steps()
    pipeline.drive.folders[broken] = hidden
    retry = e.RetryRequested(import_id=IMPORT, round=1, at=NOW, folders=(broken,))
    await pipeline.publish(retry)
    await pipeline.steps()
    assert set(pipeline.fetched) == files


async def failed_file(pipeline: Pipeline) -> e.FileFound:
    """The import ends, and of its three files one failed, which nothing is wrong with any more."""
    pipeline.drive.add_folder(ROOT)
    for name in ("a", "b", "c"):
        pipeline.drive.add_file(ROOT, name, b"bytes")
    pipeline.failing = {"b"}
    await pipeline.begin()
    await pipeline.steps()
    pipeline.failing = set()
    found = [x for x in pipeline.events(topics.FILES_FOUND) if isinstance(x, e.FileFound)]
    return next(event for event in found if event.file_id == "b")


async def test_a_retry_reads_only_the_partitions_of_the_files_that_it_names() -> None:
    pipeline = Pipeline(1)
    await failed_file(pipeline)
    await pipeline.publish(e.RetryRequested(import_id=IMPORT, round=1, at=NOW, files=("b",)))
    await pipeline.steps()
    pages = pipeline.events(topics.IMPORTS_PAGES)
    [part] = [event for event in pages if isinstance(event, e.LogPartRequested)]
    assert part.partition == partition_of(b"b", topics.FILES_FOUND.partitions)
    assert pipeline.fetched["b"] == 1


async def test_what_is_asked_of_an_import_that_nobody_requested_is_passed() -> None:
    pipeline = Pipeline(1)
    await pipeline.publish(e.ImportStalled(import_id="never-was", epoch=1, at=NOW))
    await pipeline.steps()
    assert not pipeline.log.of(topics.IMPORTS_PAGES.name)


@pytest.mark.parametrize("control", [e.ImportPaused, e.ImportCancelled])
async def test_a_retry_does_not_wait_for_a_replay_of_the_same_file(
    control: type[e.Control],
) -> None:
    pipeline = Pipeline(1)
    found = await failed_file(pipeline)
    by_replay = replace(found, replay_id="replay-1", round=1, mode=e.Mode.VERIFY)
    await pipeline.control(control, "replay-1")
    await pipeline.publish(by_replay)
    await pipeline.steps()
    await pipeline.publish(e.RetryRequested(import_id=IMPORT, round=2, at=NOW, files=("b",)))
    await pipeline.steps()
    assert not pipeline.facts()["b"].pending(2)
    assert pipeline.fetched["b"] == 1


async def test_a_resumed_import_does_not_wait_for_a_replay_of_its_files() -> None:
    pipeline = Pipeline(1)
    files = a_tree(pipeline)
    await pipeline.begin()
    while pipeline.open_folders:
        await pipeline.steps(1)
        pipeline.skip(topics.FILES_FOUND)
    found = [x for x in pipeline.events(topics.FILES_FOUND) if isinstance(x, e.FileFound)]
    await pipeline.control(e.ImportCancelled, "replay-1")
    await pipeline.publish(*(replace(file, replay_id="replay-1", round=1) for file in found))
    await pipeline.steps()
    assert not pipeline.fetched
    await pipeline.control(e.ImportStalled)
    await pipeline.steps()
    assert set(pipeline.fetched) == files


async def test_a_retry_of_which_the_last_part_is_lost_is_healed() -> None:
    """The api died between two parts. What the first one named counts as pending."""
    pipeline = Pipeline(1)
    await failed_file(pipeline)
    part = e.RetryRequested(import_id=IMPORT, round=1, at=NOW, files=("b",), last=False)
    await pipeline.publish(part)
    await pipeline.steps()
    assert pipeline.facts()["b"].pending(1)
    await pipeline.control(e.ImportStalled)
    await pipeline.steps()
    assert not pipeline.facts()["b"].pending(1)
    assert pipeline.fetched == {"a": 1, "b": 1, "c": 1}


async def test_a_retried_file_that_the_log_holds_no_longer_is_found_by_listing_its_folder() -> None:
    """At the round of the retry, so that it is done also if it fails again."""
    pipeline = Pipeline(1)
    found = await failed_file(pipeline)
    pipeline.failing = {"b"}
    place = topics.FILES_FOUND.name, partition_of(b"b", topics.FILES_FOUND.partitions)
    pipeline.log.begins[place] = len(pipeline.log.records[place])
    await pipeline.publish(e.RetryRequested(import_id=IMPORT, round=1, at=NOW, files=("b",)))
    await pipeline.steps()
    assert pipeline.facts()["b"].pending(1)
    again = e.ImportStalled(import_id=IMPORT, epoch=1, at=NOW, folders=(found.folder_id,))
    await pipeline.publish(again)
    await pipeline.steps()
    assert not pipeline.facts()["b"].pending(1)
    assert pipeline.fetched == {"a": 1, "c": 1}
