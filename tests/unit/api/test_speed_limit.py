"""What limits the speed: one test for each reason, and for what must not be mistaken for it."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.api.speed_limit import SpeedLimit, speed_limit
from services.api.worker_cache import SILENT_AFTER
from services.core.events import AFTER_CRASHES, QuotaUse, Waiting, WorkerStatus
from tests.samples import AT
from tests.unit.api.test_worker_cache import worker

SECOND = timedelta(seconds=1)
SHARE = QuotaUse(limit=1_000, allowed=1_000, used=990)
IDLE = worker("lister@h/1", concurrency=84), worker("indexer@h/1")
MUCH = {"lister": 0, "transfer": 5_000, "indexer": 3}
FULL = Waiting(reason="store_full", message="The store is full.", until=AT + SECOND)


def transfer(name: str = "transfer@h/1", **changes: object) -> WorkerStatus:
    return replace(worker(name, concurrency=32, quota=SHARE, busy=0.3), **changes)


def limit(*workers: WorkerStatus, unfinished: Mapping[str, int | None] = MUCH) -> SpeedLimit:
    return speed_limit([*IDLE, *workers], unfinished, AT)


def test_googles_quota_if_most_files_wait_for_it() -> None:
    found = limit(transfer(in_hand={"quota": 28.0, "drive": 3.0, "store": 1.0}))
    assert found == SpeedLimit(
        reason="google_quota",
        message="Google's quota: 88% of the files in progress wait for it. 990 of 1,000 units were "
        "used in the last minute.",
    )


def test_googles_quota_if_google_refuses_more_than_our_share() -> None:
    refused = QuotaUse(limit=1_000, allowed=343, used=300, refused=17)
    found = limit(transfer(in_hand={"drive": 31.0}, call_seconds={"drive": 4.0}, quota=refused))
    assert found.reason == "google_quota"
    assert found.message == (
        "Google is rejecting requests, so Drivestream sends fewer of them: 300 of 343 units were "
        "used in the last minute."
    )


def test_a_quota_that_is_refused_limits_nothing_while_the_store_is_slow() -> None:
    refused = QuotaUse(limit=1_000, allowed=343, used=300, refused=17)
    found = limit(transfer(in_hand={"store": 31.0}, call_seconds={"store": 4.0}, quota=refused))
    assert found.reason == "store"


@pytest.mark.parametrize("reason", ["drive_rate_limited", "daily_limit_exceeded"])
def test_googles_quota_if_every_transfer_is_shut_out(reason: str) -> None:
    why = Waiting(reason=reason, message="Google allows more at 08:00.")
    found = limit(transfer(state="waiting", waiting_for=why, waiting_on="drive"))
    assert found == SpeedLimit(reason="google_quota", message="Google allows more at 08:00.")


def test_drives_answers_if_most_files_wait_for_them_and_they_are_slow() -> None:
    found = limit(transfer(in_hand={"drive": 30.0, "store": 2.0}, call_seconds={"drive": 3.25}))
    assert found == SpeedLimit(
        reason="drive",
        message="Google Drive takes 3.2 s for each file. 94% of the files in progress wait for it.",
    )


def test_the_store_if_most_files_wait_for_it_and_it_is_slow() -> None:
    found = limit(transfer(in_hand={"drive": 2.0, "store": 30.0}, call_seconds={"store": 0.52}))
    assert found == SpeedLimit(
        reason="store",
        message="The object store takes 0.52 s for each file. 94% of the files in progress wait "
        "for it.",
    )


def test_a_store_that_has_not_answered_at_all_is_slow() -> None:
    found = limit(transfer(in_hand={"store": 32.0}))
    assert (found.reason, "has not answered yet" in found.message) == ("store", True)


@pytest.mark.parametrize(("line", "reason"), [("store_line", "store"), ("drive_line", "drive")])
def test_a_line_that_is_full_belongs_to_its_end(line: str, reason: str) -> None:
    told = Waiting(reason=line, message="The line carries 1.2 MB/s.")
    found = limit(transfer(in_hand={line: 20.0, "quota": 12.0}, limited_by=told))
    assert (found.reason, found.message) == (reason, told.message)


@pytest.mark.parametrize("slower", ["drive", "store"])
def test_a_line_of_large_files_belongs_to_the_slower_side(slower: str) -> None:
    told = Waiting(reason="drive_to_store_line", message="The line carries 1.2 MB/s.")
    at = {"drive": 1.0, "store": 1.0, "drive_to_store_line": 20.0, slower: 3.0}
    assert limit(transfer(in_hand=at, limited_by=told)).reason == slower


def test_memory_if_most_files_wait_for_it() -> None:
    found = limit(transfer(in_hand={"memory": 30.0, "store": 2.0}))
    assert found == SpeedLimit(
        reason="memory",
        message="94% of the files in progress wait for memory. Raise TRANSFER_MEMORY_MB, or start "
        "workers.",
    )


def test_too_few_workers_if_none_runs() -> None:
    for others in ([], [transfer(state="stopped")], [transfer(at=AT - SILENT_AFTER - SECOND)]):
        found = limit(*others)
        assert found == SpeedLimit(
            reason="too_few_workers",
            message="No transfer is running. Start one, and the work continues.",
        )


def test_too_few_workers_if_they_compute_all_the_time() -> None:
    found = limit(transfer(in_hand={"drive": 30.0}, call_seconds={"drive": 2.0}, busy=0.97))
    assert found == SpeedLimit(
        reason="too_few_workers",
        message="The transfer uses all the processor time there is. Start more workers on other "
        "machines.",
    )


def test_too_few_workers_if_everything_answers_at_once_and_no_slot_is_free() -> None:
    at = {"drive": 1.6, "store": 0.3}
    found = limit(transfer(concurrency=2, in_hand=at, call_seconds={"drive": 0.05}))
    assert found == SpeedLimit(
        reason="too_few_workers",
        message="All 2 files that the workers can handle at once are in progress, and Google Drive "
        "answers within 0.05 s. A transfer raises that number itself as long as that helps, within "
        "the range of TRANSFER_CONCURRENCY. Start more workers.",
    )


def test_nothing_takes_longer_than_the_oldest_work_has_waited() -> None:
    stopped = transfer(
        in_hand={"drive": 32.0}, call_seconds={"drive": 330.4}, oldest_unfinished_seconds=20.5
    )
    assert limit(stopped) == SpeedLimit(
        reason="drive",
        message="Google Drive has not answered for 20.5 s. 100% of the files in progress wait for "
        "it.",
    )


def test_a_replay_that_is_held_back() -> None:
    lister = worker("lister@h/2", in_hand={"pace": 12.0}, concurrency=84)
    found = limit(lister, transfer(), unfinished={"lister": 3, "transfer": 0, "indexer": 0})
    assert found.reason == "replay_rate"


def test_imports_of_the_same_files_take_turns_and_need_no_processor() -> None:
    found = limit(transfer(busy=0.16, in_hand={"same_file": 24.0, "store": 4.0, "kafka": 4.0}))
    assert found == SpeedLimit(
        reason="same_file",
        message="75% of the files in progress wait for another copy of the same file. Imports that "
        "hold the same files take turns at each of them.",
    )


def test_suspects_that_are_worked_on_a_little_at_a_time() -> None:
    why = Waiting(reason=AFTER_CRASHES, message="Workers crashed repeatedly.")
    found = limit(transfer(limited_by=why, in_hand={"drive": 12.0}), transfer("transfer@h/2"))
    assert found == SpeedLimit(reason="after_crashes", message="Workers crashed repeatedly.")


def test_kafka_if_it_does_not_answer_or_acknowledges_late() -> None:
    assert limit(transfer(), unfinished={}).reason == "kafka"
    assert limit(transfer(in_hand={"kafka": 30.0}, call_seconds={"kafka": 6.0})).reason == "kafka"


def test_the_database_if_it_is_away_or_only_rows_are_missing() -> None:
    nothing: dict[str, int | None] = {"lister": 0, "transfer": 0, "indexer": None}
    assert limit(transfer(), unfinished=nothing).reason == "database"
    behind = {**nothing, "indexer": 40_000}
    found = limit(transfer(), unfinished=behind)
    assert found.message == (
        "Everything is copied. The indexer is still writing the results to the database."
    )
    why = Waiting(reason="database_unavailable", message="The database is away.")
    waits = worker("indexer@h/1", state="waiting", waiting_for=why)
    stands_by = worker(
        "indexer@h/2",
        state="waiting",
        waiting_for=Waiting(reason="standby", message="Another indexer is active."),
    )
    found = speed_limit([waits, stands_by, transfer()], behind, AT)
    assert found == SpeedLimit(reason="database", message="The database is away.")


def test_nothing_to_do() -> None:
    nothing: dict[str, int | None] = {"lister": 0, "transfer": 0, "indexer": 0}
    expected = SpeedLimit(reason="nothing_to_do", message="There is nothing to do.")
    assert limit(transfer(in_hand={"store": 3.0}), unfinished=nothing) == expected
    assert speed_limit([], nothing, AT) == expected


@pytest.mark.parametrize(
    ("system", "reason"), [("store", "store"), ("drive", "drive"), ("", "fault")]
)
def test_what_every_worker_waits_for_is_the_limit(system: str, reason: str) -> None:
    waits = [
        transfer(f"transfer@h/{n}", state="waiting", waiting_for=FULL, waiting_on=system)
        for n in (1, 2)
    ]
    assert limit(*waits) == SpeedLimit(reason=reason, message="The store is full.")  # type: ignore[arg-type]
    works = transfer("transfer@h/3", in_hand={"quota": 20.0})
    assert limit(*waits, works).reason == "google_quota"


def test_a_transfer_that_has_little_to_do_waits_for_the_lister() -> None:
    lister = worker("lister@h/2", in_hand={"quota": 9.0}, quota=SHARE, concurrency=84)
    busy = transfer(in_hand={"store": 4.0}, call_seconds={"store": 2.0})
    few: dict[str, int | None] = {"lister": 40, "transfer": 4, "indexer": 0}
    found = limit(lister, busy, unfinished=few)
    assert (found.reason, "of the pages in progress" in found.message) == ("google_quota", True)
    assert limit(lister, busy, unfinished={**few, "transfer": 400}).reason == "store"
    assert limit(lister, busy, unfinished={**few, "lister": 0}).reason == "store"


def test_pages_that_follow_each_other_wait_for_drive_however_quick_it_is() -> None:
    lister = worker(
        "lister@h/2", in_hand={"drive": 1.0}, call_seconds={"drive": 0.2}, concurrency=84
    )
    found = limit(lister, unfinished={"lister": 1, "transfer": 0, "indexer": 0})
    assert found == SpeedLimit(
        reason="drive",
        message="Google Drive takes 0.20 s for each page. 100% of the pages in progress wait for "
        "it.",
    )


def test_workers_that_have_said_nothing_yet() -> None:
    assert limit(transfer()).reason == "unknown"


PLACES = ["drive", "store", "kafka", "quota", "memory", "pace", "same_file", "other"]
PLACES += ["store_line", "new_place"]


@given(
    at=st.dictionaries(st.sampled_from(PLACES), st.floats(0, 100)),
    seconds=st.dictionaries(st.sampled_from(PLACES), st.floats(0, 100)),
    state=st.sampled_from(["running", "waiting", "stopped", "another"]),
    unfinished=st.dictionaries(
        st.sampled_from(["lister", "transfer", "indexer"]), st.none() | st.integers(0, 10**9)
    ),
)
def test_whatever_workers_say_there_is_one_sentence(
    at: dict[str, float],
    seconds: dict[str, float],
    state: str,
    unfinished: dict[str, int | None],
) -> None:
    said = transfer(in_hand=at, call_seconds=seconds, state=state)
    found = limit(said, unfinished=unfinished)
    assert found.message.endswith(".")
