"""The commands that speak to the API, against a server that answers as the API's design says."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.cli import main
from local.paths import CHECKOUT
from local.show.text import moment
from tests.integration.local.answers import Answers, answering
from tests.unit.local.reports import ANSWER

Capture = pytest.CaptureFixture[str]
LINK = "https://drive.google.com/drive/folders/1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
ENDED = {**ANSWER, "state": "completed", "stored": 2100, "failed": 0, "pending": 0, "failures": {}}
REPLAY: dict[str, object] = {
    "id": "replay-1",
    "state": "running",
    "name": "outage",
    "selected": 14,
    "stored": 10,
    "unchanged": 1,
    "failed": 1,
    "pending": 2,
    "failures": {"object_missing": 1},
    "stored_bytes": 1_500_000,
    "files_per_second": 20,
    "plan": {"mode": "all", "files": 20, "most": 15},
}
PLAN: dict[str, object] = {
    "plan_id": "eJyrVg",
    "select": {"imports": ["i-1"], "dead_letters": False},
    "files": 14,
    "bytes": 2_000_000,
    "quota_units": 2870,
    "by_outcome": {"failed": 14},
    "by_reason": {"download_failed": 14},
    "no_op": 3,
    "seconds": 4.2,
    "samples": [{"google_drive_id": "a", "name": "one.jpg\n"}, {"name": "two.jpg"}],
    "imports": 2,
    "left_out": 1,
    "unreadable": 2,
    "unread": 1,
    "ends": [],
    "earliest": "2026-11-20T08:00:00Z",
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Answers]:
    """The API that DRIVESTREAM_URL names; no copy runs here."""
    with answering() as answers:
        monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("DRIVESTREAM_URL", answers.url)
        yield answers


def test_an_import_prints_its_id_and_says_how_to_watch_it(api: Answers, capsys: Capture) -> None:
    api.add("POST /import/google-drive", {"message": "Import started", "jobId": "i-1"}, 202)
    assert main(["import", LINK, "--idempotency-key", "today"]) == 0
    said = capsys.readouterr()
    assert said.out == "i-1\n"
    assert "drivestream watch i-1" in said.err
    assert main(["import", LINK, "--priority", "bulk"]) == 0
    first, second = api.asked
    assert first == ("POST /import/google-drive", {"folderUrl": LINK}, "today")
    assert second.body == {"folderUrl": LINK, "priority": "bulk"}


def test_a_preview_says_what_a_folder_holds(api: Answers, capsys: Capture) -> None:
    seen: dict[str, object] = {
        "name": "Holidays\n",
        "complete": True,
        "images": 2400,
        "bytes": 62_100_000,
        "types": {"image/png": 400, "image/jpeg": 2000},
        "skipped": {"not_an_image": 3},
        "folders": 4,
        "folders_listed": 4,
        "names": ["Beach.jpg", "Sea.jpg"],
        "samples": [{"google_drive_id": "a", "name": "Sea.jpg", "thumbnail": "data:image/jpeg;"}],
        "seconds": 100.4,
    }
    api.add("POST /imports/preview", seen)
    api.add("POST /imports/preview", {**seen, "complete": False, "folders": 90})
    assert main(["preview", LINK]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Holidays: 2,400 images, 62.1 MB, in 4 folders.",
        "Types: 2,000 image/jpeg, 400 image/png.",
        "Not imported: 3 not_an_image.",
        "For example: Beach.jpg, Sea.jpg.",
        "Google's quota lets it be copied in 2 min.",
    ]
    assert api.asked == [("POST /imports/preview", {"folderUrl": LINK}, None)]
    assert main(["preview", LINK]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.endswith("at least 2,400 images, 62.1 MB, in 4 of 90 folders seen so far.")
    assert last == "The preview stopped before the end. An import finds everything."
    assert main(["preview", LINK, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folders"] == 90
    assert told["samples"] == [{"google_drive_id": "a", "name": "Sea.jpg"}]
    assert main(["preview", LINK, "--json", "--thumbnails"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == seen["samples"]


def test_json_is_the_answer_of_the_api_unchanged(api: Answers, capsys: Capture) -> None:
    started = {"message": "Import started", "jobId": "i-1", "later": [1, {"a": None}]}
    api.add("POST /import/google-drive", started, 202)
    assert main(["import", LINK, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == started


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"state": "completed_with_failures", "stored": 2099, "failed": 1}, 1),
        ({"state": "failed"}, 1),
        ({"state": "completed", "found": 2401}, 1),
        ({"state": "cancelled"}, 5),
    ],
)
def test_watching_ends_with_the_import_and_its_exit_code(
    api: Answers, capsys: Capture, changes: dict[str, object], code: int
) -> None:
    api.add("GET /imports/i-1", ANSWER)
    api.add("GET /imports/i-1", ANSWER)
    api.add("GET /imports/i-1", {**ENDED, **changes})
    assert main(["watch", "i-1"]) == code
    said = capsys.readouterr()
    assert "Holidays: 2,301 of 2,400 found" in said.err
    [line] = said.out.splitlines()
    assert line.startswith(f"import-1  {changes.get('state', 'completed')}  Holidays: ")


def test_the_outcome_names_what_failed_what_comes_back_and_how_to_retry(
    api: Answers, capsys: Capture
) -> None:
    after = datetime(2026, 11, 26, 8, tzinfo=UTC)
    locked = {"folder_id": "f", "path": "", "reason": "forbidden", "message": "It is locked."}
    ended = {
        **{**ENDED, "state": "completed_with_failures", "stored": 2098, "failed": 2},
        "failures": {"download_quota_exceeded": 2},
        "folders_failed": 3,
        "failed_folders": [locked, {**locked, "path": "Trips/Rome"}],
        "parked": {"files": 2, "after": after.isoformat()},
    }
    api.add("GET /imports/i-1", ended)
    assert main(["watch", "i-1"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[1:] == [
        "  2 failed: download_quota_exceeded",
        "  not listed: the imported folder itself: It is locked.",
        "  not listed: Trips/Rome: It is locked.",
        "  not listed: 1 more folder",
        "Google limits downloads of 2 files for up to 24 hours. Drivestream retries at "
        f"{moment(after)}.",
    ]
    assert said.err.endswith("`drivestream retry i-1` retries what failed.\n")


def test_a_watched_import_prints_only_the_last_report_as_json(
    api: Answers, capsys: Capture
) -> None:
    api.add("POST /import/google-drive", {"message": "Import started", "jobId": "i-1"}, 202)
    api.add("GET /imports/i-1", {**ENDED, "later": "field"})
    assert main(["import", LINK, "--watch", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**ENDED, "later": "field"}


def test_an_api_that_restarts_meanwhile_is_said_once_and_asked_again(
    api: Answers, capsys: Capture
) -> None:
    api.add("GET /imports/i-1", ANSWER)
    for _ in range(2):
        api.refuse("GET /imports/i-1", 503, "database_unavailable", "The database is away.")
    api.add("GET /imports/i-1", ENDED)
    assert main(["watch", "i-1"]) == 0
    assert capsys.readouterr().err.count("The database is away. Trying again.") == 1


def test_watching_gives_up_when_it_is_told_to(api: Answers, capsys: Capture) -> None:
    api.add("GET /imports/i-1", {**ANSWER, "state": "paused"})
    assert main(["watch", "i-1", "--no-progress", "0.1"]) == 4
    assert "paused: 2,400 found" in capsys.readouterr().err
    assert main(["watch", "i-1", "--limit", "0.1", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["state"] == "error"


@pytest.mark.parametrize(
    ("word", "state"), [("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")]
)
def test_a_control_is_posted_without_a_body_and_shows_the_import(
    api: Answers, capsys: Capture, word: str, state: str
) -> None:
    api.add(f"POST /imports/i-1/{word}", {**ANSWER, "state": state}, 202)
    assert main([word, "i-1"]) == 0
    assert capsys.readouterr().out.startswith(f"import-1  {state}  Holidays: 2,400 found = ")
    assert api.asked == [(f"POST /imports/i-1/{word}", None, None)]
    assert main([word, "i-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**ANSWER, "state": state}


def test_what_the_api_refuses_is_its_sentence_and_for_scripts_its_code(
    api: Answers, capsys: Capture
) -> None:
    api.refuse("POST /imports/i-1/pause", 409, "import_ended", "The import has ended: completed.")
    assert main(["pause", "i-1"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "The import has ended: completed.\n")
    assert main(["pause", "i-1", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "state": "error",
        "error": "The import has ended: completed.",
        "code": "import_ended",
    }


def test_kafka_that_is_away_is_another_exit_code(api: Answers, capsys: Capture) -> None:
    api.refuse("POST /imports/i-1/pause", 503, "unavailable", "Kafka is not responding.")
    assert main(["pause", "i-1"]) == 3
    assert capsys.readouterr().err == "Kafka is not responding.\n"


def test_a_start_whose_end_is_unknown_can_be_repeated_with_the_key_that_it_was_sent_with(
    api: Answers, capsys: Capture
) -> None:
    api.refuse("POST /import/google-drive", 500, "not_queued", "It may not have started.")
    assert main(["import", LINK]) == 3
    [first] = api.asked
    assert f"It may not have started. Run it again with --idempotency-key {first.key}, " in (
        capsys.readouterr().err
    )
    assert main(["import", LINK]) == 3
    assert api.asked[1].key != first.key


def test_an_id_cannot_lead_to_another_address(api: Answers) -> None:
    api.refuse("POST /imports/..%2Freplays%3Fa/pause", 404, "unknown_import", "No such import.")
    assert main(["pause", "../replays?a"]) == 1


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ([], None),
        (["--reason", "download_failed"], {"reason": "download_failed"}),
        (["--files", "a", "b", "--files=-c"], {"files": ["a", "b", "-c"]}),
        (["--folders", "f"], {"folders": ["f"]}),
    ],
)
def test_a_retry_says_what_and_hears_how_many(
    api: Answers, capsys: Capture, options: list[str], body: object
) -> None:
    api.add("POST /imports/i-1/retry", {"files": 14, "folders": 1, "round": 3}, 202)
    assert main(["retry", "i-1", *options]) == 0
    assert capsys.readouterr().out == "14 files and 1 folder are being retried.\n"
    assert api.asked == [("POST /imports/i-1/retry", body, None)]


@pytest.mark.parametrize(
    "command",
    [
        ["import", "https://drive.google.com/file/d/1AbCdEfGhIjKlMnOpQrStUvWxYz012345/view"],
        ["import", LINK, "--idempotency-key", "a\nb"],
        ["import", LINK, "--idempotency-key", ""],
        ["retry", "i-1", "--reason", "r", "--files", "f"],
        ["retry", "i-1", "--reason", "no such"],
        ["pause", ""],
        ["cancel", "a b"],
        ["replay"],
        ["replay", "start", "p"],
        ["replay", "rate", "replay-1", "0"],
    ],
)
def test_wrong_usage_asks_nothing(api: Answers, capsys: Capture, command: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""
    assert api.asked == []


def test_a_retry_of_nothing_says_so(api: Answers, capsys: Capture) -> None:
    api.add("POST /imports/i-1/retry", {"files": 0, "folders": 0, "round": 3}, 202)
    assert main(["retry", "i-1"]) == 0
    assert capsys.readouterr().out == "Nothing matching has failed, so there is nothing to retry.\n"


def test_a_retry_can_be_watched(api: Answers, capsys: Capture) -> None:
    api.add("POST /imports/i-1/retry", {"files": 1, "folders": 0, "round": 1}, 202)
    api.add("GET /imports/i-1", ENDED)
    assert main(["retry", "i-1", "--watch"]) == 0
    said = capsys.readouterr()
    assert "1 file is being retried." in said.err
    assert said.out.startswith("import-1  completed")


def test_a_plan_sends_what_was_selected_with_fixed_times(api: Answers, capsys: Capture) -> None:
    api.add("POST /replays/plan", PLAN)
    select = ["--import", "i-1", "i-2", "--outcome", "failed", "none", "--since", "2h"]
    assert (
        main(["replay", "plan", "--mode", "failed", *select, "--until", "2040-01-02T03:04Z"]) == 0
    )
    [(_, body, _)] = api.asked
    assert isinstance(body, dict)
    since = datetime.fromisoformat(body["select"].pop("since"))
    assert abs(datetime.now(UTC) - timedelta(hours=2) - since) < timedelta(minutes=1)
    assert body == {
        "mode": "failed",
        "transfer": "check",
        "select": {
            "imports": ["i-1", "i-2"],
            "outcomes": ["failed", "none"],
            "until": "2040-01-02T03:04:00Z",
        },
    }
    assert capsys.readouterr().out.splitlines() == [
        "14 files of 2 imports, 2.0 MB, 2,870 quota units, about 4 s at today's quota",
        "  14 failed",
        "  14 download_failed",
        "For example: one.jpg , two.jpg.",
        "Nothing to do for 3: their objects are there already.",
        "Left out because paused or cancelled: 1 import.",
        "Left out because unreadable: 2 files.",
        "Not indexed yet: 1 listing. Make a new plan in a few seconds.",
        f"The log starts at {moment(datetime(2026, 11, 20, 8, tzinfo=UTC))}.",
        "plan eJyrVg",
    ]


def test_dead_letters_are_a_selection_of_their_own(api: Answers, capsys: Capture) -> None:
    select = {"dead_letters": True}
    api.add("POST /replays/plan", {**PLAN, "select": select, "files": 1})
    api.add("POST /replays/plan", {**PLAN, "select": select, "files": 0})
    options = ["replay", "plan", "--mode", "all", "--transfer", "force", "--dead-letters"]
    assert main(options) == 0
    [(_, body, _)] = api.asked
    assert body == {"select": select, "mode": "all", "transfer": "force"}
    assert capsys.readouterr().out.startswith("1 dead letter of 2 imports, ")
    assert main(options) == 0
    assert "The selection matches no files" in capsys.readouterr().out


def test_a_copy_for_one_consumer_is_planned_and_watched(api: Answers, capsys: Capture) -> None:
    api.add("POST /replays/plan", {**PLAN, "target": "search"})
    assert main(["replay", "plan", "--mode", "all", "--import", "i-1", "--to", "search"]) == 0
    [(_, body, _)] = api.asked
    assert isinstance(body, dict)
    assert body["target"] == "search"
    assert "Only copies outcomes to feeds.search." in capsys.readouterr().out
    nothing = {"selected": 0, "stored": 0, "unchanged": 0, "failed": 0, "pending": 0}
    copying = {**REPLAY, **nothing, "failures": {}, "redriven": 9}
    api.add("GET /replays/replay-1", copying)
    api.add("GET /replays/replay-1", {**copying, "state": "completed", "redriven": 15})
    assert main(["replay", "watch", "replay-1"]) == 0
    said = capsys.readouterr()
    assert "outage: 9 of 15 planned" in said.err
    assert "outage: 15 of 15 selected" in said.err
    assert said.out.endswith("\n15 records will be published again unchanged.\n")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--since", "2026-11-25", "--until", "2026-11-24"],
        ["--since", "yesterday"],
        ["--since", "999999w"],
        ["--import", ""],
        ["--import", "a\x1bb"],
        ["--outcome", "lost"],
    ],
)
def test_a_plan_without_a_selection_that_makes_sense_is_wrong_usage(
    api: Answers, capsys: Capture, options: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", "plan", "--mode", "all", *options])
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""
    assert api.asked == []


START = ["--name", "outage", "--why", "the store was full"]


def test_a_replay_is_started_from_its_plan_and_told_how_fast(api: Answers, capsys: Capture) -> None:
    api.add("POST /replays", {"replay_id": "replay-1"}, 202)
    options = ["--rate", "50", "--most", "10", "--idempotency-key", "k"]
    assert main(["replay", "start", "eJyrVg", *START, *options]) == 0
    assert capsys.readouterr().out == "replay-1\n"
    body = {"plan_id": "eJyrVg", "name": "outage", "why": "the store was full"}
    assert api.asked == [("POST /replays", {**body, "files_per_second": 50, "most": 10}, "k")]


def test_the_json_of_a_plan_can_be_piped_into_a_start_that_is_watched(api: Answers) -> None:
    api.add("POST /replays/plan", PLAN)
    api.add("POST /replays", {"replay_id": "replay-1"}, 202)
    api.add("GET /replays/replay-1", REPLAY)
    counts = {"stored": 13, "failed": 0, "pending": 0, "failures": {}, "redriven": 1}
    ended = {**REPLAY, **counts, "state": "completed"}
    api.add("GET /replays/replay-1", ended)
    planned = run("replay", "plan", "--mode", "failed", "--import", "i-1", "--json")
    started = run("replay", "start", "-", *START, "--watch", "--json", text=planned.stdout)
    assert started.returncode == 0, started.stderr
    assert json.loads(started.stdout) == ended
    assert "outage: 12 of 15 planned, 1.5 MB, 1 failed" in started.stderr


def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """One command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        input=text,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_is_no_plan_is_wrong_usage(api: Answers) -> None:
    refused = run("replay", "start", "-", *START, text="eJyrVg")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "not the output of `replay plan --json`" in refused.stderr


