"""A prune deletes what was planned, and nothing that anybody could need."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from services.adapters.catalog.pointers import Running
from services.core.errors import Stop, TryAgain
from services.verifying.prune_plan import BadPlanError, PrunePlan, plan_id_of, plan_of
from services.verifying.pruning import Pruning
from tests.fakes.pointers import LONG_AGO, NOW, FakeBucket, FakePointers, Thing
from tests.unit.verifying.test_verification import a_row, no_sleep

BEFORE = NOW - timedelta(hours=24)
ENDS = {("files.stored", 0): 7}
OURS = "i-1"


@pytest.fixture
def bucket() -> FakeBucket:
    bucket = FakeBucket()
    bucket.put("kept", stored_by=OURS)
    bucket.put("orphan-1", b"12345", stored_by=OURS)
    bucket.put("orphan-2", stored_by=OURS)
    bucket.put("new", stored_by=OURS, modified=NOW - timedelta(hours=23))
    bucket.put("of-somebody-else")
    bucket.put("of-another-database", stored_by="i-of-theirs")
    bucket.put("thumbnails.v1/320/kept")
    bucket.put("thumbnails.v1/320/orphan-1")
    return bucket


@pytest.fixture
def catalog() -> FakePointers:
    return FakePointers([a_row("kept")], ids={OURS}, read={**ENDS})


def pruning(bucket: FakeBucket, catalog: FakePointers) -> Pruning:
    return Pruning(bucket, catalog, lambda: ENDS, lambda _: None, sleep=no_sleep)


def planned(bucket: FakeBucket, catalog: FakePointers, *, others: bool = False) -> PrunePlan:
    return pruning(bucket, catalog).plan(BEFORE, others=others)[0]


ORPHANS = ["orphan-1", "orphan-2", "thumbnails.v1/320/orphan-1"]


def test_a_plan_counts_what_no_row_points_to_and_deletes_nothing(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    prune = pruning(bucket, catalog)
    plan, examples = prune.plan(BEFORE, others=False)
    assert (plan.objects, plan.bytes, examples) == (3, 11, ORPHANS)
    assert (prune.progress.others, prune.progress.new) == (2, 1)
    assert bucket.deleted == []
    assert plan_of(plan_id_of(plan)) == plan
    assert planned(bucket, catalog) == plan


def test_what_was_planned_is_deleted_and_nothing_else(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    before = {*bucket.things}
    plan = plan_of(plan_id_of(planned(bucket, catalog)))
    progress = pruning(bucket, catalog).execute(plan)
    assert before - {*bucket.things} == {*ORPHANS}
    assert (progress.deleted, progress.deleted_bytes, progress.kept) == (3, 11, 0)
    assert planned(bucket, catalog).objects == 0


def test_objects_of_others_are_deleted_only_if_asked_for(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    plan = planned(bucket, catalog, others=True)
    assert plan.objects == 5
    pruning(bucket, catalog).execute(plan)
    assert {*bucket.things} == {"kept", "new", "thumbnails.v1/320/kept"}


def test_with_an_empty_database_nothing_is_ours(bucket: FakeBucket) -> None:
    """Such as that of another installation, or one that is not rebuilt yet."""
    plan, examples = pruning(bucket, FakePointers(read={**ENDS})).plan(BEFORE, others=False)
    assert examples == ["thumbnails.v1/320/kept", "thumbnails.v1/320/orphan-1"]
    assert plan.objects == 2


def more(bucket: FakeBucket, catalog: FakePointers) -> None:
    bucket.put("orphan-3", stored_by=OURS)


def fewer(bucket: FakeBucket, catalog: FakePointers) -> None:
    del bucket.things["orphan-1"]


def others(bucket: FakeBucket, catalog: FakePointers) -> None:
    bucket.things["orphan-4"] = bucket.things.pop("orphan-2")


def needed(bucket: FakeBucket, catalog: FakePointers) -> None:
    catalog.rows.append(a_row("orphan-1"))


@pytest.mark.parametrize("change", [more, fewer, others, needed])
def test_a_plan_of_another_set_deletes_nothing(
    bucket: FakeBucket, catalog: FakePointers, change: Callable[[FakeBucket, FakePointers], None]
) -> None:
    plan = planned(bucket, catalog)
    change(bucket, catalog)
    with pytest.raises(Stop) as caught:
        pruning(bucket, catalog).execute(plan)
    assert caught.value.reason == "plan_expired"
    assert bucket.deleted == []


def test_a_plan_for_another_bucket_is_refused(bucket: FakeBucket, catalog: FakePointers) -> None:
    plan = planned(bucket, catalog)
    bucket.bucket = "elsewhere"
    with pytest.raises(Stop) as caught:
        pruning(bucket, catalog).execute(plan)
    assert (caught.value.reason, bucket.deleted) == ("other_bucket", [])


@pytest.mark.parametrize(
    "alive", [Running("import", "i-2", "listing"), Running("replay", "r", "running")]
)
def test_while_anything_runs_nothing_is_planned_or_deleted(
    bucket: FakeBucket, catalog: FakePointers, alive: Running
) -> None:
    plan = planned(bucket, catalog)
    catalog.alive = [alive]
    with pytest.raises(Stop, match=f"{alive.kind} {alive.id}"):
        planned(bucket, catalog)
    with pytest.raises(Stop) as caught:
        pruning(bucket, catalog).execute(plan)
    assert (caught.value.reason, bucket.deleted) == ("imports_running", [])


def test_while_the_indexer_has_messages_to_read_nothing_is_planned(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    catalog.read = {("files.stored", 0): 6}
    with pytest.raises(Stop) as caught:
        planned(bucket, catalog)
    assert caught.value.reason == "indexer_behind"


def test_an_import_that_begins_between_two_batches_ends_it(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    for number in range(700):
        bucket.put(f"old-{number:03}", stored_by=OURS)
    plan = planned(bucket, catalog)

    def begins(kind: str) -> None:
        if kind == "delete":
            catalog.alive = [Running("import", "i-2", "queued")]

    bucket.on = begins
    prune = pruning(bucket, catalog)
    with pytest.raises(Stop) as caught:
        prune.execute(plan)
    assert caught.value.reason == "imports_running"
    assert (len(bucket.deleted), prune.progress.deleted) == (1, 500)


def test_what_became_needed_since_the_check_is_kept(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    """Right before the batch the rows and the objects are looked at once more."""
    plan = planned(bucket, catalog)
    looks = bucket.asked.count("look")

    def changes(kind: str) -> None:
        if kind == "look" and bucket.asked.count("look") == looks + 2:  # the plan is checked
            catalog.rows.append(a_row("orphan-1"))
            bucket.things["orphan-2"] = Thing(b"xyz", NOW, OURS)

    bucket.on = changes
    progress = pruning(bucket, catalog).execute(plan)
    assert {"orphan-1", "orphan-2"} <= {*bucket.things}
    assert (progress.deleted, progress.kept) == (0, 3), "the thumbnail's picture is needed, too"


def test_what_cannot_be_deleted_is_reported_by_key(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    plan = planned(bucket, catalog)
    bucket.refuses = {"orphan-1": "Object is WORM protected (ObjectLocked)"}
    progress = pruning(bucket, catalog).execute(plan)
    assert progress.failed == {"orphan-1": "Object is WORM protected (ObjectLocked)"}
    assert (progress.deleted, progress.deleted_bytes) == (2, 6)
    assert "orphan-1" in bucket.things


def test_a_store_that_refuses_all_deletions_is_not_asked_for_a_million(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    keys = [f"old-{number:04}" for number in range(2000)]
    for key in keys:
        bucket.put(key, stored_by=OURS)
    plan = planned(bucket, catalog)
    bucket.refuses = dict.fromkeys(keys, "Access Denied (AccessDenied)")
    prune = pruning(bucket, catalog)
    with pytest.raises(Stop) as caught:
        prune.execute(plan)
    assert caught.value.reason == "deletions_refused"
    assert (len(prune.progress.failed), prune.progress.deleted) == (1000, 0)


def test_a_row_that_comes_while_its_object_is_deleted_is_said(
    bucket: FakeBucket, catalog: FakePointers
) -> None:
    plan = planned(bucket, catalog)

    def comes(kind: str) -> None:
        if kind == "delete":
            catalog.rows.append(a_row("orphan-2"))

    bucket.on = comes
    assert pruning(bucket, catalog).execute(plan).lost == ["orphan-2"]


def test_a_store_in_trouble_is_asked_again(bucket: FakeBucket, catalog: FakePointers) -> None:
    plan = planned(bucket, catalog)
    troubles = iter([True, True])

    def trouble(kind: str) -> None:
        if kind == "delete" and next(troubles, False):
            raise TryAgain("store_unreachable", "It did not answer.")

    bucket.on = trouble
    assert pruning(bucket, catalog).execute(plan).deleted == 3


PLAN = PrunePlan(
    bucket="pictures", before=LONG_AGO, others=False, objects=3, bytes=11, digest="ab" * 16
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "another version"),
        ("é", "base64"),
        ("A" * 2000, "longer"),
        (plan_id_of(PLAN)[:-9], "checksum"),
        ("B" + plan_id_of(PLAN)[1:], "another version"),
    ],
)
def test_what_is_no_plan_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(BadPlanError, match=why):
        plan_of(text)


def test_a_plan_s_id_is_short_enough_for_a_command_line() -> None:
    longest = PrunePlan(
        bucket="b" * 63, before=NOW, others=True, objects=10**9, bytes=10**18, digest="ab" * 16
    )
    assert len(plan_id_of(longest)) < 400
    assert plan_of(plan_id_of(longest)) == longest
