"""Every command that the page prints does what its button does: `drivestream` takes it, curl sends
the same request, and the API accepts that. `web/test/commands.test.ts` writes the commands."""

import json
import shlex
import shutil
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from local.cli import main, parser
from local.paths import CHECKOUT
from services.adapters.kafka.errors import KafkaUnavailableError
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.integration.local.answers import Answers, Prepared, answering
from tests.unit.api.conftest import Api, running

PAGE = "http://127.0.0.1:3000/api"
"""Where the page that printed them found the API."""
COMMANDS = json.loads((CHECKOUT / "web/test/commands.json").read_text())
LINES = [line for one in COMMANDS if (line := one["drivestream"])]
UNKNOWN = {f"unknown_{thing}" for thing in ("import", "replay", "image", "file", "topic")} | {
    "no_such_import",
    "folder_not_found",
}
"""What the API says of ids that nothing has: it has understood the request."""
REPLAYS = {*UNKNOWN, "no_such_reason", "bad_plan"}
KEY = "a-key"
WRITTEN_DIFFERENTLY = ("limit", "since", "until")
"""The command line reads lists in pages, and has its own way with times."""


class Sent(NamedTuple):
    """A request, without what the proxy cuts off."""

    method: str
    target: str
    body: Any

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> Mapping[str, Sequence[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)


@pytest.fixture
def refusing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """An API that refuses everything, so that each command asks once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DRIVESTREAM_API_KEY", KEY)
    problem = {"detail": "No.", "code": "no"}
    with answering() as answers:
        answers.prepared = defaultdict(lambda: [Prepared(404, problem, {})])
        yield answers


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    log = FakeLog()
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    async with running(log, FakeCatalog(), publisher) as api:
        await api.settled()
        yield api


def words_of(line: str) -> Sequence[str]:
    """As a shell passes them on, without a redirection."""
    program, *words = shlex.split(line)
    assert program == "drivestream"
    return words[:-2] if words[-2] in ("<", ">") else words


def test_commands_of_every_part_are_printed() -> None:
    words = [words_of(line) for line in LINES]
    assert {word for word, *_ in words} == {
        *("import", "preview", "watch", "pause", "resume", "cancel", "retry", "failures"),
        *("images", "export", "status", "dead-letters", "replay"),
    }
    replays = {second for first, second, *_ in words if first == "replay"}
    assert replays == {"plan", "start", "watch", "pause", "resume", "cancel", "rate"}


def test_the_command_line_takes_each_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    commands = parser()
    for line in LINES:
        commands.parse_args(words_of(line))  # else the process ends
    with pytest.raises(SystemExit):
        commands.parse_args(words_of(f"drivestream retry job-1 --reasons=gone --api {PAGE}"))
    assert "--reasons" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_and_command_ask_for_the_same_and_the_api_accepts_it(
    api: Api, refusing: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in COMMANDS:
        sent = [_sent(one[by], by, refusing) for by in ("drivestream", "curl") if one[by]]
        assert len({_essence(each) for each in sent}) == 1, one
        for each in sent:
            await _check_accepted(api, each)
    assert set(refusing.authorized) == {f"Bearer {KEY}"}
    assert "Traceback" not in capsys.readouterr().err


def _sent(line: str, by: str, refusing: Answers) -> Sent:
    refusing.asked.clear()
    line = line.replace(PAGE, f"{refusing.url}/api")
    if by == "curl":
        subprocess.run(["/bin/sh", "-c", line], check=False, capture_output=True, timeout=60)
    else:
        main(words_of(line))
    ((request, body, _),) = refusing.asked
    method, target = request.split(" ", 1)
    return Sent(method, target.removeprefix("/api"), body)


def _essence(sent: Sent) -> str:
    """What it asks for, however it is written."""
    query = {name: value for name, value in sent.query.items() if name not in WRITTEN_DIFFERENTLY}
    body = sent.body or {}
    if sent.path == "/replays/plan":
        select = {name: it for name, it in body["select"].items() if name != "since"}
        body = {"transfer": "check", **body, "select": select}
    # The command line looks at the import first.
    path = sent.path.removesuffix("/files")
    return json.dumps([sent.method, path, {} if path != sent.path else query, body], sort_keys=True)


async def _check_accepted(api: Api, sent: Sent) -> None:
    json_body = {} if sent.body is None else {"json": sent.body}
    answer = await api.client.request(sent.method, sent.target, **json_body)
    if answer.status_code >= 400:
        may = REPLAYS if sent.path.startswith("/replays") else UNKNOWN
        assert answer.json()["code"] in may, (sent, answer.text)
