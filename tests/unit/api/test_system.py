"""GET /system: what it says, what it costs, and what it says while a server is away."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.api.lag import DATABASE_AWAY, GROUPS, INDEXED, KAFKA_AWAY
from services.core.errors import TryAgain
from services.core.events import QuotaUse, WindowCounted
from services.core.topics import BY_NAME
from services.core.wire import Record
from tests.fakes.log import FakePublisher
from tests.samples import SAMPLES
from tests.unit.api.conftest import Api, holds
from tests.unit.api.test_worker_cache import worker

AWAY = TryAgain("database_unavailable", "The database is not responding.")
SECOND = timedelta(seconds=1)


async def system(api: Api) -> Any:
    answer = await api.client.get("/system")
    assert answer.status_code == 200
    return answer.json()


async def tell(api: Api, *events: Any) -> None:
    await FakePublisher(api.log, RuntimeError, "test").publish(events)


async def test_it_names_every_reader_and_how_far_behind_it_is(api: Api) -> None:
    await tell(api, SAMPLES["FileFound"], SAMPLES["FileStored"])
    [found] = api.log.of("files.found")
    [stored] = api.log.of("files.stored")
    api.log.committed["transfer", "files.found", found.partition] = 1, None
    api.forget_lag()
    lag = {(e["group"], e["topic"], e["partition"]): e for e in (await system(api))["lag"]}
    read = {**GROUPS, "indexer": INDEXED}
    partitions = [BY_NAME[topic].partitions for topics in read.values() for topic in topics]
    assert len(lag) == sum(partitions)
    done = lag["transfer", "files.found", found.partition]
    assert (done["end"], done["committed"], done["messages"]) == (1, 1, 0)
    assert (done["seconds"], done["seconds_to_clear"]) == (0, 0)
    late = lag["indexer", "files.stored", stored.partition]
    assert (late["end"], late["committed"], late["messages"]) == (1, None, 1)
    assert 0 <= late["seconds"] < 60
    assert late["seconds_to_clear"] is None


async def test_dead_letters_are_counted(api: Api) -> None:
    await tell(api, *[Record(topic="dead.letters", key=b"k", value=b"?")] * 3)
    api.log.begins["dead.letters", 0] = 1
    api.forget_lag()
    assert (await system(api))["dead_letters"] == 2


async def test_workers_say_what_they_hold_and_wait_for(api: Api) -> None:
    now = datetime.now(UTC)
    said = replace(SAMPLES["WorkerStatus"], at=now)
    silent = worker("lister@h/1", now - 31 * SECOND)
    gone = worker("indexer@h/1", now, state="stopped")
    await tell(api, said, silent, gone)
    await holds(lambda: len(api.workers.view.newest(now)) >= 3)
    told = {w["id"]: w for w in (await system(api))["workers"]}
    assert told["lister@h/1"]["state"] == "silent"
    assert told["indexer@h/1"]["state"] == "stopped"
    transfer = told["transfer-1"]
    assert (transfer["state"], transfer["concurrency"]) == ("waiting", 32)
    assert transfer["holds"] == ["files.found/0", "files.found/11"]
    assert transfer["waiting_for"]["reason"] == "no_bucket"


async def test_the_quota_is_what_the_workers_use_together(api: Api) -> None:
    now = datetime.now(UTC)
    use = QuotaUse(limit=100, allowed=70, used=60, waiting=2)
    workers = [worker(f"transfer@h/{n}", now, quota=use) for n in range(2)]
    silent = worker("transfer@h/9", now - 31 * SECOND, quota=use)
    await tell(api, *workers, silent)
    await holds(lambda: len(api.workers.view.newest(now)) >= 3)
    quota = (await system(api))["quota"]
    assert (quota["unit"], quota["limit"], quota["used"]) == ("units", 325_000, 120)
    [part] = [part for part in quota["parts"] if part["work"] == "transfer"]
    assert part == {
        "work": "transfer",
        "share": 0.88,
        "limit": 200,
        "allowed": 140,
        "used": 120,
        "waiting": 4,
    }


async def test_the_rates_are_those_of_the_monitor(api: Api) -> None:
    now = datetime.now(UTC)
    start = datetime.fromtimestamp(int(now.timestamp()) // 60 * 60, UTC)
    counted = WindowCounted(start=start, seconds=60, as_of=now, found=9, stored=5, bytes=50)
    await tell(api, counted, replace(counted, import_id="one", stored=1))
    await holds(lambda: api.windows.view.rates(now).minutes)
    rates = (await system(api))["rates"]
    [minute] = rates["minutes"]
    assert (minute["found"], minute["stored"], minute["bytes"]) == (9, 5, 50)


async def test_without_kafka_it_says_what_it_knew_and_what_is_not_current(api: Api) -> None:
    api.forget_lag()
    before = await system(api)
    assert KAFKA_AWAY not in before["unknown"]
    api.log.available = False
    api.forget_lag()
    seen = await system(api)
    assert KAFKA_AWAY in seen["unknown"]
    assert seen["lag_as_of"] == before["lag_as_of"]
    assert len(seen["lag"]) == len(before["lag"])
    assert seen["limit"]["reason"] == "kafka"


async def test_without_the_database_only_the_indexer_is_not_current(api: Api) -> None:
    await tell(api, SAMPLES["FileFound"])
    api.catalog.trouble = AWAY
    api.forget_lag()
    seen = await system(api)
    assert DATABASE_AWAY in seen["unknown"]
    assert seen["limit"]["reason"] == "too_few_workers"
    [found] = api.log.of("files.found")
    api.log.committed["transfer", "files.found", found.partition] = 1, None
    api.forget_lag()
    assert (await system(api))["limit"]["reason"] == "database"


async def test_a_kafka_that_hangs_holds_nobody_up_and_is_asked_once(api: Api) -> None:
    api.forget_lag()
    await system(api)
    api.forget_lag()
    asked = api.lag.asked
    api.lag.answers.clear()
    answers = await asyncio.gather(*(system(api) for _ in range(50)))
    assert api.lag.asked == asked + 1
    assert all(len(seen["lag"]) == len(answers[0]["lag"]) > 0 for seen in answers)


async def test_five_hundred_clients_cost_one_question(api: Api) -> None:
    api.forget_lag()
    asked = api.lag.asked
    await asyncio.gather(*(system(api) for _ in range(500)))
    assert api.lag.asked == asked + 1


@pytest.mark.parametrize("query", ["?limit=1", "?x="])
async def test_unknown_parameters_are_refused(api: Api, query: str) -> None:
    answer = await api.client.get(f"/system{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
