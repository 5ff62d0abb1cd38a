"""Each alert fires when what it tells of is done to a running system, and each panel has something
to show: asked of a Prometheus that reads the processes. `tests/prometheus.py` says what is sped up.

It needs `prometheus` on the PATH; docs/monitoring.md says where from.
"""

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import psycopg
import pytest

from local.servers.server import Command
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.settings import Reader
from services.core.wire import Record
from tests.fakes.s3_server import Answer
from tests.integration.test_recovery import delete_records, fault
from tests.prometheus import MONITORING, tell_targets, until
from tests.receiver import Reply
from tests.samples import SAMPLES
from tests.system import free_port
from tests.watched import LIMIT, SERVICES, Watched, asking, locked, watched_system

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(240)]
OLD_VERSION = """
import runpy
from services.core import version
version.VERSION = "0.0.1"
runpy.run_module("services.lister", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def watched(
    servers: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    with watched_system(servers, tmp_path_factory) as watched:
        yield watched


@contextmanager
def old_version(watched: Watched) -> Iterator[None]:
    """One more lister, which says that it is of another version."""
    system, port = watched.system, free_port()
    command = Command(
        name="lister-old",
        argv=(sys.executable, "-c", OLD_VERSION),
        env={**system.env, "METRICS_PORT": str(port)},
        cwd=Path.cwd(),
    )
    system.metrics_ports["lister-old"] = port
    system.processes["lister-old"] = system.children.start(command)
    tell_targets(system, watched.folder)
    try:
        yield
    finally:
        watched.end("lister-old")


async def publish(watched: Watched, *events: e.Message | Record) -> None:
    kafka = KafkaSettings.read(Reader(watched.system.platform.env))
    async with Publisher(kafka, source="test") as publisher:
        await publisher.publish(events)


def test_nothing_fires_while_all_is_well(watched: Watched) -> None:
    job = watched.begin(pictures=40)
    assert watched.system.wait_import(job, LIMIT)["state"] == "completed"
    targets = watched.prometheus.targets
    until(
        lambda: {*targets().values()} == {"up"} and len(targets()) == len(SERVICES), LIMIT, targets
    )
    services = {each.split("/")[1] for each in targets()}
    assert services == {*SERVICES}, "labelled as alerts and panels need it"
    alerts = watched.prometheus.alerts
    # The rules may have been evaluated while the last service was still coming up.
    until(lambda: not alerts(), LIMIT, lambda: str(alerts()))
    with asking(watched, "/imports", "/images", "/images/nobody"), suppress(AssertionError):
        until(lambda: bool(alerts()), 15, lambda: "")
    assert alerts() == {}


def test_a_service_is_missing(watched: Watched) -> None:
    with watched.without("lister"):
        watched.fires("DrivestreamServiceMissing", "DrivestreamProcessDown")


def test_a_process_begins_anew_again_and_again(watched: Watched) -> None:
    """Half an hour is half a minute here, which is short on a busy machine. So it begins anew until
    there were three times within one."""
    system, prometheus = watched.system, watched.prometheus
    until_when = time.monotonic() + LIMIT
    while "DrivestreamProcessRestarts" not in prometheus.alerts():
        assert time.monotonic() < until_when, watched.told()
        system.kill("webhooks")
        system.restart("webhooks")
        system.until(lambda: system.answers("webhooks"), LIMIT, "it does not come back")
        began = system.figures("webhooks")["process_start_time_seconds"]
        is_read = f'process_start_time_seconds{{service="webhooks"}} == {began}'
        until(partial(prometheus.holds, is_read), LIMIT, watched.told)
    watched.fires("DrivestreamProcessRestarts")


def test_the_store_is_away(watched: Watched) -> None:
    watched.store.answer = lambda _asked: Answer(503)
    try:
        watched.begin(pictures=10)
        with asking(watched, *thumbnails(watched)):
            watched.fires(
                "DrivestreamServiceWaiting", "DrivestreamCallsFail", "DrivestreamThumbnailsFail"
            )
    finally:
        watched.store.answer = lambda _asked: None


def thumbnails(watched: Watched) -> Sequence[str]:
    """Of pictures that are there; none of them was drawn before."""
    images = watched.system.get("/images?limit=40")
    return [f"/images/{each['google_drive_id']}/thumbnail" for each in images]


def test_one_of_two_transfers_has_a_store_that_does_not_answer(watched: Watched) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    with watched.with_process("transfer-2", S3_ENDPOINT_URL=dead):
        watched.begin(pictures=60)
        watched.fires("DrivestreamWorkerWaiting")


def test_the_only_monitor_does_not_read(watched: Watched) -> None:
    watched.end("monitor")
    with watched.with_process("monitor-2", KAFKA_TOPIC_PREFIX="nobody-made-these."):
        watched.fires("DrivestreamNobodyWatches")
    watched.system.start("monitor")
    tell_targets(watched.system, watched.folder)


def test_an_import_makes_no_progress(watched: Watched) -> None:
    with watched.without("transfer"):
        watched.begin(pictures=5)
        watched.fires("DrivestreamImportWithoutProgress")


def test_files_are_lost(watched: Watched) -> None:
    """What was found is gone from the log, and from Drive."""
    system = watched.system
    with watched.without("transfer"):
        name = f"alerts-{len(system.drive.trees())}"
        job = watched.begin(pictures=3)
        system.wait_import(job, LIMIT, lambda row: row["found"] == 3)
        for file in [*system.drive.files(name)]:
            system.drive.mutate("delete", id=file["id"])
        delete_records(system, "files.found")
    watched.fires("DrivestreamFilesLost")


async def test_a_record_cannot_be_read(watched: Watched) -> None:
    await publish(watched, Record(topic="files.stored", key=b"f", value=b"\xff"))
    watched.fires("DrivestreamDeadLetters")


def test_downloads_are_not_what_was_announced(watched: Watched) -> None:
    with fault(watched.system, {"do": "flip"}, kinds=["media"]):
        watched.begin(pictures=12)
        watched.fires("DrivestreamContentDiffers")


def test_many_files_fail(watched: Watched) -> None:
    refused = {"do": "refuse", "reason": "cannotDownloadFile"}
    with fault(watched.system, refused, kinds=["media"]):
        watched.begin(pictures=60)
        watched.fires("DrivestreamFilesFail")


def test_a_file_is_stuck(watched: Watched) -> None:
    with fault(watched.system, {"do": "latency", "seconds": 50}, kinds=["media"]):
        watched.begin(pictures=1)
        watched.fires("DrivestreamFileStuck")


def test_the_indexer_is_behind(watched: Watched) -> None:
    with locked(watched, "import_files"):
        watched.begin(pictures=300)
        watched.fires("DrivestreamReaderBehind")


def test_google_allows_less_than_the_quota_while_two_versions_run(watched: Watched) -> None:
    """Both take long until they fire, so they are done at a time."""
    refused = {"do": "refuse", "reason": "userRateLimitExceeded"}
    with old_version(watched):
        # Downloads have most of the quota, and whoever lists asks again too seldom to be cut much.
        with fault(watched.system, refused, kinds=["media"]):
            watched.begin(pictures=300)
            watched.fires("DrivestreamQuotaCut")
        watched.fires("DrivestreamVersionsDiffer")


def test_the_database_refuses_the_api(watched: Watched) -> None:
    """It asks for a column that an operator has renamed."""
    with psycopg.connect(watched.system.platform.env["DATABASE_URL"], autocommit=True) as admin:
        admin.execute("ALTER TABLE imports RENAME TO imports_away")
        try:
            with asking(watched, "/imports"):
                watched.fires("DrivestreamApiErrors")
        finally:
            admin.execute("ALTER TABLE imports_away RENAME TO imports")


def test_the_database_is_slow(watched: Watched) -> None:
    with locked(watched, "imports"), asking(watched, "/imports"):
        watched.fires("DrivestreamApiSlow")


async def test_a_receiver_of_webhooks_fails_and_then_is_gone(watched: Watched) -> None:
    watched.receiver.reply = lambda: Reply(status=500)
    job = watched.begin(pictures=1)
    watched.system.wait_import(job, LIMIT)
    before = datetime.now(UTC) - timedelta(days=2)
    ended = msgspec.structs.replace(SAMPLES["ImportEnded"], import_id="of-long-ago", at=before)
    await publish(watched, ended)
    watched.fires("DrivestreamWebhooksWait", "DrivestreamWebhooksGivenUp")
    watched.receiver.reply = lambda: Reply(status=410)
    watched.begin(pictures=1)
    watched.fires("DrivestreamWebhookEndpointGone")


def test_every_alert_was_among_them() -> None:
    groups = msgspec.yaml.decode((MONITORING / "alerts.yaml").read_text())["groups"]
    named = set(re.findall(r"\bDrivestream\w+", Path(__file__).read_text()))
    assert {rule["alert"] for group in groups for rule in group["rules"]} == named


def test_every_panel_has_had_something_to_show(watched: Watched) -> None:
    empty = []
    for path in sorted((MONITORING / "grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                expression = target["expr"].replace("$__rate_interval", "10s")
                expression = expression.replace("$__range", "10m")
                if not watched.prometheus.seen(expression):
                    empty.append(f"{path.stem}: {panel['title']}")
    assert empty == []