@pytest.mark.parametrize(
    ("command", "request_line", "body"),
    [
        (["pause", "replay-1"], "POST /replays/replay-1/pause", None),
        (["resume", "replay-1"], "POST /replays/replay-1/resume", None),
        (["cancel", "replay-1"], "POST /replays/replay-1/cancel", None),
        (["rate", "replay-1", "7"], "PATCH /replays/replay-1", {"files_per_second": 7}),
        (["rate", "replay-1", "none"], "PATCH /replays/replay-1", {"files_per_second": None}),
    ],
)
def test_a_replay_is_controlled(
    api: Answers, capsys: Capture, command: list[str], request_line: str, body: object
) -> None:
    api.add(request_line, REPLAY, 202)
    assert main(["replay", *command]) == 0
    assert capsys.readouterr().out == (
        "replay-1  running  outage: 14 selected = 10 stored + 1 unchanged + 1 failed + 2 pending; "
        "at most 20 files per second\n"
    )
    assert api.asked == [(request_line, body, None)]


def test_a_cancelled_replay_ends_the_watching_of_it(api: Answers, capsys: Capture) -> None:
    api.add("GET /replays/replay-1", {**REPLAY, "state": "cancelled", "redriven": 3})
    assert main(["replay", "watch", "replay-1"]) == 5
    assert capsys.readouterr().out.splitlines() == [
        "replay-1  cancelled  outage: "
        "14 selected = 10 stored + 1 unchanged + 1 failed + 2 not done",
        "  1 failed: object_missing",
        "3 records will be published again unchanged.",
    ]


