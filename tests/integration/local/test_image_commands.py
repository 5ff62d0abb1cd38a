"""`images`, `export` and `failures`, against a server that answers as the API does."""

import csv
import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cli import main
from local.commands import exporting
from local.paths import CHECKOUT
from local.show.images import reason_words
from tests.integration.local.answers import Answers, answering
from tests.unit.local.reports import ANSWER

Capture = pytest.CaptureFixture[str]
FIRST, SECOND = "GET /images?limit=1000", "GET /images?limit=1000&cursor=two"
NEXT = '</images?limit=1000&cursor=two>; rel="next"'


def an_image(number: int, **changes: object) -> dict[str, object]:
    return {
        "id": number,
        "name": f"one {number}.jpg",
        "google_drive_id": f"file-{number}",
        "size": 1_500_000,
        "mime_type": "image/jpeg",
        "storage_path": f"http://store/{number}",
        "created_at": "2026-11-23T12:00:01.123456Z",
        "content_type": "image/png",
        "later": "field",
        **changes,
    }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Answers]:
    with answering() as answers:
        monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("DRIVESTREAM_URL", answers.url)
        monkeypatch.setattr(exporting, "PAUSE_S", 0.01)
        yield answers


def two_pages(api: Answers) -> list[dict[str, object]]:
    images = [an_image(1, name='=1+1, "a"\n.jpg'), an_image(2), an_image(3)]
    api.add(FIRST, images[:2], Link=NEXT)
    api.add(SECOND, images[2:])
    return images


def test_images_are_a_table_or_json(api: Answers, capsys: Capture) -> None:
    asked = (
        "GET /images?import=i-1&folder=f-1&name=a+b&type=image%2Fpng&min_size=1&max_size=9&"
        "since=2026-11-25T08%3A00%3A00.000000Z&order=-size&limit=5"
    )
    api.add(asked, [an_image(1, name="a\x1b[31m.jpg")])
    filters = ["--import", "i-1", "--folder", "f-1", "--name", "a b", "--type", "image/png"]
    filters += ["--min-size", "1", "--max-size", "9", "--since", "2026-11-25T08:00Z"]
    arguments = ["images", *filters, "--order=-size", "--most", "5"]
    assert main(arguments) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["Drive", "id", "name", "size", "type", "stored", "URL"]
    assert row.startswith("file-1    a [31m.jpg  1.5 MB  image/png  2026-11-23 ")
    assert row.endswith("http://store/1")
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [an_image(1, name="a\x1b[31m.jpg")]


