"""The whole system in processes of its own, for tests that kill, stop and restart them."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from drive_emulator.testing import RunningEmulator, running_emulator
from local.run.processes import Children, Process
from local.servers.ports import Ports
from local.servers.server import Command
from local.servers.services import service
from services.adapters.kafka.reader import LogReader, Raw
from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import Reader
from services.indexer.service import CONSUMED
from tests.platform import Platform

READY_SECONDS = 120
ANSWER_SECONDS = 60
"""For whatever answers at once where nothing else runs. A limit only ends what would never end: a
busy machine may stand still for many seconds."""
ENDED = ("completed", "completed_with_failures", "failed", "cancelled")
INHERITED = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")


def opened(request: str | urllib.request.Request, seconds: float) -> Any:
    """The answer. A refusal is raised, and closed: Python 3.14 warns of one that is left open."""
    try:
        return urllib.request.urlopen(request, timeout=seconds)
    except urllib.error.HTTPError as refused:
        refused.close()
        raise


def free_port() -> int:
    """A port that nobody listens on, and that no outgoing connection takes before it is used."""
    return Ports({}).free("a test")


@dataclass
class System:
    """Running services by name (`lister-2` is a second lister), and what they stand on."""

    platform: Platform
    drive: RunningEmulator
    api_url: str
    children: Children
    env: Mapping[str, str] = field(repr=False)
    processes: dict[str, Process] = field(default_factory=dict)
    metrics_ports: dict[str, int] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Start services; each has a log of its own."""
        for name in names:
            port = self.metrics_ports.setdefault(name, free_port())
            known = service(name.split("-")[0], {**self.env, "METRICS_PORT": str(port)})
            command = Command(name=name, argv=known.argv, env=known.env, cwd=known.cwd)
            self.processes[name] = self.children.start(command)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.processes[name].kill()

    def restart(self, name: str) -> None:
        """Start it again after it ended."""
        self.processes[name].start()

    def terminate(self, name: str, limit: float = ANSWER_SECONDS) -> int:
        """SIGTERM, once the service obeys signals: before, Python's default would end it. The exit
        code, which must come within the limit (seconds)."""
        process = self.processes[name]
        up = lambda: self.answers(name) or not process.running  # noqa: E731
        self.until(up, READY_SECONDS, f"{name} does not come up")
        process.signal(signal.SIGTERM)
        assert process.wait(limit), f"{name} did not stop: {process.tail()}"
        code = process.returncode
        assert code is not None
        return code

    def log(self, name: str) -> str:
        """The end of a service's log."""
        return self.processes[name].tail(40)

    def port(self, name: str) -> int:
        """Where a service tells its figures; each worker has a port of its own."""
        return int(self.api_url.rpartition(":")[2]) if name == "api" else self.metrics_ports[name]

    def figures(self, name: str) -> dict[str, float]:
        """What a service's Prometheus endpoint says."""
        address = f"http://127.0.0.1:{self.port(name)}/metrics"
        with opened(address, ANSWER_SECONDS) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            return {s.name: s.value for family in families for s in family.samples}

    def answers(self, name: str) -> bool:
        """Whether a service has come so far that it tells its figures, and obeys signals."""
        try:
            return bool(self.figures(name))
        except OSError:
            return False

    def get(self, path: str) -> Any:
        """A JSON answer of the API."""
        with opened(f"{self.api_url}{path}", ANSWER_SECONDS) as answer:
            return json.load(answer)

    def post(self, path: str, body: object = None) -> tuple[int, Any]:
        """The status of a POST, and its JSON answer, also where that is a problem."""
        data = b"" if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.api_url}{path}", data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def post_import(self, folder_url: str) -> str:
        """Start an import; the job's id."""
        request = urllib.request.Request(
            f"{self.api_url}/import/google-drive",
            json.dumps({"folderUrl": folder_url}).encode(),
            {"Content-Type": "application/json"},
        )
        with opened(request, ANSWER_SECONDS) as answer:
            assert answer.status == 202
            job: str = json.load(answer)["jobId"]
            return job

    def wait_ready(self) -> None:
        """Until the API says that it is ready."""
        self.until(lambda: bool(self._ready()), READY_SECONDS, "the API is not ready")

    def _ready(self) -> bool:
        try:
            with opened(f"{self.api_url}/health/ready", 5) as answer:
                return int(answer.status) == 200
        except OSError:
            return False

    def until(
        self, condition: Callable[[], bool], limit: float, otherwise: str | Callable[[], str]
    ) -> None:
        """Poll until it holds; fails with the logs' ends after `limit` seconds."""
        until = time.monotonic() + limit
        while not condition():
            if time.monotonic() > until:
                logs = "\n".join(f"== {name}\n{self.log(name)}" for name in self.processes)
                said = otherwise if isinstance(otherwise, str) else otherwise()
                raise AssertionError(f"{said}\n{logs}")
            time.sleep(0.2)

    def wait_import(
        self, job: str, limit: float, until: Callable[[Mapping[str, Any]], bool] | None = None
    ) -> Mapping[str, Any]:
        """Until the import ended, or `until` holds of it; what the API says of it then."""
        seen: dict[str, Any] = {}
        wanted = until or (lambda row: row["state"] in ENDED)

        def reached() -> bool:
            try:
                seen.update(self.get(f"/imports/{job}"))
            except OSError:  # the API itself may be down for a moment
                return False
            return wanted(seen)

        self.until(reached, limit, lambda: f"the import did not get there: {seen}")
        return seen

    def wait_indexed(self, limit: float = 90) -> None:
        """Until the indexer has read all that is in the log now."""
        settings = KafkaSettings.read(Reader(self.platform.env))
        with closing(LogReader(settings, client_id="test")) as reader:
            ends = {
                (topic.name, partition): reader.ends(topic.name, partition)[1]
                for topic in CONSUMED
                for partition in reader.partitions(topic.name)
            }

        def has_read() -> bool:
            query = "SELECT topic, partition, next_offset FROM consumed_offsets"
            with self.platform.database() as database:
                read = {(topic, p): offset for topic, p, offset in database.execute(query)}
            return all(read.get(place, 0) >= end for place, end in ends.items())

        self.until(has_read, limit, "the log is not indexed")

    def records(self, topic: str) -> list[Raw]:
        """Everything in a topic."""
        reader = LogReader(
            KafkaSettings.read(Reader(self.platform.env)),
            client_id="test",
        )
        ends = {(topic, p): reader.ends(topic, p) for p in reader.partitions(topic)}
        reader.seek({place: low for place, (low, _) in ends.items()})
        expected = sum(high - low for low, high in ends.values())
        found: list[Raw] = []
        while len(found) < expected:
            found += reader.read(2000, 5.0)
        reader.close()
        return found

    def counted(self, job: str) -> Counter[str]:
        """States of an import's files, counted from the rows themselves."""
        with self.platform.database() as database:
            rows = database.execute(
                "SELECT state, count(*) FROM import_files WHERE import_id = %s GROUP BY state",
                (job,),
            ).fetchall()
        return Counter({state: count for state, count in rows})


@contextmanager
def running_system(
    platform: Platform,
    logs: Path,
    settings: Mapping[str, str] | None = None,
    drive_options: Sequence[str] = (),
) -> Iterator[System]:
    """The emulator, and room for services; nothing of ours is started yet."""
    with running_emulator(options=drive_options) as drive, Children(logs) as children:
        port = free_port()
        env = {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **platform.env,
            "DRIVE_API_URL": drive.url,
            "GOOGLE_API_KEY": drive.api_key,
            "DRIVE_QUOTA_UNITS_PER_MINUTE": "0",
            "PORT": str(port),
            **(settings or {}),
        }
        yield System(platform, drive, f"http://127.0.0.1:{port}", children, env)


def link(folder_id: str) -> str:
    """A folder's link as a browser shows it."""
    return f"https://drive.google.com/drive/folders/{folder_id}"
