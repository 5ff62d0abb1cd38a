"""Why an import stands still: from its state and the newest status of every worker."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.adapters.catalog.views.imports import ENDED_STATES, ImportProgress, ImportState
from services.api.import_views import KAFKA_AWAY
from services.api.waiting import ABSENT_AFTER, BEHIND_AFTER, NEEDED, limited_by, waiting_for
from services.api.worker_cache import SILENT_AFTER, WorkerCache
from services.core.events import MOST_NAMED, ImportRequested, Waiting, WorkerStatus
from tests.catalog_rows import an_import, rows
from tests.fakes.log import FakeLog, FakePublisher
from tests.samples import AT
from tests.unit.api.conftest import Api, holds
from tests.unit.api.test_worker_cache import worker

SECOND = timedelta(seconds=1)
LONG_AGO = AT - timedelta(hours=1)
WALL = Waiting(reason="rate_limited", message="Google refuses more until 15:40.", until=AT + SECOND)
FULL = Waiting(reason="store_full", message="The store is full.")
RUNNING = [worker(f"{service}@h/1") for service in ("lister", "transfer", "indexer")]


def row(state: ImportState, requested_at: datetime | None = LONG_AGO) -> ImportProgress:
    return ImportProgress(
        id="import-1",
        state=state,
        folder_id="folder",
        folder_url="link",
        requested_at=requested_at,
        updated_at=None,
    )


def waits(name: str, why: Waiting | None = WALL, at: datetime = AT) -> WorkerStatus:
    return worker(name, at, state="waiting", waiting_for=why)


SLOW = Waiting(reason="store_line", message="The line to the store carries 1.2 MB/s.")


def test_a_slow_line_is_what_limits_the_speed() -> None:
    slow = worker("transfer@h/2", limited_by=SLOW)
    assert limited_by([*RUNNING, slow], AT) == SLOW
    assert limited_by(RUNNING, AT) is None
    assert limited_by([slow], AT + SILENT_AFTER + SECOND) is None
    assert limited_by([worker("lister@h/2", limited_by=SLOW)], AT) is None


def without(service: str) -> list[WorkerStatus]:
    return [status for status in RUNNING if status.service != service]


@pytest.mark.parametrize(("state", "service"), NEEDED.items())
def test_it_waits_for_what_all_workers_of_the_needed_kind_wait_for(
    state: ImportState, service: str
) -> None:
    workers = [*without(service), waits(f"{service}@h/1"), waits(f"{service}@h/2")]
    assert waiting_for(row(state), workers, AT) == WALL


@pytest.mark.parametrize(("state", "service"), NEEDED.items())
def test_one_worker_that_runs_is_enough(state: ImportState, service: str) -> None:
    assert waiting_for(row(state), RUNNING, AT) is None
    assert waiting_for(row(state), [*RUNNING, waits(f"{service}@h/2")], AT) is None


def test_workers_of_another_kind_do_not_matter() -> None:
    waiting = [*without("transfer"), waits("transfer@h/1")]
    assert waiting_for(row("listing"), waiting, AT) is None
    waiting = [*without("lister"), waits("lister@h/1")]
    assert waiting_for(row("transferring"), waiting, AT) is None


@pytest.mark.parametrize("state", NEEDED)
def test_without_an_indexer_the_report_stands_still(state: ImportState) -> None:
    assert waiting_for(row(state), [*without("indexer"), waits("indexer@h/1", FULL)], AT) == FULL
    missing = waiting_for(row(state), without("indexer"), AT)
    assert missing is not None
    assert (missing.reason, "`indexer` is not running" in missing.message) == ("no_worker", True)


def test_one_indexer_stands_by_while_another_works() -> None:
    assert waiting_for(row("listing"), [*RUNNING, waits("indexer@h/2")], AT) is None


@pytest.mark.parametrize("state", [*ENDED_STATES, "paused"])
def test_an_import_that_ended_or_is_paused_waits_for_nothing(state: ImportState) -> None:
    workers = [waits("lister@h/1"), waits("transfer@h/1"), waits("indexer@h/1")]
    assert waiting_for(row(state), workers, AT) is None
    assert waiting_for(row(state), [], AT) is None


@pytest.mark.parametrize(("state", "service"), NEEDED.items())
def test_without_a_worker_it_says_which_service_is_not_running(
    state: ImportState, service: str
) -> None:
    missing = waiting_for(row(state), without(service), AT)
    assert missing is not None
    assert missing.reason == "no_worker"
    assert f"`{service}` is not running" in missing.message
    assert missing.until is None


@pytest.mark.parametrize(
    ("last", "stopped", "reported"),
    [
        (ABSENT_AFTER, True, False),  # it may be restarting
        (ABSENT_AFTER + SECOND, True, True),
        (SILENT_AFTER, False, False),  # it may be late
        (SILENT_AFTER + SECOND, False, True),
        (-SILENT_AFTER - SECOND, True, False),
    ],
)
def test_a_worker_is_missed_after_a_while(last: timedelta, stopped: bool, reported: bool) -> None:
    state = "stopped" if stopped else "running"
    gone = worker("lister@h/1", AT - last, state=state)
    missing = waiting_for(row("listing"), [*without("lister"), gone], AT)
    assert (missing is not None) == reported


def test_a_new_import_gives_its_workers_time_to_start() -> None:
    young = row("queued", AT - ABSENT_AFTER)
    assert waiting_for(young, without("lister"), AT) is None
    assert waiting_for(row("queued", None), without("lister"), AT) is None


def test_of_several_reasons_the_one_that_ends_first_is_given() -> None:
    later = replace(WALL, until=AT + timedelta(hours=1))
    workers = [*without("lister"), waits("lister@h/1", FULL), waits("lister@h/2", later)]
    assert waiting_for(row("listing"), workers, AT) == later
    assert waiting_for(row("listing"), [*workers, waits("lister@h/3")], AT) == WALL


def test_a_worker_that_waits_and_does_not_say_why_is_no_reason() -> None:
    assert waiting_for(row("listing"), [*without("lister"), waits("lister@h/1", None)], AT) is None


@given(
    state=st.sampled_from([*NEEDED, *ENDED_STATES, "paused"]),
    workers=st.lists(
        st.builds(
            lambda name, state, seconds: worker(
                f"{name}@h/{seconds}", AT + seconds * SECOND, state=state, waiting_for=FULL
            ),
            st.sampled_from(["lister", "transfer", "indexer", "api"]),
            st.sampled_from(["running", "waiting", "stopped"]),
            st.integers(-100, 100),
        )
    ),
)
def test_any_workers_give_a_sentence_or_nothing(
    state: ImportState, workers: list[WorkerStatus]
) -> None:
    found = waiting_for(row(state), workers, AT)
    assert found is None or (found.message.endswith(".") and state in NEEDED)
    assert found == waiting_for(row(state), workers[::-1], AT)


def busy(service: str, *works_on: str) -> WorkerStatus:
    return worker(f"{service}@h/1", works_on=works_on, in_flight=len(works_on))


@pytest.mark.parametrize("state", ["queued", "listing", "transferring"])
def test_an_import_of_which_nobody_has_anything_in_hand_waits_behind_others(
    state: ImportState,
) -> None:
    behind = replace(row(state), pending=5)
    workers = [busy("lister"), busy("transfer", "import-2", "replay-3"), RUNNING[2]]
    found = waiting_for(behind, workers, AT)
    assert found is not None
    assert found.reason == "behind_others"
    assert found.message.startswith("The workers are busy with 2 other imports. ")
    one = waiting_for(behind, [busy("lister", "import-2"), *RUNNING[1:]], AT)
    assert one is not None
    assert "busy with another import." in one.message


@pytest.mark.parametrize("service", ["lister", "transfer"])
def test_an_import_that_any_worker_works_on_does_not_wait(service: str) -> None:
    behind = replace(row("listing"), pending=5)
    others = [busy("lister", "import-2"), busy("transfer", "import-2"), RUNNING[2]]
    workers = [*others, replace(busy(service, "import-2", "import-1"), worker_id="another")]
    assert waiting_for(behind, others, AT) is not None
    assert waiting_for(behind, workers, AT) is None


def test_who_is_behind_others_is_told_only_if_it_is_known() -> None:
    behind = replace(row("transferring"), pending=5)
    many = busy("transfer", *(f"import-{n}" for n in range(2, 2 + MOST_NAMED)))
    older = worker("transfer@h/2", in_flight=3)
    for workers in ([many], [busy("transfer", "import-2"), older], [busy("transfer")]):
        assert waiting_for(behind, [*without("transfer"), *workers], AT) is None
    silent = replace(busy("transfer", "import-2"), at=AT - SILENT_AFTER - SECOND)
    assert waiting_for(behind, [*RUNNING, silent], AT) is None


def test_a_new_import_and_one_that_lacks_nothing_are_not_behind_others() -> None:
    workers = [busy("lister", "import-2"), busy("transfer", "import-2"), RUNNING[2]]
    assert waiting_for(row("queued", AT - BEHIND_AFTER + SECOND), workers, AT) is None
    assert waiting_for(row("transferring"), workers, AT) is None
    assert waiting_for(replace(row("paused"), pending=5), workers, AT) is None


async def reported(api: Api) -> object:
    """What the import says in its own report, after a look that the list says the same."""
    shown = (await api.client.get("/imports/import-0001")).json()["waiting_for"]
    [listed] = (await api.client.get("/imports")).json()
    assert listed["waiting_for"] == shown
    return shown


async def test_an_import_says_in_its_own_report_why_it_stands_still(api: Api) -> None:
    api.catalog.fill(rows(imports=[an_import(1)]))
    assert await reported(api) == {
        "reason": "no_worker",
        "message": "The service `transfer` is not running. Start it, and the work continues.",
        "until": None,
    }
    now = datetime.now(AT.tzinfo)
    statuses = [waits("transfer@h/1", WALL, now), worker("indexer@h/1", now)]
    await FakePublisher(api.log, RuntimeError, "test").publish(statuses)
    cache: WorkerCache = api.workers.view
    await holds(lambda: {s.service for s in cache.newest(now)} >= {"transfer", "indexer"})
    assert await reported(api) == {
        "reason": "rate_limited",
        "message": "Google refuses more until 15:40.",
        "until": "2026-11-23T12:30:01.250000Z",
    }
    await FakePublisher(api.log, RuntimeError, "test").publish(
        [worker("transfer@h/1", now + SECOND)]
    )
    await holds(lambda: not [s for s in cache.newest(now) if s.waiting_for == WALL])
    assert await reported(api) is None


async def test_while_kafka_is_away_every_running_import_waits_for_it(api: Api) -> None:
    api.catalog.fill(rows(imports=[an_import(1)]))
    api.log.available = False
    await holds(lambda: api.workers.state.trouble)
    assert await reported(api) == {
        "reason": KAFKA_AWAY.reason,
        "message": KAFKA_AWAY.message,
        "until": None,
    }


async def test_an_import_that_only_kafka_knows_says_why_too(log: FakeLog, api: Api) -> None:
    request = ImportRequested(
        import_id="import-0001", folder_id="f", folder_url="link", requested_at=LONG_AGO
    )
    await FakePublisher(log, RuntimeError, "test").publish([request])
    await holds(lambda: api.imports.view.request("import-0001"))
    shown = await reported(api)
    assert isinstance(shown, dict)
    assert (shown["reason"], "`lister`" in shown["message"]) == ("no_worker", True)
