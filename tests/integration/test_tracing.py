"""An import as its spans tell it, from the request to the rows, at a receiver of our own."""

import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.collector import Collector, SentSpan, collecting
from tests.platform import emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
FILES = 4
CALLER = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
LIMIT = 120
API, LISTER, TRANSFER, INDEXER = (
    f"drivestream-{name}" for name in ("api", "lister", "transfer", "indexer")
)
DOWNLOAD = "GET /drive/v3/files/{fileId}"
TOPICS = ("imports.requested", "imports.pages", "imports.listed", "files.found", "files.stored")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str], collector: Collector) -> Iterator[System]:
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_TRACES_SAMPLER": "parentbased_always_on",
    }
    with (
        TemporaryDirectory(prefix="drivestream-tracing-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs), settings) as system,
    ):
        system.start("api", "lister", "transfer", "indexer")
        system.wait_ready()
        yield system


@pytest.fixture(scope="module")
def job(system: System, collector: Collector) -> str:
    """An import that has ended, one of whose files failed. All of its spans are here."""
    tree = system.drive.add_tree({"name": "traced", "pictures": FILES, "size": 4096})
    system.drive.fault({"do": "refuse", "reason": "cannotDownloadFile"}, kinds=["media"], first=1)
    job = post(system, link(tree), "-".join(("00", *CALLER, "01")))
    assert system.wait_import(job, LIMIT)["state"] == "completed_with_failures"
    for name in ("api", "lister", "transfer", "indexer"):
        assert system.terminate(name) == 0
    return job


def post(system: System, folder_url: str, traceparent: str) -> str:
    request = urllib.request.Request(
        f"{system.api_url}/import/google-drive",
        json.dumps({"folderUrl": folder_url}).encode(),
        {"Content-Type": "application/json", "traceparent": traceparent},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        job: str = json.load(answer)["jobId"]
        return job


def only(spans: Sequence[SentSpan]) -> SentSpan:
    [span] = spans
    return span


def child(collector: Collector, of: SentSpan, name: str, service: str) -> SentSpan:
    return only([s for s in collector.children(of) if (s.name, s.service) == (name, service)])


def test_the_import_is_one_trace_from_the_caller_to_the_rows_of_its_folder(
    job: str, collector: Collector
) -> None:
    posted = only(collector.named("POST /import/google-drive", API))
    assert (posted.trace_id, posted.parent_id) == CALLER
    asked = child(collector, posted, "send imports.requested", API)
    begun = child(collector, asked, "process imports.requested", LISTER)
    assert begun.attributes["drivestream.import.id"] == job
    opened = child(collector, begun, "send imports.pages", LISTER)
    page = child(collector, opened, "process imports.pages", LISTER)
    listed = child(collector, page, "GET /drive/v3/files", LISTER)
    assert listed.attributes["drivestream.page.entries"] == FILES
    manifest = child(collector, page, "send imports.listed", LISTER)
    assert child(collector, manifest, "process imports.listed", INDEXER)
    assert collector.paths == {"/v1/traces"}


def test_each_file_has_a_trace_that_is_linked_to_its_import_and_ends_with_its_row(
    job: str, collector: Collector
) -> None:
    page = only(collector.named("process imports.pages", LISTER))
    created = collector.named("create files.found", LISTER)
    assert len({span.trace_id for span in created} | {page.trace_id}) == FILES + 1
    assert all(span.links == (page.context,) for span in created)
    ends = [end_of(collector, span) for span in created]
    assert sorted(end.name for end in ends) == [
        "process files.failed",
        *["process files.stored"] * (FILES - 1),
    ]
    batches = {span.context: span for span in collector.named("process batch", INDEXER)}
    for end in ends:
        batch = batches[end.links[0]]
        assert (end.trace_id, end.parent_id) in batch.links
        assert child(collector, batch, "save rows", INDEXER)


def end_of(collector: Collector, created: SentSpan) -> SentSpan:
    """The row of a file, from the span with which its trace begins."""
    copied = child(collector, created, "process files.found", TRANSFER)
    outcome = "failed" if copied.failed else "stored"
    assert child(collector, copied, DOWNLOAD, TRANSFER).failed is copied.failed
    if copied.failed:
        assert copied.attributes["error.type"] == "not_permitted"
    else:
        assert child(collector, copied, "S3/PutObject", TRANSFER)
    sent = child(collector, copied, f"send files.{outcome}", TRANSFER)
    return child(collector, sent, f"process files.{outcome}", INDEXER)


def test_the_log_names_the_trace(job: str, system: System) -> None:
    assert CALLER[0] in system.log("api")


def test_where_it_is_off_no_record_has_a_traceparent(job: str, system: System) -> None:
    """Not even if the caller has one."""
    system.env = {name: value for name, value in system.env.items() if "OTEL" not in name}
    system.start("api", "lister", "transfer", "indexer")
    system.wait_ready()
    tree = system.drive.add_tree({"name": "untraced", "pictures": 2, "size": 4096})
    again = post(system, link(tree), "-".join(("00", *CALLER, "01")))
    assert system.wait_import(again, LIMIT)["state"] == "completed"
    for topic in TOPICS:
        records = [r for r in system.records(topic) if r.headers["ce_importid"] == again.encode()]
        assert records, topic
        assert not any("traceparent" in record.headers for record in records)