def test_a_list_is_read_page_by_page_up_to_its_most(api: Answers, capsys: Capture) -> None:
    one, two, three = ({**REPLAY, "id": f"replay-{n}", "name": "x\x1b[2J"} for n in (1, 2, 3))
    api.add("GET /replays?limit=3", [one, two], Link='</replays?limit=3&cursor=c>; rel="next"')
    api.add("GET /replays?limit=3&cursor=c", [three, one])
    assert main(["replay", "list", "--most", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "replay    state    selected  done  failed  name"
    assert lines[1] == "replay-1  running        14    12       1  x [2J"
    assert [line.split()[0] for line in lines[1:]] == ["replay-1", "replay-2", "replay-3"]
    assert main(["replay", "list", "--most", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [one, two, three]


def test_dead_letters_say_where_they_lay_and_why(api: Answers, capsys: Capture) -> None:
    letter = {
        "topic": "files.found",
        "partition": 3,
        "offset": 1204,
        "at": "2026-11-25T08:00:00Z",
        "reason": "undecodable_event",
        "message": f"not JSON\n{'x' * 150}",
    }
    api.add("GET /dead-letters?limit=100", [letter])
    assert main(["dead-letters"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == (
        f"{moment(datetime(2026, 11, 25, 8, tzinfo=UTC))}  files.found/3/1204  undecodable_event  "
        f"not JSON {'x' * 150}"
    )
    api.prepared.clear()
    api.add("GET /dead-letters?limit=100", [])
    assert main(["dead-letters"]) == 0
    assert capsys.readouterr() == ("", "There are none.\n")
    assert main(["dead-letters", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize("document", [b"", b"<html>", b"null", {}, {**ANSWER, "found": -1}])
def test_an_answer_that_makes_no_sense_is_refused_by_its_address(
    api: Answers, capsys: Capture, document: object
) -> None:
    api.add("POST /imports/i-1/pause", document)
    assert main(["pause", "i-1"]) == 1
    assert "The response of /imports/i-1/pause is not" in capsys.readouterr().err


def test_an_api_that_is_not_there_is_unreachable(api: Answers, capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    for command in (["watch", "i-1"], ["import", LINK], ["dead-letters"]):
        assert main([*command, "--api", url]) == 3
        assert f"The API at {url} is not responding" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://x", "http://", "http://me:pass@x", ""])
def test_an_address_of_no_api_is_wrong_usage_and_a_password_is_not_repeated(
    api: Answers, capsys: Capture, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["watch", "i-1", "--api", url])
    assert ended.value.code == 2
    monkeypatch.setenv("DRIVESTREAM_URL", url)
    assert main(["watch", "i-1"]) == 3
    said = capsys.readouterr().err
    assert "pass@" not in said
    assert "DRIVESTREAM_URL" in said


def test_the_key_goes_with_every_request_to_the_api_and_to_nobody_else(
    api: Answers, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIVESTREAM_API_KEY", " drivestream_secret ")
    api.add("GET /imports/i-1", ENDED)
    assert main(["watch", "i-1", "--json"]) == 0
    api.add("POST /imports/i-1/pause", ANSWER, 202)
    assert main(["pause", "i-1"]) == 0
    assert api.authorized == ["Bearer drivestream_secret"] * 2
    with answering() as others:
        others.add("GET /imports/i-2", ENDED)
        api.add("GET /imports/i-2", {}, 302, Location=f"{others.url}/imports/i-2")
        assert main(["watch", "i-2", "--json"]) == 0
        assert others.authorized == [None]
    api.refuse("GET /imports/i-3", 401, "unknown_key", "The key is not known.")
    assert main(["watch", "i-3"]) == 1
    monkeypatch.setenv("DRIVESTREAM_API_KEY", "drivestream_\nsecret")
    assert main(["watch", "i-1"]) == 3
    said = capsys.readouterr()
    assert "The key is not known. Put the key into DRIVESTREAM_API_KEY." in said.err
    assert "DRIVESTREAM_API_KEY is not an API key" in said.err
    assert "secret" not in said.out + said.err


def test_a_reader_that_leaves_ends_the_command_quietly(api: Answers) -> None:
    api.add("GET /replays?limit=1000", [REPLAY] * 1000)
    child = subprocess.Popen(
        [sys.executable, "-m", "local", "replay", "list", "--most", "1000"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert child.stdout
    assert child.stderr
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(60) == 141
