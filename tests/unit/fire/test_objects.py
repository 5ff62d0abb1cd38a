"""What `tests.fire` says of the bucket."""

from dataclasses import replace

from tests.fire.checks.imports import FileRow
from tests.fire.checks.objects import IN_HAND, Image, Object, no_uploads, once, right_bytes

ID = "i" * 33
KEY = f"{ID}_0123_picture.jpg"
THERE = {KEY: Object(5, "md5", "sha256")}
ROW = FileRow(import_id="a", file_id=ID, state="stored", object_key=KEY, md5="md5", sha256="sha256")
IMAGE = Image(file_id=ID, md5="md5", key=KEY)
EVER, NOW = {ID: {"md5"}}, {ID: "md5"}


def test_the_right_bytes_hold() -> None:
    assert right_bytes(THERE, [ROW], [IMAGE], EVER, NOW).holds


def test_wrong_bytes_are_told_wherever_they_show() -> None:
    other = {KEY: Object(5, "other", "sha256")}
    assert not right_bytes(other, [], [], EVER, NOW).holds
    assert not right_bytes(THERE, [replace(ROW, md5="other")], [], EVER, NOW).holds
    assert not right_bytes(THERE, [replace(ROW, sha256="other")], [], EVER, NOW).holds
    assert not right_bytes({}, [ROW], [], EVER, NOW).holds
    assert not right_bytes({}, [], [IMAGE], EVER, NOW).holds
    assert not right_bytes(THERE, [], [IMAGE], EVER, {ID: "newer"}).holds
    assert right_bytes({}, [replace(ROW, state="failed")], [], EVER, NOW).holds


def test_each_file_once_holds() -> None:
    assert once(THERE, [ROW], [IMAGE], EVER, {ID}).holds


def test_what_is_doubled_lacking_or_foreign_is_told() -> None:
    twice = {**THERE, f"{ID}_4567_picture.jpg": Object(5, "md5", "sha256")}
    rows = [ROW, replace(ROW, object_key=f"{ID}_4567_picture.jpg")]
    assert not once(twice, rows, [IMAGE], EVER, {ID}).holds
    assert once(twice, rows, [IMAGE], {ID: {"md5", "older"}}, {ID}).holds
    assert not once(twice, [ROW], [IMAGE], {ID: {"md5", "older"}}, {ID}).holds
    assert not once(THERE, [ROW], [IMAGE, IMAGE], EVER, {ID}).holds
    assert not once(THERE, [ROW], [], EVER, {ID}).holds
    assert not once(THERE, [ROW], [IMAGE], EVER, set()).holds


def test_uploads_that_no_strike_explains_are_told() -> None:
    assert no_uploads([], 0).holds
    assert no_uploads([KEY], 1).holds
    assert not no_uploads([KEY], 0).holds
    assert not no_uploads([KEY] * (IN_HAND + 1), 1).holds
