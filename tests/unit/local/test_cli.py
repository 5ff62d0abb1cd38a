"""The command line: what it refuses, what it prints where, and its exit codes."""

import json
import re
from pathlib import Path

import pytest

from local.cli import main
from local.commands import output
from local.paths import CHECKOUT
from services.core.api_keys import digest_of, parse_keys


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with nothing in it."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "S3_ENDPOINT_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "data"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["demo", "--limit", "0"],
        ["demo", "--limit", "soon"],
        ["demo", "--limit", "nan"],
        ["demo", "--folder", "my-folder"],
        ["up", "--once"],
        ["rewind", "", "--to", "earliest"],
        ["rewind", "transfer", "--to", "earliest", "--topic", ""],
        ["replay", "plan", "--mode", "all", "--import", "x", "--to", ""],
        ["key", "ci", "write"],
        ["key", "a b", "read"],
        ["key", "", "read"],
    ],
)
def test_a_wrong_command_is_refused_as_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


def test_help_and_readme_document_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    _, _, codes = capsys.readouterr().out.partition("exit codes:")
    usage = 2  # argparse's
    known = {value for value in vars(output).values() if isinstance(value, int)} | {usage}
    assert {int(code) for code in re.findall(r"^  (\d+) ", codes, re.MULTILINE)} == known
    table = re.findall(r"^\| (\d+) \|", (CHECKOUT / "README.md").read_text(), re.MULTILINE)
    assert set(map(int, table)) == known


def test_a_key_is_printed_with_the_setting_that_knows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["key", "ci", "import"]) == 0
    said = capsys.readouterr()
    key = re.search(r"^Key: +(drivestream_[\w-]{43})$", said.out, re.MULTILINE)
    setting = re.search(r"^Setting: API_KEYS=(.+)$", said.out, re.MULTILINE)
    assert key
    assert setting
    (known,), faults = parse_keys(setting[1])
    assert (known.name, known.scope, faults) == ("ci", "import", [])
    assert known.digest == digest_of(key[1].encode())
    assert "cannot be shown again" in said.err
    assert key[1] not in said.err
    assert main(["key", "ci", "import", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["key"] != key[1]
    assert again["setting"].startswith("ci:import:")


def test_status_says_that_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 3
    assert "Nothing is running" in capsys.readouterr().out


def test_status_as_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 3
    assert json.loads(capsys.readouterr().out) == {"running": False}


def test_down_with_nothing_running_is_no_error(
    data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["down"]) == 0
    assert not data_folder.exists()
    said = capsys.readouterr()
    assert "Nothing is running" in said.err
    assert said.out == ""


def test_purge_refuses_a_folder_that_is_not_ours(
    data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_folder.mkdir()
    (data_folder / "thesis.txt").write_text("years of work")
    assert main(["down", "--purge", "--yes"]) == 3
    assert "Drivestream did not create it" in capsys.readouterr().err
    assert (data_folder / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (["setup"], "KAFKA_BOOTSTRAP_SERVERS, S3_ENDPOINT_URL, DATABASE_URL"),
        (["rebuild-index"], "KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL"),
        (["verify"], "DATABASE_URL"),
        (["prune"], "KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL"),
        (["rewind", "transfer", "--to", "earliest"], "KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_without_servers_it_says_what_is_missing(
    capsys: pytest.CaptureFixture[str], command: list[str], needed: str
) -> None:
    assert main(command) == 3
    verb = "are" if "," in needed else "is"
    assert (
        f"Drivestream is not running here, and {needed} {verb} not set." in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--yes", ""], "not the id of a plan"),
        (["--yes", "a" * 1025], "not the id of a plan"),
        (["--older-than", "0"], "at least 1"),
        (["--yes", "PLAN", "--older-than", "2"], "--yes takes a plan as it is"),
        (["--yes", "PLAN", "--include-others"], "--yes takes a plan as it is"),
        (["--yes", "PLAN", "--plan"], "--yes takes a plan as it is"),
    ],
)
def test_a_prune_that_says_two_things_is_refused(
    capsys: pytest.CaptureFixture[str], options: list[str], why: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prune", *options])
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


def test_a_demo_that_cannot_start_still_gives_json_its_one_object(
    data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_folder.mkdir()
    (data_folder / "thesis.txt").write_text("years of work")
    assert main(["demo", "--once", "--json"]) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["state"] == "error"
    assert "contains other files" in said.err


@pytest.mark.parametrize("name", ["GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_a_demo_on_google_itself_needs_a_folder_before_anything_starts(
    data_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.setenv(name, "something")
    monkeypatch.delenv("DRIVE_API_URL", raising=False)
    assert main(["demo", "--once"]) == 3
    assert "--folder" in capsys.readouterr().err
    assert not data_folder.exists()


@pytest.mark.parametrize("name", ["PORT", "KAFKA_PORT", "DATA_DIR", "HOST"])
@pytest.mark.parametrize("value", ["30\n00", "/data\x1b[2J", "\t", "3000\r", "\x7f", "\x85"])
def test_a_setting_with_a_control_character_is_refused_before_anything_starts(
    data_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["up", "--no-web"]) == 3
    said = capsys.readouterr().err.rstrip("\n")
    assert f"{name} contains a control character" in said
    assert said.isprintable()
    assert not data_folder.exists()


def test_only_a_terminal_makes_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.setenv(name, "1")
    assert not output.Output().console.is_terminal
