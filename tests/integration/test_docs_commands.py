"""The commands of the pages, as they stand there, on a running system: `drivestream` and `curl`.

What the pages call LINK, ID and the like is filled in. `tests/unit/test_docs_blocks.py` parses them
all, and these run.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.documents import DOCUMENTS, ROOT, blocks
from tests.integration.test_recovery import fault
from tests.platform import emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(120)]
LIMIT = 60.0
STARTS = ("drivestream ", "curl ")
ELSEWHERE = {
    r"drivestream (up|down|demo)\b": "tests/integration/local/test_lifecycle.py",
    r"drivestream top\b": "tests/integration/local/test_system.py",
    r"drivestream prune --yes": "tests/integration/test_verify_and_prune.py",
    r"drivestream (pause|resume|watch) ": "tests/integration/test_control.py",
    r"drivestream replay (rate|pause) ": "tests/integration/test_replay.py",
    r"drivestream key ci import": "tests/integration/local/test_commands.py",
    r"curl --proxy": "tests/conformance/test_proxy.py",
}
"""What needs more than a system at rest, and the test that runs it."""
FOUND_SOMETHING = r"drivestream (doctor|import .*--watch|retry .*--watch|replay start .*--watch)"
"""These end with 1, too, if they have something bad to tell, such as files that failed."""
REFUSED, MISSING = "cannotDownloadFile", "notFound"


def lines() -> Iterator[tuple[str, str]]:
    """Where each command is, and the command; what follows it on other lines, too."""
    for path in DOCUMENTS:
        for block in blocks(path) if path.name != "CHANGELOG.md" else ():
            text = block.text.replace("\\\n", " ").replace(".venv/bin/", "")
            for number, line in enumerate(text.splitlines(), block.line):
                command = line.removeprefix("$ ")
                if block.language in ("", "sh") and command.startswith(STARTS):
                    yield f"{block.page}:{number}", command


EVERY = dict(lines())
HERE = {
    where: command
    for where, command in EVERY.items()
    if not any(re.match(each, command) for each in ELSEWHERE)
}


@dataclass(frozen=True)
class Imported:
    """A system with an import that has ended, some of whose files failed."""

    system: System
    job: str
    link: str
    folder: Path

    def filled(self, command: str) -> str:
        for pattern, value in (
            (r"http://127\.0\.0\.1:3000", self.system.api_url),
            (r"https://drive\.google\.com/drive/folders/(…|[\w-]+)", self.link),
            (r"\bLINK\b", self.link),
            (r"\bGROUP\b", "my-second-consumer"),
            (r"\bID\b|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", self.job),
        ):
            command = re.sub(pattern, value, command)
        return command

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        path = f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
        env = {**self.system.env, "PATH": path, "DRIVESTREAM_URL": self.system.api_url}
        argv = ["bash", "-euo", "pipefail", "-c", self.filled(command)]
        return subprocess.run(
            argv, cwd=self.folder, env=env, capture_output=True, text=True, timeout=LIMIT
        )


@pytest.fixture(scope="module")
def imported(
    servers: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Imported]:
    with (
        emptied(servers) as platform,
        running_system(platform, tmp_path_factory.mktemp("logs")) as system,
    ):
        system.start("api", "lister", "transfer", "indexer", "monitor")
        system.wait_ready()
        tree = {"name": "pages", "pictures": 12, "size": 4096}
        folder = link(system.drive.add_tree(tree))
        [one, two, *_] = system.drive.files("pages")
        with (
            fault(system, {"do": "refuse", "reason": REFUSED}, kinds=["media"], id=one["id"]),
            fault(system, {"do": "refuse", "reason": MISSING}, kinds=["media"], id=two["id"]),
        ):
            job = system.post_import(folder)
            assert system.wait_import(job, LIMIT)["failed"] == 2
            read_some(system)
            yield Imported(system, job, folder, tmp_path_factory.mktemp("commands"))


def read_some(system: System) -> None:
    """Somebody's own consumer has read some records, and stopped."""
    topic = f"{system.env['KAFKA_TOPIC_PREFIX']}files.stored"
    consumer = Consumer(
        {
            "bootstrap.servers": system.env["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": f"{system.env['KAFKA_TOPIC_PREFIX']}my-second-consumer",
        }
    )
    consumer.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    consumer.close()


@pytest.mark.parametrize("where", HERE)
def test_a_command_of_a_page_works(where: str, imported: Imported) -> None:
    done = imported.run(HERE[where])
    said = f"{HERE[where]}\n{done.stdout}{done.stderr}"
    assert done.returncode in ((0, 1) if re.match(FOUND_SOMETHING, HERE[where]) else (0,)), said
    assert "Traceback" not in said, said
    if HERE[where].startswith("curl") and "SHA256SUMS" not in said:
        assert '"status":404' not in done.stdout, said


def test_what_runs_elsewhere_is_on_a_page() -> None:
    for pattern, test in ELSEWHERE.items():
        assert (ROOT / test).exists(), test
        assert any(re.match(pattern, command) for command in EVERY.values()), pattern
