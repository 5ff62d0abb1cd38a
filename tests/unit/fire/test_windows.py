"""What `tests.fire` says of the monitor's windows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from services.adapters.kafka.reader import Raw
from services.core import events as e
from tests.fire.checks.windows import counted
from tests.samples import AT, FOUND, SAMPLES

START = AT.replace(second=0, microsecond=0)
STORED: Any = SAMPLES["FileStored"]
FAILED: Any = SAMPLES["FileFailed"]
Records = Sequence[tuple[Raw, e.Message]]


def at(seconds: float, event: Any, import_id: str = "a") -> tuple[Raw, e.Message]:
    ms = int((START.timestamp() + seconds) * 1000)
    raw = Raw(topic="t", partition=0, offset=0, key=b"", value=b"", headers={}, at_ms=ms)
    return raw, replace(event, import_id=import_id)


def window(seconds: int, import_id: str | None = None, **counts: Any) -> tuple[Raw, e.Message]:
    as_of, begins = counts.pop("as_of", 60), counts.pop("begins", 0)
    event = e.WindowCounted(
        import_id=import_id,
        start=START + timedelta(seconds=begins),
        seconds=seconds,
        as_of=START + timedelta(seconds=as_of),
        **counts,
    )
    return at(0, FOUND)[0], event


LOG = [at(1, FOUND), at(9, STORED), at(15, FAILED, "b"), at(59, FOUND, "b")]
ONE: dict[str, Any] = {"found": 1, "stored": 1, "bytes": STORED.size}
FAILURE: dict[str, Any] = {"failed": 1, "failures": {FAILED.reason: 1}}
WHOLE = [
    window(60, **FAILURE, found=2, stored=1, bytes=STORED.size),
    window(10, found=1, as_of=9),  # what is published last counts
    window(10, **ONE),
    window(10, begins=10, **FAILURE),
    window(10, begins=50, found=1),
    *(window(seconds, "a", **ONE) for seconds in (10, 60)),
    window(10, "b", begins=10, **FAILURE),
    window(10, "b", begins=50, found=1),
    window(60, "b", **FAILURE, found=1),
]


def test_windows_that_say_what_is_in_the_log_hold() -> None:
    verdict = counted([*LOG, *WHOLE])
    assert verdict.holds, verdict.wrong


def test_a_window_that_counts_too_much_or_too_little_or_is_missing_is_told() -> None:
    for wrong in (
        [*LOG, *WHOLE, window(10, "a", **{**ONE, "found": 2})],
        [*LOG, *WHOLE, window(60, "b", found=1, failed=1, failures={"other": 1})],
        [*LOG, *WHOLE[:-1]],
        [*LOG[1:], *WHOLE],
        [*LOG, *WHOLE, window(10, "c", found=1)],
    ):
        assert not counted(wrong).holds


def test_windows_that_are_not_whole_are_told_unless_they_are_the_last() -> None:
    still_open = window(10, found=1, as_of=9)
    assert counted([at(1, FOUND), still_open]).holds
    later = window(10, begins=10)
    verdict = counted([at(1, FOUND), still_open, later])
    assert verdict.wrong == [f"window (None, 10, {START.timestamp():.0f}) never became whole"]