def test_no_image_is_said_and_not_printed(api: Answers, capsys: Capture) -> None:
    api.add("GET /images?limit=100", [])
    assert main(["images"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "There are none.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["images", "--min-size", "-1"],
        ["images", "--order", "colour"],
        ["images", "--name", ""],
        ["images", "--since", "soon"],
        ["export", "--json"],
        ["export", "--format", "xml"],
        ["failures"],
        ["failures", "a b"],
    ],
)
def test_wrong_arguments_are_refused_as_usage(api: Answers, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert api.asked == []


def test_an_export_is_every_page_as_csv(api: Answers, capsys: Capture, tmp_path: Path) -> None:
    two_pages(api)
    target = tmp_path / "images.csv"
    target.write_text("the one before")
    target.chmod(0o640)
    assert main(["export", "-o", str(target)]) == 0
    assert capsys.readouterr() == ("", "3 images exported.\n")
    with target.open(newline="", encoding="utf-8") as file:
        header, *found = csv.reader(file)
    assert header == [
        *("id", "name", "google_drive_id", "size", "mime_type", "storage_path", "created_at"),
        "content_type",
    ]
    assert found[0][1] == '\'=1+1, "a"\n.jpg'
    assert [row[0] for row in found] == ["1", "2", "3"]
    assert found[1][6] == "2026-11-23T12:00:01.123456+00:00"
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(tmp_path.iterdir()) == [target]


def test_json_lines_are_the_images_as_the_api_gave_them(
    api: Answers, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    images = two_pages(api)
    assert main(["export", "--format", "jsonl"]) == 0
    assert [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()] == images
    target = tmp_path / "images.jsonl"
    assert main(["export", "-o", str(target), "--json"]) == 0
    assert [json.loads(line) for line in target.read_bytes().splitlines()] == images
    told = {"images": 3, "file": str(target), "format": "jsonl"}
    assert json.loads(capfdbinary.readouterr().out) == told


def test_an_export_outlives_a_short_outage(api: Answers, tmp_path: Path) -> None:
    images = [an_image(1), an_image(2)]
    api.add(FIRST, images[:1], Link=NEXT)
    api.refuse(SECOND, 503, "database_unavailable", "The database is away.")
    api.add(SECOND, images[1:])
    target = tmp_path / "images.jsonl"
    assert main(["export", "-o", str(target)]) == 0
    assert len(target.read_bytes().splitlines()) == 2


def test_an_export_that_fails_leaves_what_was_there(
    api: Answers, capsys: Capture, tmp_path: Path
) -> None:
    api.add(FIRST, [an_image(1)], Link=NEXT)
    api.refuse(SECOND, 503, "database_unavailable", "The database is away.")
    target = tmp_path / "images.csv"
    target.write_text("the one before")
    assert main(["export", "-o", str(target)]) == 3
    assert target.read_text() == "the one before"
    assert sorted(tmp_path.iterdir()) == [target]
    assert main(["export"]) == 3  # nothing of it reaches standard output
    assert capsys.readouterr().out == ""
    api.prepared[SECOND].clear()
    api.add(SECOND, [{"id": 2}])
    assert main(["export", "-o", str(target)]) == 1
    assert sorted(tmp_path.iterdir()) == [target]


def test_a_target_that_cannot_be_written_is_one_sentence(
    api: Answers, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_pages(api)
    target = tmp_path / "none" / "images.csv"
    assert main(["export", "-o", str(target)]) == 1
    assert (
        capsys.readouterr().err
        == f"The images could not be exported to {target}: No such file or directory.\n"
    )
    with pytest.raises(SystemExit, match="2"):
        main(["export", "-o", str(tmp_path)])
    assert "is a directory; name a file in it" in capsys.readouterr().err

    def full(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert main(["export", "-o", str(tmp_path / "images.csv")]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.*"))


def drivestream(api: Answers, *arguments: str, stdout: int) -> subprocess.Popen[bytes]:
    env = {**os.environ, "DRIVESTREAM_URL": api.url}
    command = [sys.executable, "-m", "local", *arguments]
    return subprocess.Popen(command, cwd=CHECKOUT, env=env, stdout=stdout, stderr=subprocess.PIPE)


def test_a_full_disk_and_a_closed_pipe_are_other_exit_codes(api: Answers) -> None:
    two_pages(api)
    with Path("/dev/full").open("wb") as full:
        process = drivestream(api, "export", stdout=full.fileno())
    assert process.communicate(timeout=60)[1].startswith(
        b"The images could not be exported: No space"
    )
    assert process.returncode == 1
    reads, writes = os.pipe()
    os.close(reads)
    process = drivestream(api, "export", stdout=writes)
    os.close(writes)
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 141


def test_failures_are_grouped_by_reason_with_what_to_do(api: Answers, capsys: Capture) -> None:
    report = {**ANSWER, "failures": {"gone": 1, "not_found": 5}, "folders_failed": 1}
    locked = {"folder_id": "f", "path": "Trips", "reason": "forbidden", "message": "It is locked."}
    api.add("GET /imports/i-1", {**report, "failed_folders": [locked]})
    common = {"path": "Holidays", "message": "Drive has no such file.", "later": 1}
    files = [
        {"google_drive_id": f"f-{n}", "name": f"{n}.jpg", "reason": "not_found", **common}
        for n in range(5)
    ]
    files.append({"google_drive_id": "g", "name": "g\n.jpg", "reason": "gone", **common})
    api.add("GET /imports/i-1/files?state=failed&limit=1000", files)
    assert main(["failures", "i-1"]) == 0
    said = capsys.readouterr()
    words = reason_words()
    assert said.out.splitlines() == [
        f"5 files: {words['not_found'].title} (not_found)",
        *(f"    Holidays/{n}.jpg: Drive has no such file." for n in range(3)),
        "    … and 2 more files",
        f"  What to do: {words['not_found'].cure}",
        "  To try again: drivestream retry i-1 --reason not_found",
        "",
        f"1 file: {words['gone'].title} (gone)",
        "    Holidays/g .jpg: Drive has no such file.",
        "  To try again: drivestream retry i-1 --reason gone",
        "",
        "  not listed: Trips: It is locked.",
    ]
    assert "drivestream retry i-1" in said.err
    assert main(["failures", "i-1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(f["reason"], f["files"]) for f in told["failures"]] == [("not_found", 5), ("gone", 1)]
    assert told["failed_folders"][0]["message"] == "It is locked."


def test_an_import_without_failures_says_so(api: Answers, capsys: Capture) -> None:
    api.add("GET /imports/i-1", {**ANSWER, "failures": {}, "failed": 0})
    api.add("GET /imports/i-1/files?state=failed&limit=1000", [])
    assert main(["failures", "i-1"]) == 0
    assert capsys.readouterr() == ("", "Nothing has failed.\n")
    api.refuse("GET /imports/nope", 404, "unknown_import", "There is no import with this id.")
    assert main(["failures", "nope"]) == 1
